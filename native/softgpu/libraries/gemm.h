#pragma once

namespace softgpu::blas {

// What A and B are: float32, float32 whose elements are rounded as the tensor cores of a GPU do, or bf16.
enum class Operands { float32, tf32, bf16 };

// D = op(A) op(B) + bias, or D += that, column-major, op(A) [rows, inner], op(B) [inner, columns].
struct Gemm {
    bool transpose_a = false;
    bool transpose_b = false;
    long rows = 0;
    long columns = 0;
    long inner = 0;
    const void* a = nullptr;
    long a_step = 0;
    const void* b = nullptr;
    long b_step = 0;
    float* d = nullptr;
    long d_step = 0;
    bool accumulates = false;
    const float* bias = nullptr;   // one value a row of D, or null
    Operands operands = Operands::float32;
};

void gemm(const Gemm& problem);

}
