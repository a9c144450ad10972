// Launches the kernels of the image that VBILSTM_KERNELS names (default: the build's own) through the driver library, on one stream, all of them so that
// they may start before the one before has ended: each must wait.
#pragma once

#include <cstddef>

struct Dimensions
{
    unsigned x = 1, y = 1, z = 1;
};

// Failures throw std::runtime_error with the call, the driver's message and what was being done.
void* allocate(std::size_t bytes);
void release(void* address);
void upload(void* target, const void* source, std::size_t bytes);
void download(void* target, const void* source, std::size_t bytes);
void enqueue_untyped(const char* kernel, Dimensions grid, Dimensions block, void** arguments);
void launch_untyped(const char* kernel, Dimensions grid, Dimensions block, void** arguments);

// All blocks beside each other, of 256 threads, with so many bytes of shared memory that the launch asks for.
void launch_cooperatively_untyped(const char* kernel, unsigned blocks, unsigned shared_bytes, void** arguments);

// Runs when something later is waited for.
template <typename... Arguments>
void enqueue(const char* kernel, Dimensions grid, Dimensions block, Arguments... arguments)
{
    void* pointers[] = {&arguments...};
    enqueue_untyped(kernel, grid, block, pointers);
}

template <typename Argument>
void launch_cooperatively(const char* kernel, unsigned blocks, unsigned shared_bytes, Argument argument)
{
    void* pointers[] = {&argument};
    launch_cooperatively_untyped(kernel, blocks, shared_bytes, pointers);
}

template <typename... Arguments>
void launch(const char* kernel, Dimensions grid, Dimensions block, Arguments... arguments)
{
    void* pointers[] = {&arguments...};
    launch_untyped(kernel, grid, block, pointers);
}
