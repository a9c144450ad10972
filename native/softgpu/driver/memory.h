// Device memory: every allocation between inaccessible pages, filled with a pattern that shows where it is read before it is written.
#pragma once

#include "errors.h"

#include <cstddef>
#include <string>

namespace softgpu {

inline void* pointer(unsigned long long address) { return reinterpret_cast<void*>(address); }

// "4 bytes past the end of allocation 7 of 400 bytes".
std::string describe_address(const void* address);

// CUDA_ERROR_INVALID_VALUE with an explanation where the range is not within one live allocation.
CUresult check_range(const char* call, const void* address, std::size_t bytes);

// Fills memory with what shows that it is read before it is written.
void fill_with_never_written(void* address, std::size_t bytes);

// After an operation: fails the context where something was written just outside of an allocation.
void check_canaries(const std::string& what);

// After an operation with an invalid floating-point operation: fails the context where its result comes from memory that nothing had written.
void check_uninitialised_reads(const std::string& what);

std::size_t count_allocations();

// Work of the context comes next: its memory is accessible, and that of no other device, for there is no peer access.
void open_memory(const Context& context);

void forget_memory(Context& context);

}
