// Shared memory that a launch asks for.
#pragma once

#ifndef __CUDACC__
#include "cuda_on_cpu.h"
#endif

// Begins on a multiple of 16.
__device__ inline unsigned char* dynamic_memory()
{
#ifndef __CUDACC__
    return static_cast<unsigned char*>(softgpu::dynamic_shared_memory());
#else
    extern __shared__ __align__(16) unsigned char launch_memory[];
    return launch_memory;
#endif
}
