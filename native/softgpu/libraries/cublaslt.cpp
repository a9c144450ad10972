#include "blas_call.h"
#include "registry.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

struct cublasLtContext {};

struct cublasLtMatmulDescOpaque_t {
    std::int32_t compute_type = CUBLAS_COMPUTE_32F;
    std::int32_t scale_type = CUDA_R_32F;
    std::int32_t pointer_mode = CUBLASLT_POINTER_MODE_HOST;
    std::int32_t operation_a = CUBLAS_OP_N;
    std::int32_t operation_b = CUBLAS_OP_N;
    std::int32_t operation_c = CUBLAS_OP_N;
    std::int32_t fill_mode = CUBLAS_FILL_MODE_FULL;
    std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    const void* bias = nullptr;
    std::int32_t bias_type = -1;   // that of D
};

struct cublasLtMatrixLayoutOpaque_t {
    std::uint64_t rows = 0;
    std::uint64_t columns = 0;
    std::int64_t step = 0;
};

struct cublasLtMatmulPreferenceOpaque_t {
    std::uint32_t search_mode = CUBLASLT_SEARCH_BEST_FIT;
    std::uint64_t workspace_limit = 0;
    std::uint32_t reduction_schemes = 7;
    std::uint32_t alignments[4] = {256, 256, 256, 256};   // of A, B, C and D
};

using namespace softgpu;
using namespace softgpu::blas;

namespace {

Registry<cublasLtContext> handles;
Registry<cublasLtMatmulDescOpaque_t> descriptions;
Registry<cublasLtMatrixLayoutOpaque_t> layouts;
Registry<cublasLtMatmulPreferenceOpaque_t> preferences;

[[noreturn]] void invalid(const std::string& reason)
{
    throw Failure(CUBLAS_STATUS_INVALID_VALUE, reason);
}

[[noreturn]] void unsupported(const std::string& reason)
{
    throw Failure(CUBLAS_STATUS_NOT_SUPPORTED, reason);
}

void require_handle(cublasLtHandle_t handle)
{
    if (!handles.find(handle))
        throw Failure(CUBLAS_STATUS_NOT_INITIALIZED, handle ? "the handle is not a live cuBLASLt handle" : "the handle is null");
}

template <typename T>
T& require(Registry<T>& registry, const char* name, const void* handle)
{
    T* const found = registry.find(handle);
    if (!found)
        invalid(std::string(name) + (handle ? " is not a live descriptor" : " is null"));
    return *found;
}

template <typename T>
void read_attribute(T& target, const void* buffer, std::size_t bytes)
{
    if (!buffer)
        invalid("buf is null");
    if (bytes != sizeof target)
        invalid("sizeInBytes is " + std::to_string(bytes) + " but the attribute has " + std::to_string(sizeof target) + " bytes");
    std::memcpy(&target, buffer, sizeof target);
}

// What a product is, as far as the choice of an algorithm depends on it.
struct Problem {
    std::uint32_t rows, columns, inner;
    std::uint8_t transpose_a, transpose_b;
    std::uint8_t compute_type;
    std::uint8_t epilogue;
    std::uint8_t step_alignments[4];   // of the leading dimensions of A, B, C and D, as powers of two

    bool operator==(const Problem&) const = default;
};

// The content of a cublasLtMatmulAlgo_t.
struct Algorithm {
    std::uint32_t mark;
    std::uint32_t id;
    Problem problem;
    std::uint8_t alignments[5];        // promised of A, B, C, D and the bias, as powers of two
    std::uint8_t unused[7];
    std::uint64_t workspace_bytes;
    std::uint64_t check;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t) && std::has_unique_object_representations_v<Algorithm>);

constexpr std::uint32_t algorithm_mark = 0x50c4a190;
constexpr const char* operand_names[5] = {"A", "B", "C", "D", "the bias"};

