// Wild accesses of kernels.
#pragma once

namespace softgpu {

// Turns faults of kernels into errors; those of everything else go to the handlers that were there before.
void install_fault_handler();

}
