#pragma once

namespace softgpu::blas {

// D = alpha op(A) op(B) + beta C + bias, column-major, op(A) [rows, inner], op(B) [inner, columns].
struct Gemm {
    bool transpose_a = false;
    bool transpose_b = false;
    long rows = 0;
    long columns = 0;
    long inner = 0;
    float alpha = 1;
    const float* a = nullptr;
    long a_step = 0;
    const float* b = nullptr;
    long b_step = 0;
    float beta = 0;
    const float* c = nullptr;      // not read where beta is 0
    long c_step = 0;
    float* d = nullptr;
    long d_step = 0;
    const float* bias = nullptr;   // one value a row of D, or null
    bool tf32 = false;             // round the elements of A and B as the tensor cores of a GPU do
};

void gemm(const Gemm& problem);

}
