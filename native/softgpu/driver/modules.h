// Kernel images and their functions.
#pragma once

#include <cstddef>

namespace softgpu {

std::size_t count_modules();

struct Context;

void forget_modules(const Context& context);

}
