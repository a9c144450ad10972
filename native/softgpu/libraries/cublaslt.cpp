#include "blas_call.h"
#include "registry.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

struct cublasLtContext {
    softgpu::ContextOfHandle owner;
};

struct cublasLtMatmulDescOpaque_t {
    std::int32_t compute_type = CUBLAS_COMPUTE_32F;
    std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    const void* bias = nullptr;
};

struct cublasLtMatrixLayoutOpaque_t {
    std::uint64_t rows = 0;
    std::uint64_t columns = 0;
    std::int64_t step = 0;
    std::int32_t type = CUDA_R_32F;
};

struct cublasLtMatmulPreferenceOpaque_t {
    std::uint64_t workspace_limit = 0;
    std::uint32_t alignments[4] = {256, 256, 256, 256};   // of A, B, C and D
};

using namespace softgpu;
using namespace softgpu::blas;

namespace {

Registry<cublasLtContext> handles(LibraryKind::cublaslt);
Registry<cublasLtMatmulDescOpaque_t> descriptions(LibraryKind::cublaslt_descriptor);
Registry<cublasLtMatrixLayoutOpaque_t> layouts(LibraryKind::cublaslt_descriptor);
Registry<cublasLtMatmulPreferenceOpaque_t> preferences(LibraryKind::cublaslt_descriptor);

[[noreturn]] void invalid(const std::string& reason)
{
    throw Failure(CUBLAS_STATUS_INVALID_VALUE, reason);
}

[[noreturn]] void unsupported(const std::string& reason)
{
    throw Failure(CUBLAS_STATUS_NOT_SUPPORTED, reason);
}

const cublasLtContext& require_handle(cublasLtHandle_t handle)
{
    const cublasLtContext* const found = handles.find(handle);
    if (!found)
        throw Failure(CUBLAS_STATUS_NOT_INITIALIZED, handle ? "the handle is not a live cuBLASLt handle" : "the handle is null");
    return *found;
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
    std::uint8_t compute_type;
    std::uint8_t step_alignments[3];   // of the leading dimensions of A, B and D, as powers of two
    std::uint32_t type;                // of A and B

    bool operator==(const Problem&) const = default;
};

// The content of a cublasLtMatmulAlgo_t.
struct Algorithm {
    std::uint32_t mark;
    std::uint32_t id;
    Problem problem;
    std::uint8_t alignments[4];        // promised of A, B, D and the bias, as powers of two
    std::uint8_t unused[8];
    std::uint64_t workspace_bytes;
    std::uint64_t check;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t) && std::has_unique_object_representations_v<Algorithm>);

constexpr std::uint32_t algorithm_mark = 0x50c4a190;
constexpr const char* operand_names[4] = {"A", "B", "D", "the bias"};

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
    if (description.epilogue != CUBLASLT_EPILOGUE_BIAS)
        unsupported("the software GPU has the epilogue BIAS only, not " + std::to_string(description.epilogue));
    require_shape("Bdesc", b, a.columns, d.columns);
    require_shape("Adesc", a, d.rows, a.columns);
    require_shape("Cdesc", c, d.rows, d.columns);
    require_type("Bdesc", b.type, {a.type});
    for (const auto* const result : {&c, &d})
        require_type("Cdesc or Ddesc", result->type, {CUDA_R_32F});
    operands_of(a.type, description.compute_type);

    Problem problem{};
    problem.rows = static_cast<std::uint32_t>(d.rows);
    problem.columns = static_cast<std::uint32_t>(d.columns);
    problem.inner = static_cast<std::uint32_t>(a.columns);
    problem.compute_type = static_cast<std::uint8_t>(description.compute_type);
    problem.type = static_cast<std::uint32_t>(a.type);
    const cublasLtMatrixLayoutOpaque_t* const matrices[] = {&a, &b, &d};
    for (int i = 0; i < 3; ++i)
        problem.step_alignments[i] = alignment_exponent(static_cast<std::uint64_t>(matrices[i]->step) * bytes_of_type(matrices[i]->type), 4);
    return problem;
}

