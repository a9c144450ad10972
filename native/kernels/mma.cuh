// Products of bf16 fragments on tensor cores, summed in float32; compute capability 8.0 and later. The lanes of a warp call these together.
#pragma once

#include "bfloat16.cuh"
#ifndef __CUDACC__
#include "tensor_cores_on_cpu.h"
#define VBILSTM_SITE(call) softgpu::Site{call, __builtin_FILE(), __builtin_LINE()}
#endif

// What a lane holds of a 16 x 16 matrix, of a 16 x 8 matrix, and of their 16 x 8 product: PTX ISA, "mma.m16n8k16".
struct FragmentA
{
    unsigned words[4];
};

struct FragmentB
{
    unsigned words[2];
};

struct FragmentOfSums
{
    float values[4];
};

// The place of a lane's first element in the sums; the second is the next column, the other two are 8 rows below.
__device__ inline int row_of_sums(int lane) { return lane / 4; }
__device__ inline int column_of_sums(int lane) { return 2 * (lane % 4); }

// sums += a b.
__device__ inline void multiply_add(FragmentOfSums& sums, const FragmentA& a, const FragmentB& b)
{
#ifndef __CUDACC__
    softgpu::multiply_add_m16n8k16(sums.values, a.words, b.words, VBILSTM_SITE("mma.sync"));
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums.values[0]), "+f"(sums.values[1]), "+f"(sums.values[2]), "+f"(sums.values[3])
                 : "r"(a.words[0]), "r"(a.words[1]), "r"(a.words[2]), "r"(a.words[3]), "r"(b.words[0]), "r"(b.words[1]));
#else
    __trap(); // nothing launches it there
#endif
}

// Matrices of 8 x 8 elements in shared memory, one for each eight lanes, whose addresses are those of its rows; a word of each to every lane.
template <bool is_transposed, unsigned count>
__device__ inline void load_matrices(unsigned (&words)[count], const bfloat16* row_of_lane)
{
    static_assert(count == 2 || (count == 4 && !is_transposed));
#ifndef __CUDACC__
    softgpu::load_matrices(words, row_of_lane, is_transposed, VBILSTM_SITE(is_transposed ? "ldmatrix.trans" : "ldmatrix"));
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row_of_lane));
    if constexpr (count == 4)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3]) : "r"(address) : "memory");
    else if constexpr (is_transposed)
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(words[0]), "=r"(words[1]) : "r"(address) : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(words[0]), "=r"(words[1]) : "r"(address) : "memory");
#else
    static_cast<void>(row_of_lane);
    static_cast<void>(words);
    __trap(); // nothing launches it there
#endif
}

// A from a row-major matrix in shared memory; its rows begin on multiples of 16 bytes. The lane's row is row lane % 16 from column 8 (lane / 16) on.
__device__ inline FragmentA load_fragment_a(const bfloat16* row_of_lane)
{
    FragmentA a = {};
    load_matrices<false>(a.words, row_of_lane);
    return a;
}

// B from a row-major matrix in shared memory: the lane's row is row lane % 16. Lanes from 16 on give any row.
__device__ inline FragmentB load_fragment_b(const bfloat16* row_of_lane)
{
    FragmentB b = {};
    load_matrices<true>(b.words, row_of_lane);
    return b;
}

// B from its transpose, row-major in shared memory: the lane's row is row lane % 8 from column 8 (lane / 8 % 2) on.
__device__ inline FragmentB load_fragment_b_transposed(const bfloat16* row_of_lane)
{
    FragmentB b = {};
    load_matrices<false>(b.words, row_of_lane);
    return b;
}
