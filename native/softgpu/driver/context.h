// The one device's primary context, which threads make current. Everything but errors and memory is guarded by driver_lock.
#pragma once

#include "errors.h"

#include <cstddef>
#include <mutex>

namespace softgpu {

std::recursive_mutex& driver_lock();

CUresult check_initialised();

// That too, and whether there is such a device.
CUresult check_device(int device);

// What a call must answer before it does anything: not initialised, no current context, or the context's error.
CUresult ready();

// A choice of one of n that the seed decides; the first without a seed.
std::size_t choose(std::size_t n);

// A seed for the order within one launch; 0 without a seed.
unsigned long choose_order();

void restart_choices();

}
