// Runs launches: the blocks on the threads of the pool.
#pragma once

#include "block_runner.h"

namespace softgpu {

// Copies nothing: `body` runs one thread.
Launch prepare(const char* kernel, const Index& grid, const Index& block, std::function<void()> body, SharedMemory (*shared_memory)());

// Runs some blocks of a dependent launch up to their threads' waits, before the kernel before it; execute goes on with them, on the same thread of the host.
void begin_early(Launch& launch);

// Runs every block in an order that the seed decides; what goes wrong fails the context.
void execute(Launch& launch);

}
