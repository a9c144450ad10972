// Element-wise kernels: block (64, 1, 1), four consecutive columns a thread, grid (columns / 256, rows up to 65535).
#pragma once

#include "tensor.cuh"

// Four consecutive elements of a row in registers.
struct Four
{
    float value[4];

    __device__ float& operator[](int i) { return value[i]; }
    __device__ float operator[](int i) const { return value[i]; }
};

// Past the last column a thread has nothing to do; the limit keeps that true for the widest rows.
__device__ inline int first_column()
{
    const unsigned column = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
    return column < 0x7fffffffu ? static_cast<int>(column) : 0x7fffffff;
}

__device__ inline int first_row() { return static_cast<int>(blockIdx.y); }
__device__ inline int row_step() { return static_cast<int>(gridDim.y); }

// One access of 16 bytes where the address allows it, which is the same for all whole fours of a row.
__device__ inline bool is_vector(const float* address, int count)
{
    return count >= 4 && reinterpret_cast<unsigned long long>(address) % 16 == 0;
}

// Up to four elements of the `count` that are left in the row; zeros past its end.
__device__ inline Four load(const float* source, int count)
{
    if (is_vector(source, count)) {
        const float4 v = *reinterpret_cast<const float4*>(source);
        return {{v.x, v.y, v.z, v.w}};
    }
    Four result;
    for (int i = 0; i < 4; i++)
        result[i] = i < count ? source[i] : 0.0f;
    return result;
}

__device__ inline void store(const Four& four, float* target, int count)
{
    if (is_vector(target, count)) {
        *reinterpret_cast<float4*>(target) = make_float4(four[0], four[1], four[2], four[3]);
        return;
    }
    for (int i = 0; i < 4; i++)
        if (i < count)
            target[i] = four[i];
}

struct alignas(8) FourOperands
{
    bfloat16 value[4];
};

// The values that products alone do not read, and their rounded copy where products do.
__device__ inline void store(const Four& four, const Tensor& target, int row, int column, int count)
{
    if (target.data != nullptr)
        store(four, target.row(row) + column, count);
    if (target.operand == nullptr)
        return;
    bfloat16* const operand = target.operand_row(row) + column;
    if (count >= 4 && reinterpret_cast<unsigned long long>(operand) % sizeof(FourOperands) == 0) {
        *reinterpret_cast<FourOperands*>(operand)
            = {{to_bfloat16(four[0]), to_bfloat16(four[1]), to_bfloat16(four[2]), to_bfloat16(four[3])}};
        return;
    }
    for (int i = 0; i < 4; i++)
        if (i < count)
            operand[i] = to_bfloat16(four[i]);
}
