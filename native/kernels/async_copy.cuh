// Copies from device memory to shared memory that a thread does not wait for until it must; compute capability 8.0 and later.
#pragma once

#ifndef __CUDACC__
#include "tensor_cores_on_cpu.h"
#endif

// So many bytes, 0 to 16, and zeros behind them up to 16; both addresses on multiples of 16. Of what is not copied nothing is read.
__device__ inline void copy_16_bytes(void* shared, const void* source, int bytes)
{
#ifndef __CUDACC__
    softgpu::copy_async(shared, source, static_cast<unsigned>(bytes), {"cp.async", __builtin_FILE(), __builtin_LINE()});
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))), "l"(__cvta_generic_to_global(source)), "r"(bytes)
                 : "memory");
#else
    static_cast<void>(shared);
    static_cast<void>(source);
    static_cast<void>(bytes);
    __trap();
#endif
}

// What this thread has copied since the last call becomes a group, perhaps an empty one.
__device__ inline void commit_copies()
{
#ifndef __CUDACC__
    softgpu::commit_copies();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" : : : "memory");
#endif
}

// Waits until at most so many of this thread's groups are under way, the latest ones. Other threads see what was copied after a barrier.
template <int groups>
__device__ inline void wait_for_copies()
{
#ifndef __CUDACC__
    softgpu::wait_for_copies(groups);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" : : "n"(groups) : "memory");
#endif
}