std::uint64_t check_of(const Algorithm& algorithm)
{
    std::uint64_t hash = 0xcbf29ce484222325u;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(&algorithm);
    for (std::size_t i = 0; i < offsetof(Algorithm, check); ++i)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

std::uint8_t alignment_exponent(std::uint64_t address, int largest)
{
    return static_cast<std::uint8_t>(address == 0 ? largest : std::min(largest, std::countr_zero(address)));
}

void require_shape(const char* name, const cublasLtMatrixLayoutOpaque_t& layout, std::uint64_t rows, std::uint64_t columns)
{
    if (layout.rows != rows || layout.columns != columns)
        invalid(std::string(name) + " has " + std::to_string(layout.rows) + " x " + std::to_string(layout.columns) + " elements where the product needs "
            + std::to_string(rows) + " x " + std::to_string(columns));
}

Problem describe(const cublasLtMatmulDescOpaque_t& description, const cublasLtMatrixLayoutOpaque_t& a, const cublasLtMatrixLayoutOpaque_t& b,
    const cublasLtMatrixLayoutOpaque_t& c, const cublasLtMatrixLayoutOpaque_t& d)
{
    if (description.pointer_mode != CUBLASLT_POINTER_MODE_HOST)
        unsupported("the software GPU reads alpha and beta from the host only");
    if (description.operation_c != CUBLAS_OP_N || description.fill_mode != CUBLAS_FILL_MODE_FULL)
        unsupported("C is neither transposed nor triangular");
    if (description.epilogue != CUBLASLT_EPILOGUE_DEFAULT && description.epilogue != CUBLASLT_EPILOGUE_BIAS)
        unsupported("the software GPU has the epilogues DEFAULT and BIAS, not " + std::to_string(description.epilogue));
    const bool transpose_a = description.operation_a != CUBLAS_OP_N, transpose_b = description.operation_b != CUBLAS_OP_N;
    const std::uint64_t inner = transpose_a ? a.rows : a.columns;
    require_shape("Bdesc", b, transpose_b ? d.columns : inner, transpose_b ? inner : d.columns);
    require_shape("Adesc", a, transpose_a ? inner : d.rows, transpose_a ? d.rows : inner);
    require_shape("Cdesc", c, d.rows, d.columns);

    Problem problem{};
    problem.rows = static_cast<std::uint32_t>(d.rows);
    problem.columns = static_cast<std::uint32_t>(d.columns);
    problem.inner = static_cast<std::uint32_t>(inner);
    problem.transpose_a = transpose_a;
    problem.transpose_b = transpose_b;
    problem.compute_type = static_cast<std::uint8_t>(description.compute_type);
    problem.epilogue = static_cast<std::uint8_t>(description.epilogue);
    const std::int64_t steps[] = {a.step, b.step, c.step, d.step};
    for (int i = 0; i < 4; ++i)
        problem.step_alignments[i] = alignment_exponent(static_cast<std::uint64_t>(steps[i]) * sizeof(float), 4);
    return problem;
}

// One algorithm splits the inner index and needs a workspace, the other does neither.
enum AlgorithmId { split, whole };

std::uint64_t workspace_of(AlgorithmId id, const Problem& problem)
{
    constexpr std::uint64_t unit = 256;
    return id == split ? (std::uint64_t{problem.rows} * problem.columns * sizeof(float) + unit - 1) / unit * unit : 0;
}

Algorithm make_algorithm(AlgorithmId id, const Problem& problem, const std::uint8_t (&alignments)[5])
{
    Algorithm algorithm{};
    algorithm.mark = algorithm_mark;
    algorithm.id = id;
    algorithm.problem = problem;
    std::copy(std::begin(alignments), std::end(alignments), algorithm.alignments);
    algorithm.workspace_bytes = workspace_of(id, problem);
    algorithm.check = check_of(algorithm);
    return algorithm;
}

Algorithm read_algorithm(const cublasLtMatmulAlgo_t& source, const Problem& problem)
{
    Algorithm algorithm;
    std::memcpy(&algorithm, &source, sizeof algorithm);
    if (algorithm.mark != algorithm_mark || algorithm.check != check_of(algorithm))
        invalid("algo did not come from cublasLtMatmulAlgoGetHeuristic");
    if (!(algorithm.problem == problem)) {
        const Problem& made = algorithm.problem;
        invalid("algo was made for another product: " + std::to_string(made.rows) + " x " + std::to_string(made.columns) + " x " + std::to_string(made.inner)
            + ", this one is " + std::to_string(problem.rows) + " x " + std::to_string(problem.columns) + " x " + std::to_string(problem.inner)
            + " (operations, compute type, epilogue and alignment of the leading dimensions count too)");
    }
    return algorithm;
}

void require_promise(const Algorithm& algorithm, int operand, const void* address)
{
    const std::uintptr_t alignment = std::uintptr_t{1} << algorithm.alignments[operand];
    if (reinterpret_cast<std::uintptr_t>(address) % alignment != 0)
        unsupported(std::string(operand_names[operand]) + " is less aligned than the " + std::to_string(alignment) + " bytes promised to the heuristic");
}

}

