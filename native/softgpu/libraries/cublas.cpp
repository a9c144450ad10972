#include "blas_call.h"
#include "registry.h"

#include <algorithm>
#include <string>

struct cublasContext {
    CUstream stream = nullptr;
    void* workspace = nullptr;
    std::size_t workspace_bytes = 0;
    int math_mode = CUBLAS_DEFAULT_MATH;
};

using namespace softgpu;
using namespace softgpu::blas;

namespace {

Registry<cublasContext> handles;

cublasContext& require_handle(cublasHandle_t handle)
{
    cublasContext* const found = handles.find(handle);
    if (!found)
        throw Failure(CUBLAS_STATUS_NOT_INITIALIZED, handle ? "the handle is not a live cuBLAS handle" : "the handle is null");
    return *found;
}

void require_type(const char* name, int type)
{
    if (type != CUDA_R_32F)
        throw Failure(CUBLAS_STATUS_NOT_SUPPORTED, std::string(name) + " is " + std::to_string(type) + "; the software GPU has CUDA_R_32F only");
}

void require_size(const char* name, int size)
{
    if (size < 0)
        throw Failure(CUBLAS_STATUS_INVALID_VALUE, std::string(name) + " is " + std::to_string(size));
}

void require_algorithm(int algorithm)
{
    const bool plain = algorithm >= CUBLAS_GEMM_DEFAULT && algorithm <= CUBLAS_GEMM_ALGO23;
    const bool tensor_core = algorithm >= CUBLAS_GEMM_DEFAULT_TENSOR_OP && algorithm <= CUBLAS_GEMM_ALGO15_TENSOR_OP;
    if (!plain && !tensor_core)
        throw Failure(CUBLAS_STATUS_INVALID_VALUE, "algo is " + std::to_string(algorithm) + ", which is no algorithm");
}

}

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle)
{
    return answer("cublasCreate_v2", [&] {
        if (!handle)
            throw Failure(CUBLAS_STATUS_INVALID_VALUE, "handle is null");
        if (!has_current_context())
            throw Failure(CUBLAS_STATUS_NOT_INITIALIZED, "this thread has no current context");
        *handle = handles.create();
    });
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle)
{
    return answer("cublasDestroy_v2", [&] {
        require_handle(handle);
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
        cublasContext& context = require_handle(handle);
        require_stream(stream);
        context.stream = stream;
        context.workspace = nullptr;
        context.workspace_bytes = 0;
    });
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t workspaceSizeInBytes)
{
    return answer("cublasSetWorkspace_v2", [&] {
        cublasContext& context = require_handle(handle);
        DeviceRanges ranges;
        const std::string why = ranges.add("workspace", workspace, workspaceSizeInBytes, 256);
        if (!why.empty())
            throw Failure(CUBLAS_STATUS_INVALID_VALUE, why);
        context.workspace = workspace;
        context.workspace_bytes = workspaceSizeInBytes;
    });
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode)
{
    return answer("cublasSetMathMode", [&] {
        cublasContext& context = require_handle(handle);
        const int base = mode & ~CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
        if (base < CUBLAS_DEFAULT_MATH || base > CUBLAS_TF32_TENSOR_OP_MATH)
            throw Failure(CUBLAS_STATUS_INVALID_VALUE, "mode is " + std::to_string(mode) + ", which is no math mode");
        context.math_mode = base;
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
        const cublasContext& context = require_handle(handle);
        require_context("the handle");
        require_operation("transa", transa);
        require_operation("transb", transb);
        require_size("m", m);
        require_size("n", n);
        require_size("k", k);
        require_type("Atype", Atype);
        require_type("Btype", Btype);
        require_type("Ctype", Ctype);
        require_compute_type(computeType);
        require_algorithm(algo);
        require_host_scalar("alpha", alpha);
        require_host_scalar("beta", beta);

        const bool transpose_a = transa != CUBLAS_OP_N, transpose_b = transb != CUBLAS_OP_N;
        const Matrix a{"A", A, transpose_a ? k : m, transpose_a ? m : k, lda};
        const Matrix b{"B", B, transpose_b ? n : k, transpose_b ? k : n, ldb};
        const Matrix c{"C", C, m, n, ldc};
        for (const Matrix& matrix : {a, b, c})
            require_step(matrix.name, matrix.rows, matrix.step);
        require_stream(context.stream);
        if (m == 0 || n == 0)
            return;

        Product product{.call = "cublasGemmEx", .gemm = {}, .ranges = {}};
        for (const Matrix& matrix : {a, b, c})
            require_matrix(product.ranges, matrix, sizeof(float));
        require_apart(c, a);
        require_apart(c, b);
        if (context.workspace) {
            const std::size_t bytes = static_cast<std::size_t>(m) * static_cast<std::size_t>(n) * sizeof(float);
            if (is_split(m, n, k) && bytes <= context.workspace_bytes) {
                const Matrix scratch{"the workspace", context.workspace, m, n, m};
                require_matrix(product.ranges, scratch, 256);
                for (const Matrix& matrix : {a, b, c})
                    require_apart(scratch, matrix);
                product.workspace = context.workspace;
                product.workspace_bytes = bytes;
            }
        } else if (is_capturing(context.stream)) {
            throw Failure(CUBLAS_STATUS_NOT_SUPPORTED, "the stream is capturing and the handle has no workspace of its own: "
                "call cublasSetWorkspace_v2 after cublasSetStream_v2, which resets it");
        }

        Gemm& gemm = product.gemm;
        gemm.transpose_a = transpose_a;
        gemm.transpose_b = transpose_b;
        gemm.rows = m;
        gemm.columns = n;
        gemm.inner = k;
        gemm.alpha = *static_cast<const float*>(alpha);
        gemm.a = static_cast<const float*>(A);
        gemm.a_step = lda;
        gemm.b = static_cast<const float*>(B);
        gemm.b_step = ldb;
        gemm.beta = *static_cast<const float*>(beta);
        gemm.c = gemm.d = static_cast<float*>(C);
        gemm.c_step = gemm.d_step = ldc;
        gemm.tf32 = rounds_to_tf32(computeType, context.math_mode);
        launch(context.stream, product);
    });
}
