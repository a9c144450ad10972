#include "blas_call.h"
#include "registry.h"

#include <algorithm>
#include <string>

struct cublasContext {
    softgpu::ContextOfHandle owner;
    CUstream stream = nullptr;
    void* workspace = nullptr;
    std::size_t workspace_bytes = 0;
};

using namespace softgpu;
using namespace softgpu::blas;

namespace {

Registry<cublasContext> handles(LibraryKind::cublas);

cublasContext& require_handle(cublasHandle_t handle)
{
    cublasContext* const found = handles.find(handle);
    if (!found)
        throw Failure(CUBLAS_STATUS_NOT_INITIALIZED, handle ? "the handle is not a live cuBLAS handle" : "the handle is null");
    return *found;
}

cublasContext& require_usable(cublasHandle_t handle)
{
    cublasContext& found = require_handle(handle);
    require_current(found.owner);
    return found;
}

void require_size(const char* name, int size)
{
    if (size < 0)
        throw Failure(CUBLAS_STATUS_INVALID_VALUE, std::string(name) + " is " + std::to_string(size));
}

bool is_transposed(const char* name, int operation)
{
    if (operation != CUBLAS_OP_N && operation != CUBLAS_OP_T)
        throw Failure(CUBLAS_STATUS_INVALID_VALUE,
            std::string(name) + " is " + std::to_string(operation) + "; the software GPU has CUBLAS_OP_N and CUBLAS_OP_T only");
    return operation == CUBLAS_OP_T;
}

}

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle)
{
    return answer("cublasCreate_v2", [&] {
        if (!handle)
            throw Failure(CUBLAS_STATUS_INVALID_VALUE, "handle is null");
        if (!has_current_context())
            throw Failure(CUBLAS_STATUS_NOT_INITIALIZED, "this thread has no current context");
        if (const CUresult status = ContextOfHandle().break_captures("cublasCreate"); status != 0)
            throw Failure(CUBLAS_STATUS_NOT_INITIALIZED, driver_error(status));
        *handle = handles.create();
    });
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle)
{
    return answer("cublasDestroy_v2", [&] {
        require_handle(handle).owner.break_captures("cublasDestroy");
        handles.destroy(handle);
    });
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, int* version)
{
    return answer("cublasGetVersion_v2", [&] {
        require_handle(handle);
        if (!version)
            throw Failure(CUBLAS_STATUS_INVALID_VALUE, "version is null");
        *version = static_cast<int>(options().cublas_version);
    });
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, CUstream stream)
{
    return answer("cublasSetStream_v2", [&] {
        cublasContext& context = require_usable(handle);
        require_stream(stream);
        context.stream = stream;
        context.workspace = nullptr;
        context.workspace_bytes = 0;
    });
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t workspaceSizeInBytes)
{
    return answer("cublasSetWorkspace_v2", [&] {
        cublasContext& context = require_usable(handle);
        DeviceRanges ranges;
        const std::string why = ranges.add("workspace", workspace, workspaceSizeInBytes, 256);
        if (!why.empty())
            throw Failure(CUBLAS_STATUS_INVALID_VALUE, why);
        context.workspace = workspace;
        context.workspace_bytes = workspaceSizeInBytes;
    });
}

const char* cublasGetStatusName(cublasStatus_t status)
{
    return status_name(status);
}

const char* cublasGetStatusString(cublasStatus_t status)
{
    return status_string(status);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k,
    const void* alpha, const void* A, cudaDataType_t Atype, int lda, const void* B, cudaDataType_t Btype, int ldb,
    const void* beta, void* C, cudaDataType_t Ctype, int ldc, cublasComputeType_t computeType, cublasGemmAlgo_t algo)
{
    return answer("cublasGemmEx", [&] {
        const cublasContext& context = require_usable(handle);
        const bool transpose_a = is_transposed("transa", transa), transpose_b = is_transposed("transb", transb);
        require_size("m", m);
        require_size("n", n);
        require_size("k", k);
        require_type("Atype", Atype, {CUDA_R_32F, CUDA_R_16BF});
        require_type("Btype", Btype, {Atype});
        require_type("Ctype", Ctype, {CUDA_R_32F});
        require_compute_type(computeType);
        const Operands operands = operands_of(Atype, computeType);
        if (algo != CUBLAS_GEMM_DEFAULT)
            throw Failure(CUBLAS_STATUS_NOT_SUPPORTED, "algo is " + std::to_string(algo) + "; the software GPU has CUBLAS_GEMM_DEFAULT only");
        require_scalar("alpha", alpha, {1});
        const bool accumulates = require_scalar("beta", beta, {0, 1}) != 0;

        const Matrix a{"A", A, transpose_a ? k : m, transpose_a ? m : k, lda, bytes_of_type(Atype)};
        const Matrix b{"B", B, transpose_b ? n : k, transpose_b ? k : n, ldb, bytes_of_type(Btype)};
        const Matrix c{"C", C, m, n, ldc};
        for (const Matrix& matrix : {a, b, c})
            require_step(matrix.name, matrix.rows, matrix.step);
        require_stream(context.stream);
        if (m == 0 || n == 0)
            return;

        Product product{.call = "cublasGemmEx", .gemm = {}, .ranges = {}};
        for (const Matrix& matrix : {a, b, c})
            require_matrix(product.ranges, matrix, matrix.element_bytes);
        require_apart(c, a);
        require_apart(c, b);
        // The real library has one of its own then, which a capture must not use and which gives other bits.
        if (!context.workspace)
            throw Failure(CUBLAS_STATUS_NOT_SUPPORTED, "the handle has no workspace: call cublasSetWorkspace_v2 after cublasSetStream_v2, which resets it");
        const std::size_t bytes = static_cast<std::size_t>(m) * static_cast<std::size_t>(n) * sizeof(float);
        if (is_split(m, n, k) && bytes <= context.workspace_bytes) {
            const Matrix scratch{"the workspace", context.workspace, m, n, m};
            require_matrix(product.ranges, scratch, 256);
            for (const Matrix& matrix : {a, b, c})
                require_apart(scratch, matrix);
            product.workspace = context.workspace;
            product.workspace_bytes = bytes;
        }

        Gemm& gemm = product.gemm;
        gemm.transpose_a = transpose_a;
        gemm.transpose_b = transpose_b;
        gemm.rows = m;
        gemm.columns = n;
        gemm.inner = k;
        gemm.a = A;
        gemm.a_step = lda;
        gemm.b = B;
        gemm.b_step = ldb;
        gemm.d = static_cast<float*>(C);
        gemm.d_step = ldc;
        gemm.accumulates = accumulates;
        gemm.operands = operands;
        launch(context.stream, product);
    });
}