cublasStatus_t cublasLtCreate(cublasLtHandle_t* lightHandle)
{
    return answer("cublasLtCreate", [&] {
        if (!lightHandle)
            invalid("lightHandle is null");
        if (!has_current_context())
            throw Failure(CUBLAS_STATUS_NOT_INITIALIZED, "this thread has no current context");
        *lightHandle = handles.create();
    });
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t lightHandle)
{
    return answer("cublasLtDestroy", [&] {
        require_handle(lightHandle);
        handles.destroy(lightHandle);
    });
}

size_t cublasLtGetVersion(void)
{
    return static_cast<size_t>(options().cublas_version);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* matmulDesc, cublasComputeType_t computeType, cudaDataType_t scaleType)
{
    return answer("cublasLtMatmulDescCreate", [&] {
        if (!matmulDesc)
            invalid("matmulDesc is null");
        require_compute_type(computeType);
        if (scaleType != CUDA_R_32F)
            unsupported("scaleType is " + std::to_string(scaleType) + "; the software GPU has CUDA_R_32F only");
        *matmulDesc = descriptions.create();
        (*matmulDesc)->compute_type = computeType;
    });
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t matmulDesc, cublasLtMatmulDescAttributes_t attr, const void* buf, size_t sizeInBytes)
{
    return answer("cublasLtMatmulDescSetAttribute", [&] {
        cublasLtMatmulDescOpaque_t& description = require(descriptions, "matmulDesc", matmulDesc);
        cublasLtMatmulDescOpaque_t changed = description;
        switch (attr) {
            case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE:
                read_attribute(changed.compute_type, buf, sizeInBytes);
                require_compute_type(changed.compute_type);
                break;
            case CUBLASLT_MATMUL_DESC_SCALE_TYPE:
                read_attribute(changed.scale_type, buf, sizeInBytes);
                if (changed.scale_type != CUDA_R_32F)
                    unsupported("the software GPU scales in CUDA_R_32F only");
                break;
            case CUBLASLT_MATMUL_DESC_POINTER_MODE: read_attribute(changed.pointer_mode, buf, sizeInBytes); break;
            case CUBLASLT_MATMUL_DESC_TRANSA:
                read_attribute(changed.operation_a, buf, sizeInBytes);
                require_operation("TRANSA", changed.operation_a);
                break;
            case CUBLASLT_MATMUL_DESC_TRANSB:
                read_attribute(changed.operation_b, buf, sizeInBytes);
                require_operation("TRANSB", changed.operation_b);
                break;
            case CUBLASLT_MATMUL_DESC_TRANSC:
                read_attribute(changed.operation_c, buf, sizeInBytes);
                require_operation("TRANSC", changed.operation_c);
                break;
            case CUBLASLT_MATMUL_DESC_FILL_MODE: read_attribute(changed.fill_mode, buf, sizeInBytes); break;
            case CUBLASLT_MATMUL_DESC_EPILOGUE: read_attribute(changed.epilogue, buf, sizeInBytes); break;
            case CUBLASLT_MATMUL_DESC_BIAS_POINTER: read_attribute(changed.bias, buf, sizeInBytes); break;
            case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
                read_attribute(changed.bias_type, buf, sizeInBytes);
                if (changed.bias_type != CUDA_R_32F && changed.bias_type != -1)
                    unsupported("the software GPU has biases of CUDA_R_32F only");
                break;
            default: invalid("attr is " + std::to_string(attr) + ", which the software GPU does not have");
        }
        description = changed;
    });
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t matmulDesc)
{
    return answer("cublasLtMatmulDescDestroy", [&] {
        require(descriptions, "matmulDesc", matmulDesc);
        descriptions.destroy(matmulDesc);
    });
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* matLayout, cudaDataType_t type, uint64_t rows, uint64_t cols, int64_t ld)
{
    return answer("cublasLtMatrixLayoutCreate", [&] {
        if (!matLayout)
            invalid("matLayout is null");
        if (type != CUDA_R_32F)
            unsupported("type is " + std::to_string(type) + "; the software GPU has CUDA_R_32F only");
        constexpr std::uint64_t largest = 0x7fffffff;
        if (rows == 0 || cols == 0 || rows > largest || cols > largest)
            invalid("a matrix of " + std::to_string(rows) + " x " + std::to_string(cols));
        require_step("the matrix", static_cast<long>(rows), ld);
        cublasLtMatrixLayoutOpaque_t* const layout = layouts.create();
        *layout = {rows, cols, ld};
        *matLayout = layout;
    });
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t matLayout)
{
    return answer("cublasLtMatrixLayoutDestroy", [&] {
        require(layouts, "matLayout", matLayout);
        layouts.destroy(matLayout);
    });
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* pref)
{
    return answer("cublasLtMatmulPreferenceCreate", [&] {
        if (!pref)
            invalid("pref is null");
        *pref = preferences.create();
    });
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t pref, cublasLtMatmulPreferenceAttributes_t attr, const void* buf, size_t sizeInBytes)
{
    return answer("cublasLtMatmulPreferenceSetAttribute", [&] {
        cublasLtMatmulPreferenceOpaque_t& preference = require(preferences, "pref", pref);
        switch (attr) {
            case CUBLASLT_MATMUL_PREF_SEARCH_MODE: read_attribute(preference.search_mode, buf, sizeInBytes); break;
            case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: read_attribute(preference.workspace_limit, buf, sizeInBytes); break;
            case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: read_attribute(preference.reduction_schemes, buf, sizeInBytes); break;
            case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
            case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
            case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
            case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: {
                std::uint32_t alignment;
                read_attribute(alignment, buf, sizeInBytes);
                if (!std::has_single_bit(alignment))
                    invalid("an alignment of " + std::to_string(alignment) + " bytes is no power of two");
                preference.alignments[attr - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES] = alignment;
                break;
            }
            default: invalid("attr is " + std::to_string(attr) + ", which the software GPU does not have");
        }
    });
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t pref)
{
    return answer("cublasLtMatmulPreferenceDestroy", [&] {
        require(preferences, "pref", pref);
        preferences.destroy(pref);
    });
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t operationDesc,
    cublasLtMatrixLayout_t Adesc, cublasLtMatrixLayout_t Bdesc, cublasLtMatrixLayout_t Cdesc, cublasLtMatrixLayout_t Ddesc,
    cublasLtMatmulPreference_t preference, int requestedAlgoCount, cublasLtMatmulHeuristicResult_t heuristicResultsArray[], int* returnAlgoCount)
{
    return answer("cublasLtMatmulAlgoGetHeuristic", [&] {
        require_handle(lightHandle);
        if (!returnAlgoCount)
            invalid("returnAlgoCount is null");
        *returnAlgoCount = 0;
        if (requestedAlgoCount <= 0)
            invalid("requestedAlgoCount is " + std::to_string(requestedAlgoCount));
        if (!heuristicResultsArray)
            invalid("heuristicResultsArray is null");
        const auto& description = require(descriptions, "operationDesc", operationDesc);
        const Problem problem = describe(description, require(layouts, "Adesc", Adesc), require(layouts, "Bdesc", Bdesc),
            require(layouts, "Cdesc", Cdesc), require(layouts, "Ddesc", Ddesc));
        const auto& wishes = require(preferences, "preference", preference);
        std::uint8_t alignments[5];
        for (int i = 0; i < 4; ++i) {
            if (wishes.alignments[i] < sizeof(float))
                unsupported(std::string("no algorithm works with an alignment of ") + std::to_string(wishes.alignments[i]) + " bytes of " + operand_names[i]);
            alignments[i] = alignment_exponent(wishes.alignments[i], 8);
        }
        alignments[4] = alignment_exponent(reinterpret_cast<std::uintptr_t>(description.bias), 4);

        const AlgorithmId best = is_split(problem.rows, problem.columns, problem.inner) ? split : whole;
        for (const AlgorithmId id : {best, best == split ? whole : split}) {
            const Algorithm algorithm = make_algorithm(id, problem, alignments);
            if (*returnAlgoCount == requestedAlgoCount || algorithm.workspace_bytes > wishes.workspace_limit)
                continue;
            cublasLtMatmulHeuristicResult_t& result = heuristicResultsArray[(*returnAlgoCount)++];
            result = {};
            std::memcpy(&result.algo, &algorithm, sizeof algorithm);
            result.workspaceSize = algorithm.workspace_bytes;
            result.state = CUBLAS_STATUS_SUCCESS;
            result.wavesCount = 1;
        }
    });
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t computeDesc, const void* alpha,
    const void* A, cublasLtMatrixLayout_t Adesc, const void* B, cublasLtMatrixLayout_t Bdesc, const void* beta,
    const void* C, cublasLtMatrixLayout_t Cdesc, void* D, cublasLtMatrixLayout_t Ddesc, const cublasLtMatmulAlgo_t* algo,
    void* workspace, size_t workspaceSizeInBytes, CUstream stream)
{
    return answer("cublasLtMatmul", [&] {
        require_handle(lightHandle);
        require_context("the handle");
        const auto& description = require(descriptions, "computeDesc", computeDesc);
        const auto& a_layout = require(layouts, "Adesc", Adesc);
        const auto& b_layout = require(layouts, "Bdesc", Bdesc);
        const auto& c_layout = require(layouts, "Cdesc", Cdesc);
        const auto& d_layout = require(layouts, "Ddesc", Ddesc);
        const Problem problem = describe(description, a_layout, b_layout, c_layout, d_layout);
        require_host_scalar("alpha", alpha);
        require_host_scalar("beta", beta);
        require_stream(stream);

        Product product{.call = "cublasLtMatmul", .gemm = {}, .ranges = {}};
        Gemm& gemm = product.gemm;
        gemm.alpha = *static_cast<const float*>(alpha);
        gemm.beta = *static_cast<const float*>(beta);

        const auto matrix = [](const char* name, const void* data, const cublasLtMatrixLayoutOpaque_t& layout) {
            return Matrix{name, data, static_cast<long>(layout.rows), static_cast<long>(layout.columns), static_cast<long>(layout.step)};
        };
        const Matrix a = matrix("A", A, a_layout), b = matrix("B", B, b_layout), c = matrix("C", C, c_layout), d = matrix("D", D, d_layout);
        const bool reads_c = gemm.beta != 0;
        for (const Matrix& operand : {a, b, d})
            require_matrix(product.ranges, operand, sizeof(float));
        require_apart(d, a);
        require_apart(d, b);
        if (reads_c) {
            require_matrix(product.ranges, c, sizeof(float));
            if (C != D)
                require_apart(d, c);
            else if (c.step != d.step)
                invalid("C and D are the same memory with different leading dimensions");
        }
        Matrix bias{"the bias", description.bias, d.rows, 1, d.rows};
        const bool has_bias = description.epilogue == CUBLASLT_EPILOGUE_BIAS;
        if (has_bias) {
            require_matrix(product.ranges, bias, sizeof(float));
            require_apart(d, bias);
        }

        if (algo) {
            const Algorithm algorithm = read_algorithm(*algo, problem);
            const void* const operands[] = {A, B, C, D, description.bias};
            for (int i = 0; i < 5; ++i)
                if ((i != 2 || reads_c) && (i != 4 || has_bias))
                    require_promise(algorithm, i, operands[i]);
            if (algorithm.workspace_bytes > workspaceSizeInBytes)
                invalid("algo needs a workspace of " + std::to_string(algorithm.workspace_bytes) + " bytes, it has " + std::to_string(workspaceSizeInBytes));
            product.workspace_bytes = algorithm.workspace_bytes;
        }
        if (product.workspace_bytes != 0) {
            const long elements = static_cast<long>(product.workspace_bytes / sizeof(float));
            const Matrix scratch{"the workspace", workspace, elements, 1, elements};
            require_matrix(product.ranges, scratch, 256);
            for (const Matrix& operand : {a, b, d})
                require_apart(scratch, operand);
            product.workspace = workspace;
        }

        gemm.transpose_a = problem.transpose_a;
        gemm.transpose_b = problem.transpose_b;
        gemm.rows = d.rows;
        gemm.columns = d.columns;
        gemm.inner = problem.inner;
        gemm.a = static_cast<const float*>(A);
        gemm.a_step = a.step;
        gemm.b = static_cast<const float*>(B);
        gemm.b_step = b.step;
        gemm.c = static_cast<const float*>(C);
        gemm.c_step = c.step;
        gemm.d = static_cast<float*>(D);
        gemm.d_step = d.step;
        gemm.bias = has_bias ? static_cast<const float*>(description.bias) : nullptr;
        gemm.tf32 = rounds_to_tf32(description.compute_type, CUBLAS_DEFAULT_MATH);
        launch(stream, product);
    });
}