// One algorithm splits the inner index and needs a workspace, the other does neither.
enum AlgorithmId { split, whole };

std::uint64_t workspace_of(AlgorithmId id, const Problem& problem)
{
    constexpr std::uint64_t unit = 256;
    return id == split ? (std::uint64_t{problem.rows} * problem.columns * sizeof(float) + unit - 1) / unit * unit : 0;
}

Algorithm make_algorithm(AlgorithmId id, const Problem& problem, const std::uint8_t (&alignments)[4])
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
            + " (compute type and alignment of the leading dimensions count too)");
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
        switch (attr) {
            case CUBLASLT_MATMUL_DESC_EPILOGUE: read_attribute(description.epilogue, buf, sizeInBytes); break;
            case CUBLASLT_MATMUL_DESC_BIAS_POINTER: read_attribute(description.bias, buf, sizeInBytes); break;
            default: invalid("attr is " + std::to_string(attr) + ", which the software GPU does not have");
        }
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
        require_type("type", type, {CUDA_R_32F, CUDA_R_16BF});
        constexpr std::uint64_t largest = 0x7fffffff;
        if (rows == 0 || cols == 0 || rows > largest || cols > largest)
            invalid("a matrix of " + std::to_string(rows) + " x " + std::to_string(cols));
        require_step("the matrix", static_cast<long>(rows), ld);
        cublasLtMatrixLayoutOpaque_t* const layout = layouts.create();
        *layout = {rows, cols, ld, type};
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

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t pref, cublasLtMatmulPreferenceAttributes_t attr, const void* buf,
    size_t sizeInBytes)
{
    return answer("cublasLtMatmulPreferenceSetAttribute", [&] {
        cublasLtMatmulPreferenceOpaque_t& preference = require(preferences, "pref", pref);
        switch (attr) {
            case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: read_attribute(preference.workspace_limit, buf, sizeInBytes); break;
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
        require_current(require_handle(lightHandle).owner);
        if (!returnAlgoCount)
            invalid("returnAlgoCount is null");
        *returnAlgoCount = 0;
        if (requestedAlgoCount != 1)
            invalid("requestedAlgoCount is " + std::to_string(requestedAlgoCount) + "; the software GPU gives one algorithm at a time");
        if (!heuristicResultsArray)
            invalid("heuristicResultsArray is null");
        const auto& description = require(descriptions, "operationDesc", operationDesc);
        const Problem problem = describe(description, require(layouts, "Adesc", Adesc), require(layouts, "Bdesc", Bdesc),
            require(layouts, "Cdesc", Cdesc), require(layouts, "Ddesc", Ddesc));
        const auto& wishes = require(preferences, "preference", preference);
        std::uint8_t alignments[4];
        constexpr int of_preference[] = {0, 1, 3};   // C is not read
        for (int i = 0; i < 3; ++i) {
            const std::uint32_t alignment = wishes.alignments[of_preference[i]];
            const std::size_t least = bytes_of_type(i == 2 ? CUDA_R_32F : static_cast<int>(problem.type));
            if (alignment < least)
                unsupported(std::string("no algorithm works with an alignment of ") + std::to_string(alignment) + " bytes of " + operand_names[i]);
            alignments[i] = alignment_exponent(alignment, 8);
        }
        alignments[3] = alignment_exponent(reinterpret_cast<std::uintptr_t>(description.bias), 4);
        if (options().fail_heuristic == 1)
            unsupported("no algorithm is found, as SOFTGPU_FAIL_HEURISTIC asked");

        const bool is_deep = is_split(problem.rows, problem.columns, problem.inner) && workspace_of(split, problem) <= wishes.workspace_limit;
        const Algorithm algorithm = make_algorithm(is_deep ? split : whole, problem, alignments);
        cublasLtMatmulHeuristicResult_t& result = heuristicResultsArray[0];
        result = {};
        std::memcpy(&result.algo, &algorithm, sizeof algorithm);
        result.workspaceSize = algorithm.workspace_bytes;
        result.state = CUBLAS_STATUS_SUCCESS;
        result.wavesCount = 1;
        *returnAlgoCount = 1;
    });
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t computeDesc, const void* alpha,
    const void* A, cublasLtMatrixLayout_t Adesc, const void* B, cublasLtMatrixLayout_t Bdesc, const void* beta,
    const void* C, cublasLtMatrixLayout_t Cdesc, void* D, cublasLtMatrixLayout_t Ddesc, const cublasLtMatmulAlgo_t* algo,
    void* workspace, size_t workspaceSizeInBytes, CUstream stream)
{
    return answer("cublasLtMatmul", [&] {
        require_current(require_handle(lightHandle).owner);
        const auto& description = require(descriptions, "computeDesc", computeDesc);
        const auto& a_layout = require(layouts, "Adesc", Adesc);
        const auto& b_layout = require(layouts, "Bdesc", Bdesc);
        const auto& c_layout = require(layouts, "Cdesc", Cdesc);
        const auto& d_layout = require(layouts, "Ddesc", Ddesc);
        const Problem problem = describe(description, a_layout, b_layout, c_layout, d_layout);
        require_scalar("alpha", alpha, {1});
        require_scalar("beta", beta, {0});
        require_stream(stream);
        if (C != D)
            unsupported("C is not D: with beta 0 it is not read");

        Product product{.call = "cublasLtMatmul", .gemm = {}, .ranges = {}};
        Gemm& gemm = product.gemm;

        const auto matrix = [](const char* name, const void* data, const cublasLtMatrixLayoutOpaque_t& layout) {
            return Matrix{name, data, static_cast<long>(layout.rows), static_cast<long>(layout.columns), static_cast<long>(layout.step),
                bytes_of_type(layout.type)};
        };
        const Matrix a = matrix("A", A, a_layout), b = matrix("B", B, b_layout), d = matrix("D", D, d_layout);
        const Matrix bias{"the bias", description.bias, d.rows, 1, d.rows};
        for (const Matrix& operand : {a, b, bias, d})
            require_matrix(product.ranges, operand, operand.element_bytes);
        for (const Matrix& operand : {a, b, bias})
            require_apart(d, operand);

        if (!algo)
            unsupported("algo is null; the software GPU takes one of cublasLtMatmulAlgoGetHeuristic");
        const Algorithm algorithm = read_algorithm(*algo, problem);
        const void* const operands[] = {A, B, D, description.bias};
        for (int i = 0; i < 4; ++i)
            require_promise(algorithm, i, operands[i]);
        if (algorithm.workspace_bytes > workspaceSizeInBytes)
            invalid("algo needs a workspace of " + std::to_string(algorithm.workspace_bytes) + " bytes, it has " + std::to_string(workspaceSizeInBytes));
        product.workspace_bytes = algorithm.workspace_bytes;
        if (product.workspace_bytes != 0) {
            const long elements = static_cast<long>(product.workspace_bytes / sizeof(float));
            const Matrix scratch{"the workspace", workspace, elements, 1, elements};
            require_matrix(product.ranges, scratch, 256);
            for (const Matrix& operand : {a, b, d})
                require_apart(scratch, operand);
            product.workspace = workspace;
        }

        if (options().fail_heuristic == 2)
            unsupported("algo does not work, as SOFTGPU_FAIL_HEURISTIC asked");

        gemm.rows = d.rows;
        gemm.columns = d.columns;
        gemm.inner = problem.inner;
        gemm.a = A;
        gemm.a_step = a.step;
        gemm.b = B;
        gemm.b_step = b.step;
        gemm.d = static_cast<float*>(D);
        gemm.d_step = d.step;
        gemm.bias = static_cast<const float*>(description.bias);
        gemm.operands = operands_of(a_layout.type, description.compute_type);
        launch(stream, product);
    });
}
