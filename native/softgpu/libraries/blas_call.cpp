#include "blas_call.h"

#include <algorithm>
#include <string>

namespace softgpu::blas {
namespace {

thread_local LastFailure last_failure;

std::size_t bytes_of(const Matrix& m)
{
    if (m.rows == 0 || m.columns == 0)
        return 0;
    return static_cast<std::size_t>((m.columns - 1) * m.step + m.rows) * m.element_bytes;
}

[[noreturn]] void invalid(const std::string& reason)
{
    throw Failure(CUBLAS_STATUS_INVALID_VALUE, reason);
}

}

cublasStatus_t refuse(const char* call, int status, const char* reason)
{
    last_failure.status = status;
    last_failure.text = std::string(status_name(status)) + ": " + call + ": " + reason;
    return status;
}

const char* status_name(cublasStatus_t status)
{
    switch (status) {
        case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
        case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
        case CUBLAS_STATUS_ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
        case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
        case CUBLAS_STATUS_ARCH_MISMATCH: return "CUBLAS_STATUS_ARCH_MISMATCH";
        case CUBLAS_STATUS_EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
        case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
        default: return "CUBLAS_STATUS_UNKNOWN";
    }
}

const char* status_string(cublasStatus_t status)
{
    return status != CUBLAS_STATUS_SUCCESS && status == last_failure.status ? last_failure.text.c_str() : status_name(status);
}

void require_current(const ContextOfHandle& context)
{
    if (const std::string why = context.why_not_current(); !why.empty())
        throw Failure(CUBLAS_STATUS_EXECUTION_FAILED, why);
}

void require_stream(CUstream stream)
{
    if (const CUresult status = stream_status(stream); status != 0)
        invalid("the driver refuses the stream: " + driver_error(status));
}

void require_step(const char* name, long rows, long step)
{
    if (step < std::max(1L, rows))
        invalid(std::string("the leading dimension of ") + name + " is " + std::to_string(step) + " but it has " + std::to_string(rows) + " rows");
}

void require_compute_type(int type)
{
    if (type != CUBLAS_COMPUTE_32F && type != CUBLAS_COMPUTE_32F_FAST_TF32)
        throw Failure(CUBLAS_STATUS_NOT_SUPPORTED, "the software GPU computes in types 68 and 77, not in " + std::to_string(type));
}

float require_scalar(const char* name, const void* scalar, std::initializer_list<float> values)
{
    if (!scalar)
        invalid(std::string(name) + " is null");
    std::string ignored;
    if (is_device_range(scalar, sizeof(float), &ignored))
        invalid(std::string(name) + " is a device pointer, but scalars are read from the host");
    const float value = *static_cast<const float*>(scalar);
    if (std::find(values.begin(), values.end(), value) == values.end())
        throw Failure(CUBLAS_STATUS_NOT_SUPPORTED, "the software GPU has no " + std::string(name) + " of " + std::to_string(value));
    return value;
}

void require_matrix(DeviceRanges& ranges, const Matrix& matrix, std::size_t alignment)
{
    const std::size_t bytes = bytes_of(matrix);
    if (bytes == 0)
        return;
    const std::string why = ranges.add(matrix.name, matrix.data, bytes, alignment);
    if (!why.empty())
        invalid(why);
}

void require_apart(const Matrix& output, const Matrix& input)
{
    const std::size_t output_bytes = bytes_of(output), input_bytes = bytes_of(input);
    if (output_bytes == 0 || input_bytes == 0)
        return;
    const auto output_begin = reinterpret_cast<std::uintptr_t>(output.data), input_begin = reinterpret_cast<std::uintptr_t>(input.data);
    if (output_begin >= input_begin + input_bytes || input_begin >= output_begin + output_bytes)
        return;
    if (output.step == input.step && output.element_bytes == input.element_bytes) {
        // Strips of the same rows of memory may lie side by side without sharing an element.
        const long step = output.step;
        const long distance = (static_cast<long>(output_begin) - static_cast<long>(input_begin)) / static_cast<long>(output.element_bytes);
        const long offset = (distance % step + step) % step;
        if (offset >= input.rows && offset + output.rows <= step)
            return;
    }
    invalid(std::string(output.name) + " overlaps " + input.name);
}

Operands operands_of(int type, int compute_type)
{
    constexpr int first_with_both = 80;
    const bool has_both = options().compute_capability >= first_with_both;
    if (type == CUDA_R_32F)
        return has_both && compute_type == CUBLAS_COMPUTE_32F_FAST_TF32 ? Operands::tf32 : Operands::float32;
    if (!has_both)
        throw Failure(CUBLAS_STATUS_ARCH_MISMATCH, "CUDA_R_16BF needs compute capability 8.0");
    if (compute_type != CUBLAS_COMPUTE_32F)
        throw Failure(CUBLAS_STATUS_NOT_SUPPORTED, "products of CUDA_R_16BF are computed in CUBLAS_COMPUTE_32F");
    return Operands::bf16;
}

void require_type(const char* name, int type, std::initializer_list<int> types)
{
    if (std::find(types.begin(), types.end(), type) == types.end())
        throw Failure(CUBLAS_STATUS_NOT_SUPPORTED,
            std::string(name) + " is " + std::to_string(type) + "; the software GPU has CUDA_R_32F, and CUDA_R_16BF for both operands");
}

std::size_t bytes_of_type(int type)
{
    return type == CUDA_R_16BF ? sizeof(std::uint16_t) : sizeof(float);
}

bool is_split(long rows, long columns, long inner)
{
    constexpr long deep = 4;
    return inner >= deep * std::max(rows, columns);
}

void launch(CUstream stream, const Product& product)
{
    CUresult result;
    if (product.workspace_bytes != 0)
        result = enqueue_with_workspace(stream, product.call, product.ranges, {product.workspace, product.workspace_bytes},
            [problem = product.gemm] { gemm(problem); });
    else
        result = enqueue(stream, product.call, [product] {
            if (product.ranges.usable(product.call))
                gemm(product.gemm);
        });
    if (result != 0)
        throw Failure(CUBLAS_STATUS_EXECUTION_FAILED, "the driver refused the work: " + driver_error(result));
}

}
