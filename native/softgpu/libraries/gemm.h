#pragma once

namespace softgpu::blas {

// D = op(A) op(B) + bias, or D += that, column-major, op(A) [rows, inner], op(B) [inner, columns].
struct Gemm {
    bool transpose_a = false;
    bool transpose_b = false;
    long rows = 0;
    long columns = 0;
    long inner = 0;
    const float* a = nullptr;
    long a_step = 0;
    const float* b = nullptr;
    long b_step = 0;
    float* d = nullptr;
    long d_step = 0;
    bool accumulates = false;
    const float* bias = nullptr;   // one value a row of D, or null
    bool tf32 = false;             // round the elements of A and B as the tensor cores of a GPU do
};

void gemm(const Gemm& problem);

}
