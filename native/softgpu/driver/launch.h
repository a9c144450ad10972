// Runs launches: the blocks on the threads of the pool.
#pragma once

#include "block_runner.h"

namespace softgpu {

// Copies nothing: `body` runs one thread.
Launch prepare(const char* kernel, const Index& grid, const Index& block, std::function<void()> body, SharedMemory (*shared_memory)());

// Runs every block in an order that the seed decides; what goes wrong fails the context.
void execute(Launch& launch);

}
