#pragma once

#include "cublas_interface.h"
#include "device_memory.h"
#include "failure.h"
#include "gemm.h"

#include <initializer_list>
#include <new>

// What cuBLAS and cuBLASLt share; it lives in libcublasLt, on which libcublas depends, as with the real ones.
#pragma GCC visibility push(default)
namespace softgpu::blas {

cublasStatus_t refuse(const char* call, int status, const char* reason);
const char* status_name(cublasStatus_t status);
// Name and meaning, and the reason where `status` is that of the last call refused on this thread.
const char* status_string(cublasStatus_t status);

// A matrix in memory, column-major.
struct Matrix {
    const char* name;
    const void* data;
    long rows;
    long columns;
    long step;
    std::size_t element_bytes = sizeof(float);
};

struct Product {
    const char* call;
    Gemm gemm;
    DeviceRanges ranges;
    void* workspace = nullptr;
    std::size_t workspace_bytes = 0;
};

// Throws where the calling thread has another context or none.
void require_current(const ContextOfHandle& context);
void require_stream(CUstream stream);
void require_step(const char* name, long rows, long step);
void require_compute_type(int type);
// The value of alpha or beta, which must be one of the given.
float require_scalar(const char* name, const void* scalar, std::initializer_list<float> values);
// Adds what the matrix covers to the ranges that must be device memory.
void require_matrix(DeviceRanges& ranges, const Matrix& matrix, std::size_t alignment);
void require_apart(const Matrix& output, const Matrix& input);
// What the operands of products are: of CUDA_R_32F as the compute type asks, of CUDA_R_16BF what they are. Throws where no GPU has such a product.
Operands operands_of(int type, int compute_type);
// Throws where a matrix's type is not one that the software GPU has.
void require_type(const char* name, int type, std::initializer_list<int> types);
std::size_t bytes_of_type(int type);

// Whether a product is best split along its inner index among several blocks, whose sums are then added up in a workspace.
bool is_split(long rows, long columns, long inner);

void launch(CUstream stream, const Product& product);

template <typename Work>
cublasStatus_t answer(const char* call, Work&& work)
{
    try {
        work();
        return CUBLAS_STATUS_SUCCESS;
    } catch (const Failure& failure) {
        return refuse(call, failure.status(), failure.what());
    } catch (const std::bad_alloc&) {
        return refuse(call, CUBLAS_STATUS_ALLOC_FAILED, "out of host memory");
    }
}

}
#pragma GCC visibility pop
