// Device and pinned host memory.
#pragma once

#include "errors.h"

#include <cstddef>

namespace softgpu {

// Whether the range lies within one live block of pinned host memory.
bool is_pinned_range(const void* address, std::size_t bytes);

// Whether the address is in memory of this device, live or freed, guard pages included.
bool is_device_address(const void* address);

// "4 bytes past the end of allocation 7 of 400 bytes", for an address near one.
std::string describe_address(const void* address);

// After each operation: has anything written past the end of an allocation?
void check_canaries(const char* what);

// After a kernel in which a float operation was invalid: did it compute with memory that nothing had written?
void check_uninitialised_reads(const char* what);

void forget_memory();

}
