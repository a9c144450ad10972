#pragma once

namespace softgpu::blas {

// Adds the product of a packed block of A and a packed block of B to a tile of `rows` x `columns` accumulators,
// one fused (where the instruction set has it) multiply-add after the other in the order of the inner index.
struct GemmKernel {
    int rows;
    int columns;
    // a: column k of the block begins at a + k * a_step; b: row k at b + k * columns; accumulators: column j at c + j * c_step.
    void (*run)(long depth, const float* a, long a_step, const float* b, float* c, long c_step);
};

extern const GemmKernel gemm_kernel_portable;
#if defined(__x86_64__)
extern const GemmKernel gemm_kernel_avx2;
extern const GemmKernel gemm_kernel_avx512;
#endif

}
