// Pinned host memory, which copies use when they run and not when they are called.
#pragma once

#include <cstddef>

namespace softgpu {

// Whether the range lies within one live block of pinned memory.
bool is_pinned_range(const void* address, std::size_t bytes);

std::size_t count_host_allocations();

struct Context;

void forget_host_memory(const Context& context);

}
