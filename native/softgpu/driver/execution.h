// Runs the threads of a launch: blocks on the threads of a pool, a block's threads as fibers that take turns.
#pragma once

#include "../cuda_on_cpu.h"

#include <functional>
#include <string>

namespace softgpu {

struct Launch {
    std::string kernel;
    Index grid;
    Index block;
    std::function<void()> body; // one thread
};

// Runs every block; a fault makes the context fail with a message that names kernel, block and thread.
void execute(const Launch& launch);

// Turns wild accesses of kernels into errors; those of others go to the handler that was there before.
void install_fault_handler();

}
