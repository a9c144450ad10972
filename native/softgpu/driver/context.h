// The state of the one device and its primary context. Everything here is guarded by driver_lock.
#pragma once

#include "errors.h"

#include <mutex>
#include <random>
#include <string>

namespace softgpu {

struct Context {
    bool initialised = false;
    int retained = 0;
    CUresult error = success;
    std::string error_message;
    std::mt19937_64 random;
    long allocations = 0;
    long launches = 0;
    long graphs = 0;
};

std::recursive_mutex& driver_lock();
Context& context();

// What a call must answer before it does anything: not initialised, no current context, or the sticky error.
CUresult ready();

// A seeded choice of one of n; the first where no seed was given.
std::size_t choose(std::size_t n);

Options& mutable_options();
void read_environment();

}
