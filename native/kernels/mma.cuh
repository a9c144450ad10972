// Products of fragments on tensor cores, summed in float32: of bf16, or of float32 that is rounded to TF32 on its way from shared memory. Compute
// capability 8.0 and later. The lanes of a warp call these together.
#pragma once

#include "bfloat16.cuh"
#ifndef __CUDACC__
#include "tensor_cores_on_cpu.h"
#define VBILSTM_SITE(call) softgpu::Site{call, __builtin_FILE(), __builtin_LINE()}
#endif

// Arrays of a lane's fragments stay in registers only where every index is a constant.
#ifdef __CUDACC__
#define VBILSTM_UNROLL _Pragma("unroll")
#else
#define VBILSTM_UNROLL
#endif

template <typename Operand>
constexpr int operands_of_16_bytes = 16 / static_cast<int>(sizeof(Operand));

// Of a product of fragments: 16 of bf16, 8 of TF32.
template <typename Operand>
constexpr int depth_of_step = 2 * operands_of_16_bytes<Operand>;

// What a lane holds of a matrix A of 16 rows, of a matrix B of 8 columns, and of their 16 x 8 product: PTX ISA, "mma.m16n8k16" for bf16 and "mma.m16n8k8"
// for TF32.
template <typename Operand>
struct FragmentA
{
    unsigned words[4];
};

template <typename Operand>
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
__device__ inline void multiply_add(FragmentOfSums& sums, const FragmentA<bfloat16>& a, const FragmentB<bfloat16>& b)
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

__device__ inline void multiply_add(FragmentOfSums& sums, const FragmentA<float>& a, const FragmentB<float>& b)
{
#ifndef __CUDACC__
    softgpu::multiply_add_m16n8k8(sums.values, a.words, b.words, VBILSTM_SITE("mma.sync"));
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums.values[0]), "+f"(sums.values[1]), "+f"(sums.values[2]), "+f"(sums.values[3])
                 : "r"(a.words[0]), "r"(a.words[1]), "r"(a.words[2]), "r"(a.words[3]), "r"(b.words[0]), "r"(b.words[1]));
#else
    __trap(); // nothing launches it there
#endif
}

// To the 10 stored bits of mantissa that a product reads of a float32, ties away from zero; a product would cut the others off.
__device__ inline unsigned rounded_to_tf32(unsigned word)
{
#ifndef __CUDACC__
    return softgpu::rounded_to_tf32(word);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    unsigned rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "r"(word));
    return rounded;
#else
    return word; // nothing launches it there
#endif
}

// Matrices of 8 rows of 16 bytes in shared memory, one for each eight lanes, whose addresses are those of its rows; a word of each to every lane. What is
// transposed are 8 x 8 elements of 16 bits.
template <bool is_transposed, unsigned count>
__device__ inline void load_matrices(unsigned (&words)[count], const void* row_of_lane)
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

// Words that load_matrices brought, as a product reads them.
template <typename Operand, unsigned count>
__device__ inline void round_operands(unsigned (&words)[count])
{
    if constexpr (sizeof(Operand) == sizeof(float))
        for (unsigned& word : words)
            word = rounded_to_tf32(word);
}

// A from a row-major matrix in shared memory whose rows begin on multiples of 16 bytes.
template <typename Operand>
__device__ inline FragmentA<Operand> load_fragment_a(const Operand* matrix, int stride, int lane)
{
    FragmentA<Operand> a = {};
    load_matrices<false>(a.words, matrix + lane % 16 * stride + operands_of_16_bytes<Operand> * (lane / 16));
    round_operands<Operand>(a.words);
    return a;
}

// B from such a matrix.
__device__ inline FragmentB<bfloat16> load_fragment_b(const bfloat16* matrix, int stride, int lane)
{
    FragmentB<bfloat16> b = {};
    load_matrices<true>(b.words, matrix + lane % 16 * stride); // lanes from 16 on may give any row
    return b;
}

// No instruction transposes words of 32 bits. Four rows of eight lie in different banks where the stride is 8 or 24 more than a multiple of 32.
__device__ inline FragmentB<float> load_fragment_b(const float* matrix, int stride, int lane)
{
    const float* const element = matrix + lane % 4 * stride + lane / 4;
    FragmentB<float> b = {{static_cast<unsigned>(__float_as_int(element[0])), static_cast<unsigned>(__float_as_int(element[4 * stride]))}};
    round_operands<float>(b.words);
    return b;
}

// B from its transpose in such a matrix.
template <typename Operand>
__device__ inline FragmentB<Operand> load_fragment_b_transposed(const Operand* matrix, int stride, int lane)
{
    FragmentB<Operand> b = {};
    load_matrices<false>(b.words, matrix + lane % 8 * stride + operands_of_16_bytes<Operand> * (lane / 8 % 2));
    round_operands<Operand>(b.words);
    return b;
}
