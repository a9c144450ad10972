// Kernel images and launches.
#pragma once

namespace softgpu {

void forget_modules();

}
