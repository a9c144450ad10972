// Compiled once for each instruction set. It includes no library header: an inline function compiled here could
// replace the one of another file and need instructions the processor lacks.
#include "gemm_kernel.h"

namespace softgpu::blas {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16, columns = 12;
#elif defined(__AVX2__)
constexpr int lanes = 8, columns = 6;
#else
constexpr int lanes = 4, columns = 6;
#endif
constexpr int vectors = 2;

typedef float Vector __attribute__((vector_size(lanes * sizeof(float))));
typedef float UnalignedVector __attribute__((vector_size(lanes * sizeof(float)), aligned(sizeof(float)), may_alias));

void run(long depth, const float* a, long a_step, const float* b, float* c, long c_step)
{
    Vector sums[columns][vectors];
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v)
            sums[j][v] = *reinterpret_cast<const UnalignedVector*>(c + j * c_step + v * lanes);

    for (long k = 0; k < depth; ++k, a += a_step, b += columns) {
        Vector rows[vectors];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v)
            rows[v] = *reinterpret_cast<const UnalignedVector*>(a + v * lanes);
#pragma GCC unroll 16
        for (int j = 0; j < columns; ++j)
#pragma GCC unroll 2
            for (int v = 0; v < vectors; ++v)
                sums[j][v] += rows[v] * b[j];
    }

#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v)
            *reinterpret_cast<UnalignedVector*>(c + j * c_step + v * lanes) = sums[j][v];
}

}

const GemmKernel GEMM_KERNEL_NAME = {vectors * lanes, columns, run};

}
