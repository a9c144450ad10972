// Programmatic dependent launch (CUDA programming guide, section 4.5; PTX ISA, "griddepcontrol"), compute capability 9.0 and later: a kernel that the host
// launches so starts when all blocks of the one before have let it, or have ended.
//
// The rule of every kernel: each thread waits before it reads what an earlier kernel may write, and before it writes anything; only then does it let the
// next kernel start. A kernel that starts thus finds everything complete and visible but the one kernel before it, and the wait is for that one.
// What a thin product does before its wait, thin_product.cuh says; all other kernels wait first.
#pragma once

#ifndef __CUDACC__
#include "cuda_on_cpu.h"
#endif

// Waits until the kernels before this one are complete and what they wrote is visible, then lets the next one start. Every thread of every kernel calls it.
__device__ inline void wait_for_earlier_kernels()
{
#ifndef __CUDACC__
    // Not on the stack, which the next thread may begin on without anything between that ThreadSanitizer knows.
    static constexpr softgpu::Site wait = {"griddepcontrol.wait", __FILE__, __LINE__}, start = {"griddepcontrol.launch_dependents", __FILE__, __LINE__};
    softgpu::wait_for_earlier_kernels(wait);
    softgpu::let_next_kernel_start(start);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" : : : "memory");
    asm volatile("griddepcontrol.launch_dependents;" : : : "memory");
#endif
}
