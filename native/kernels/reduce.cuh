// Reductions in a fixed order: by shuffles within a warp, then through shared memory between the warps of a block.
#pragma once

#include "tensor.cuh"

constexpr int warp_size = 32;
constexpr unsigned all_lanes = 0xffffffffu;
constexpr int maximum_warps = 8;

// The value of the lane whose number differs in one bit; a type of its own overloads it.
__device__ inline float exchange(float value, int bit) { return __shfl_xor_sync(all_lanes, value, bit); }
__device__ inline double exchange(double value, int bit) { return __shfl_xor_sync(all_lanes, value, bit); }

// Combines the values of a warp's 32 lanes; `combine` is commutative, so every lane gets the same bits.
template <typename T, typename Combine>
__device__ inline T reduce_warp(T value, Combine combine)
{
    for (int bit = warp_size / 2; bit > 0; bit /= 2)
        value = combine(value, exchange(value, bit));
    return value;
}

// Every thread of a one-dimensional block of whole warps, at most maximum_warps, calls this and gets the result.
// `partial` is shared memory that nothing else uses until the kernel ends.
template <typename T, typename Combine>
__device__ inline T reduce_block(T value, T* partial, T neutral, Combine combine)
{
    const int warps = static_cast<int>(blockDim.x) / warp_size;
    const int warp = static_cast<int>(threadIdx.x) / warp_size;
    const int lane = static_cast<int>(threadIdx.x) % warp_size;
    value = reduce_warp(value, combine);
    if (warps == 1)
        return value;
    if (lane == 0)
        partial[warp] = value;
    __syncthreads();
    return reduce_warp(lane < warps ? partial[lane] : neutral, combine);
}

template <typename T>
struct Sum
{
    __device__ T operator()(T a, T b) const { return a + b; }
};

template <typename T>
__device__ inline T sum_block(T value, T* partial)
{
    return reduce_block(value, partial, T(0), Sum<T>());
}
