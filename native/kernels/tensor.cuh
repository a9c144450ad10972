// The arguments of the kernels: the same bytes as the structures of the managed side.
#pragma once

#include "bfloat16.cuh"

// A row-major view; with neither data nor operand it stands for "absent". Neither address nor stride need be a multiple of four elements.
struct Tensor
{
    float* data; // null where only products read it
    int rows;
    int columns;
    int stride; // elements from one row to the next
    bfloat16* operand; // the same elements rounded for products, at the same distances; null where there are none

    __device__ bool is_empty() const { return data == nullptr && operand == nullptr; }
    __device__ float* row(int index) const { return data + static_cast<long long>(index) * stride; }
    __device__ bfloat16* operand_row(int index) const { return operand + static_cast<long long>(index) * stride; }
    __device__ float scalar() const { return *data; }
};

struct IdTensor
{
    int* data;
    int count;

    __device__ bool is_empty() const { return data == nullptr; }
};

static_assert(sizeof(Tensor) == 32 && sizeof(IdTensor) == 16, "the managed side passes these bytes");
