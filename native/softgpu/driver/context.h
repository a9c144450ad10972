// Each device's primary context, which threads make current. Everything but errors and memory is guarded by driver_lock.
#pragma once

#include "errors.h"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <random>
#include <string>

namespace softgpu {

struct Context {
    int device = 0;
    int retained = 0;
    unsigned long begins = 0; // how often it was retained as the first
    std::mt19937_64 random;
    std::size_t habit = 0; // of choose_next
    std::size_t queued = 0; // operations in all of its streams
    std::size_t memory_used = 0;
    long allocations = 0; // so far
    std::atomic<CUresult> failure{success};
    std::string failure_message;
};

std::recursive_mutex& driver_lock();

CUresult check_initialised();

// That too, and whether there is such a device.
CUresult check_device(int device);

// What a call must answer before it does anything: not initialised, no current context, or the context's error.
CUresult ready();

// After ready(): the context that is current on this thread.
Context& current_context();

// Refuses, by name, what belongs to another context than the current one.
CUresult check_owner(const Context& owner, const char* what);

// The context whose work this thread does, or else the current one; null where neither is.
Context* acting_context();

// While it lives, this thread does work of that context.
class Acting {
public:
    explicit Acting(Context* context);
    ~Acting();
    Acting(const Acting&) = delete;
    Acting& operator=(const Acting&) = delete;

private:
    Context* before_;
};

// A choice of one of n that the seed decides; the first without a seed.
std::size_t choose(Context& context, std::size_t n);

// Which of n things that could go on does so next, the first of them called first: with a seed for a while any, for a while the first and for a while the last,
// so that something may wait as long as it can; the first without a seed.
std::size_t choose_next(Context& context, std::size_t n);

// A seed for the order within one launch; 0 without a seed.
unsigned long choose_order(Context& context);

void restart_choices();

}
