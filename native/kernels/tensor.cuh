// The arguments of the kernels: the same bytes as the structures of the managed side.
#pragma once

#ifndef __CUDACC__
#include "cuda_on_cpu.h"
#endif

// A row-major view; without data it stands for "absent". Neither address nor stride need be a multiple of four elements.
struct Tensor
{
    float* data;
    int rows;
    int columns;
    int stride; // elements from one row to the next

    __device__ bool is_empty() const { return data == nullptr; }
    __device__ float* row(int index) const { return data + static_cast<long long>(index) * stride; }
    __device__ float scalar() const { return *data; }
};

struct IdTensor
{
    int* data;
    int count;

    __device__ bool is_empty() const { return data == nullptr; }
};

static_assert(sizeof(Tensor) == 24 && sizeof(IdTensor) == 16, "the managed side passes these bytes");
