// Element-wise kernels: grid (columns / 256, rows up to 65535); a block takes 256 columns of a row, four consecutive ones a thread where it has 64 threads, one
// where it has 256, which keeps a GPU busier with tensors that do not fill it.
#pragma once

#include "tensor.cuh"

constexpr int columns_per_block = 256;

// Consecutive elements of a row in registers.
template <int width>
struct Elements
{
    float value[width];

    __device__ float& operator[](int i) { return value[i]; }
    __device__ float operator[](int i) const { return value[i]; }
};

using Four = Elements<4>;

// Past the last column a thread has nothing to do; the limit keeps that true for the widest rows.
template <int width = 4>
__device__ inline int first_column()
{
    const unsigned column = width * (blockIdx.x * blockDim.x + threadIdx.x);
    return column < 0x7fffffffu ? static_cast<int>(column) : 0x7fffffff;
}

__device__ inline int first_row() { return static_cast<int>(blockIdx.y); }
__device__ inline int row_step() { return static_cast<int>(gridDim.y); }

// A number that is known when a lambda is compiled.
template <int number>
struct Constant
{
    __device__ constexpr operator int() const { return number; }
};

template <int width, typename Body>
__device__ inline void for_elements_of_width(int rows, int columns, const Body& body)
{
    const int column = first_column<width>();
    const int count = columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < rows; row += row_step())
        body(Constant<width>(), row, column, count);
}

// Calls body(width, row, column, count) for the `width` elements from each place on that is this thread's; `count` are left in the row, at least one.
template <typename Body>
__device__ inline void for_elements(int rows, int columns, const Body& body)
{
    if (blockDim.x == columns_per_block)
        for_elements_of_width<1>(rows, columns, body);
    else
        for_elements_of_width<4>(rows, columns, body);
}

// One access of 16 bytes where the address allows it, which is the same for all whole fours of a row.
__device__ inline bool is_vector(const float* address, int count)
{
    return count >= 4 && reinterpret_cast<unsigned long long>(address) % 16 == 0;
}

// As many of the `count` elements that are left in the row; zeros past its end.
template <int width = 4>
__device__ inline Elements<width> load(const float* source, int count)
{
    if constexpr (width == 4) {
        if (is_vector(source, count)) {
            const float4 v = *reinterpret_cast<const float4*>(source);
            return {{v.x, v.y, v.z, v.w}};
        }
    }
    Elements<width> result;
    for (int i = 0; i < width; i++)
        result[i] = i < count ? source[i] : 0.0f;
    return result;
}

template <int width>
__device__ inline void store(const Elements<width>& elements, float* target, int count)
{
    if constexpr (width == 4) {
        if (is_vector(target, count)) {
            *reinterpret_cast<float4*>(target) = make_float4(elements[0], elements[1], elements[2], elements[3]);
            return;
        }
    }
    for (int i = 0; i < width; i++)
        if (i < count)
            target[i] = elements[i];
}

// From the operand where a tensor has nothing else.
template <int width>
__device__ inline Elements<width> load(const Tensor& source, int row, int column, int count)
{
    if (source.data != nullptr)
        return load<width>(source.row(row) + column, count);
    const bfloat16* const operand = source.operand_row(row) + column;
    Elements<width> result;
    for (int i = 0; i < width; i++)
        result[i] = i < count ? to_float(operand[i]) : 0.0f;
    return result;
}

struct alignas(8) FourOperands
{
    bfloat16 value[4];
};

// The values that products alone do not read, and their rounded copy where products do.
template <int width>
__device__ inline void store(const Elements<width>& elements, const Tensor& target, int row, int column, int count)
{
    if (target.data != nullptr)
        store(elements, target.row(row) + column, count);
    if (target.operand == nullptr)
        return;
    bfloat16* const operand = target.operand_row(row) + column;
    if constexpr (width == 4) {
        if (count >= 4 && reinterpret_cast<unsigned long long>(operand) % sizeof(FourOperands) == 0) {
            *reinterpret_cast<FourOperands*>(operand)
                = {{to_bfloat16(elements[0]), to_bfloat16(elements[1]), to_bfloat16(elements[2]), to_bfloat16(elements[3])}};
            return;
        }
    }
    for (int i = 0; i < width; i++)
        if (i < count)
            operand[i] = to_bfloat16(elements[i]);
}
