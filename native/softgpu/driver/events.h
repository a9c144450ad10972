// Events: marks in streams to wait for.
#pragma once

#include <cstddef>

namespace softgpu {

std::size_t count_events();

struct Context;

void forget_events(const Context& context);

}
