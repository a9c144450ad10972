// Kernel images and their functions.
#pragma once

#include <cstddef>

namespace softgpu {

std::size_t count_modules();

void forget_modules();

}
