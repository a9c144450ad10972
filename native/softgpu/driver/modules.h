// Kernel images and their functions.
#pragma once

namespace softgpu {

void forget_modules();

}
