// A barrier of all blocks of a cooperative launch, which alone makes them all run beside each other; compute capability 7.0 and later.
#pragma once

#ifndef __CUDACC__
#include "cuda_on_cpu.h"
#endif

// Adds to a word, after all that this thread did, and what it knows others to have done, is visible on the whole GPU; returns what was there.
__device__ inline unsigned long long add_and_release(unsigned long long* word, unsigned long long addend)
{
#ifndef __CUDACC__
    return __atomic_fetch_add(word, addend, __ATOMIC_RELEASE);
#else
    unsigned long long before;
    asm volatile("atom.add.release.gpu.global.u64 %0, [%1], %2;" : "=l"(before) : "l"(__cvta_generic_to_global(word)), "l"(addend) : "memory");
    return before;
#endif
}

// What stands there, and with it all that was visible before it was written.
__device__ inline unsigned long long load_and_acquire(const unsigned long long* word)
{
#ifndef __CUDACC__
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
#else
    unsigned long long value;
    asm volatile("ld.acquire.gpu.global.u64 %0, [%1];" : "=l"(value) : "l"(__cvta_generic_to_global(word)) : "memory");
    return value;
#endif
}

// What every thread of every block wrote before it, every thread sees after it. Each block counts once: a barrier is over at the next multiple of the
// number of blocks, so that nothing is ever reset; the word begins at 0 and belongs to launches of one number of blocks, one after the other.
__device__ inline void synchronise_grid(unsigned long long* arrivals)
{
    __syncthreads();
    if (threadIdx.x == 0) {
        const unsigned long long blocks = gridDim.x;
        const unsigned long long before = add_and_release(arrivals, 1);
        const unsigned long long over = before - before % blocks + blocks;
        for (unsigned long long now = load_and_acquire(arrivals); now < over; now = load_and_acquire(arrivals)) {
#ifndef __CUDACC__
            softgpu::wait_for_change(arrivals, now, {"synchronise_grid", __FILE__, __LINE__});
#endif
        }
    }
    __syncthreads();
}
