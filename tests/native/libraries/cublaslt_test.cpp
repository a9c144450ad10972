#include "cublas_interface.h"
#include "device.h"
#include "product.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace {

static_assert(sizeof(cublasLtMatmulHeuristicResult_t) == 96 && offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize) == 64
    && offsetof(cublasLtMatmulHeuristicResult_t, state) == 72 && offsetof(cublasLtMatmulHeuristicResult_t, wavesCount) == 76
    && offsetof(cublasLtMatmulHeuristicResult_t, reserved) == 80);

class CublasLt : public DeviceTest {
protected:
    void SetUp() override
    {
        DeviceTest::SetUp();
        ASSERT_EQ(cublasLtCreate(&handle), CUBLAS_STATUS_SUCCESS);
    }

    void TearDown() override
    {
        EXPECT_EQ(cublasLtDestroy(handle), CUBLAS_STATUS_SUCCESS);
        DeviceTest::TearDown();
    }

    cublasLtHandle_t handle = nullptr;
};

// The descriptors of a product.
class Plan {
public:
    Plan(const HostProduct& p, int compute_type = CUBLAS_COMPUTE_32F)
    {
        EXPECT_EQ(cublasLtMatmulDescCreate(&description, compute_type, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
        set(CUBLASLT_MATMUL_DESC_TRANSA, std::int32_t{p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N});
        set(CUBLASLT_MATMUL_DESC_TRANSB, std::int32_t{p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N});
        const auto layout = [](cublasLtMatrixLayout_t& target, bool transposed, int rows, int columns, int step) {
            EXPECT_EQ(cublasLtMatrixLayoutCreate(&target, CUDA_R_32F, transposed ? columns : rows, transposed ? rows : columns, step), CUBLAS_STATUS_SUCCESS);
        };
        layout(a, p.transpose_a, p.rows, p.inner, p.a_step);
        layout(b, p.transpose_b, p.inner, p.columns, p.b_step);
        layout(c, false, p.rows, p.columns, p.c_step);
        EXPECT_EQ(cublasLtMatmulPreferenceCreate(&preference), CUBLAS_STATUS_SUCCESS);
    }

    ~Plan()
    {
        EXPECT_EQ(cublasLtMatmulDescDestroy(description), CUBLAS_STATUS_SUCCESS);
        for (const cublasLtMatrixLayout_t layout : {a, b, c})
            EXPECT_EQ(cublasLtMatrixLayoutDestroy(layout), CUBLAS_STATUS_SUCCESS);
        EXPECT_EQ(cublasLtMatmulPreferenceDestroy(preference), CUBLAS_STATUS_SUCCESS);
    }

    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    template <typename T>
    void set(cublasLtMatmulDescAttributes_t attribute, T value)
    {
        EXPECT_EQ(cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof value), CUBLAS_STATUS_SUCCESS);
    }

    void add_bias(const float* bias)
    {
        set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_BIAS});
        set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    }

    template <typename T>
    void prefer(cublasLtMatmulPreferenceAttributes_t attribute, T value)
    {
        EXPECT_EQ(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value), CUBLAS_STATUS_SUCCESS);
    }

    void promise(std::uint32_t alignment)
    {
        for (int operand = 0; operand < 4; ++operand)
            prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES + operand, alignment);
    }

    std::vector<cublasLtMatmulHeuristicResult_t> algorithms(cublasLtHandle_t handle, int wanted = 8)
    {
        std::vector<cublasLtMatmulHeuristicResult_t> results(wanted);
        int count = 0;
        EXPECT_EQ(cublasLtMatmulAlgoGetHeuristic(handle, description, a, b, c, c, preference, wanted, results.data(), &count), CUBLAS_STATUS_SUCCESS);
        results.resize(count);
        return results;
    }

    cublasLtMatmulDesc_t description = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
    cublasLtMatmulPreference_t preference = nullptr;
};

TEST_F(CublasLt, ProductsWithBiasAreThoseOfDoublePrecision)
{
    unsigned seed = 0;
    for (const auto [rows, columns, inner] : {std::array{1, 1, 1}, std::array{65, 33, 300}, std::array{200, 40, 7}})
        for (const bool transpose_a : {false, true})
            for (const bool transpose_b : {false, true})
                for (const int compute_type : {CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32})
                    for (const bool has_bias : {false, true})
                        for (const float beta : {0.0f, 2.0f}) {
                            ++seed;
                            HostProduct p = HostProduct::random(transpose_a, transpose_b, rows, columns, inner, static_cast<int>(seed % 2), seed);
                            p.alpha = 1.5f;
                            p.beta = beta;
                            p.tf32 = compute_type == CUBLAS_COMPUTE_32F_FAST_TF32;
                            const DeviceArray<float> a(p.a), b(p.b), c(p.c), d(p.c), bias(random_values(rows, seed + 9));
                            Plan plan(p, compute_type);
                            if (has_bias) {
                                plan.add_bias(bias.data());
                                p.bias = bias.download();
                            }
                            plan.prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{1 << 20});
                            const auto algorithms = plan.algorithms(handle);
                            ASSERT_EQ(algorithms.size(), 2u);
                            for (const auto& algorithm : algorithms) {
                                d.upload(p.c);
                                const DeviceArray<float> workspace(algorithm.workspaceSize / sizeof(float) + 1);
                                ASSERT_EQ(cublasLtMatmul(handle, plan.description, &p.alpha, a.data(), plan.a, b.data(), plan.b, &p.beta, c.data(), plan.c, d.data(), plan.c,
                                    &algorithm.algo, algorithm.workspaceSize ? workspace.data() : nullptr, algorithm.workspaceSize, stream), CUBLAS_STATUS_SUCCESS)
                                    << cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE);
                                ASSERT_EQ(synchronize(), "");
                                ASSERT_EQ(p.difference(d.download()), "");
                                const std::vector<float> scratch = workspace.download();
                                ASSERT_TRUE(std::all_of(scratch.begin(), scratch.end(), [](float value) { return std::isnan(value); }));
                            }
                        }
}

TEST_F(CublasLt, AddsToCInPlace)
{
    HostProduct p = HostProduct::random(false, false, 30, 20, 10, 0, 4);
    p.beta = 1;
    const DeviceArray<float> a(p.a), b(p.b), c(p.c);
    Plan plan(p);
    ASSERT_EQ(cublasLtMatmul(handle, plan.description, &p.alpha, a.data(), plan.a, b.data(), plan.b, &p.beta, c.data(), plan.c, c.data(), plan.c, nullptr, nullptr, 0, stream),
        CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(synchronize(), "");
    EXPECT_EQ(p.difference(c.download()), "");
}

TEST_F(CublasLt, BetaZeroDoesNotReadC)
{
    HostProduct p = HostProduct::random(false, false, 30, 20, 10, 0, 4);
    const DeviceArray<float> a(p.a), b(p.b), c(std::vector<float>(p.c.size(), std::numeric_limits<float>::quiet_NaN()));
    Plan plan(p);
    ASSERT_EQ(cublasLtMatmul(handle, plan.description, &p.alpha, a.data(), plan.a, b.data(), plan.b, &p.beta, c.data(), plan.c, c.data(), plan.c, nullptr, nullptr, 0, stream),
        CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(synchronize(), "");
    EXPECT_EQ(p.difference(c.download()), "");
}

TEST_F(CublasLt, WorkspaceLimitAndShapeChooseTheAlgorithms)
{
    Plan deep(HostProduct::random(false, false, 16, 16, 64, 0, 1)), flat(HostProduct::random(false, false, 16, 16, 16, 0, 1));
    for (Plan* plan : {&deep, &flat}) {
        ASSERT_EQ(plan->algorithms(handle).size(), 1u);
        EXPECT_EQ(plan->algorithms(handle)[0].workspaceSize, 0u);
        EXPECT_EQ(plan->algorithms(handle)[0].state, CUBLAS_STATUS_SUCCESS);
        plan->prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{16 * 16 * 4});
        ASSERT_EQ(plan->algorithms(handle).size(), 2u);
        EXPECT_EQ(plan->algorithms(handle, 1).size(), 1u);
    }
    EXPECT_EQ(deep.algorithms(handle)[0].workspaceSize, 16u * 16 * 4);
    EXPECT_EQ(flat.algorithms(handle)[0].workspaceSize, 0u);
}

TEST_F(CublasLt, AlgorithmHoldsForTheProductItWasMadeFor)
{
    const HostProduct p = HostProduct::random(false, false, 32, 16, 8, 0, 4);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), bias(32);
    Plan plan(p);
    const cublasLtMatmulAlgo_t algorithm = plan.algorithms(handle)[0].algo;
    const auto run = [&](Plan& other, const cublasLtMatmulAlgo_t& algo) {
        const cublasStatus_t status = cublasLtMatmul(handle, other.description, &p.alpha, a.data(), other.a, b.data(), other.b, &p.beta, c.data(), other.c, c.data(), other.c,
            &algo, nullptr, 0, stream);
        return status == CUBLAS_STATUS_SUCCESS ? std::string() : std::string(cublasGetStatusString(status));
    };
    EXPECT_EQ(run(plan, algorithm), "");

    const char* const another = "made for another product";
    const auto refused = [&](const HostProduct& product, int compute_type) {
        Plan other(product, compute_type);
        return run(other, algorithm);
    };
    HostProduct changed = p;
    changed.rows = 31;
    EXPECT_NE(refused(changed, CUBLAS_COMPUTE_32F).find(another), std::string::npos);
    changed = p;
    changed.columns = 15;
    EXPECT_NE(refused(changed, CUBLAS_COMPUTE_32F).find(another), std::string::npos);
    changed = p;
    changed.inner = 7;
    EXPECT_NE(refused(changed, CUBLAS_COMPUTE_32F).find(another), std::string::npos);
    changed = p;
    changed.transpose_b = true;
    changed.b_step = 16;
    EXPECT_NE(refused(changed, CUBLAS_COMPUTE_32F).find(another), std::string::npos);
    changed = p;
    changed.inner = 8;
    changed.b_step = 9;
    changed.columns = 14;
    EXPECT_NE(refused(changed, CUBLAS_COMPUTE_32F).find(another), std::string::npos);
    EXPECT_NE(refused(p, CUBLAS_COMPUTE_32F_FAST_TF32).find(another), std::string::npos);
    Plan with_bias(p);
    with_bias.add_bias(bias.data());
    EXPECT_NE(run(with_bias, algorithm).find(another), std::string::npos);

    cublasLtMatmulAlgo_t forged = algorithm;
    forged.data[1] ^= 1;
    EXPECT_NE(run(plan, forged).find("did not come from"), std::string::npos);
    EXPECT_NE(run(plan, {}).find("did not come from"), std::string::npos);
    EXPECT_EQ(synchronize(), "");
}

TEST_F(CublasLt, PointersKeepThePromisedAlignment)
{
    const HostProduct p = HostProduct::random(false, false, 32, 16, 8, 0, 4);
    const DeviceArray<float> a(p.a, 16), b(p.b, 16), c(p.c, 16), d(p.c, 16), odd(random_values(32 * 16, 1), 4);
    const float beta = 1;
    for (const std::uint32_t alignment : {256u, 16u, 4u}) {
        Plan plan(p);
        plan.promise(alignment);
        const cublasLtMatmulAlgo_t algorithm = plan.algorithms(handle)[0].algo;
        const auto run = [&](const float* left, const float* right, const float* addend, float* result) {
            return cublasLtMatmul(handle, plan.description, &p.alpha, left, plan.a, right, plan.b, &beta, addend, plan.c, result, plan.c, &algorithm, nullptr, 0, stream);
        };
        EXPECT_EQ(run(a.data(), b.data(), c.data(), d.data()), alignment == 256 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS) << alignment;
        if (alignment == 256)
            continue;
        const cublasStatus_t expected = alignment == 16 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
        EXPECT_EQ(run(odd.data(), b.data(), c.data(), d.data()), expected) << "A, " << alignment;
        EXPECT_EQ(run(a.data(), odd.data(), c.data(), d.data()), expected) << "B, " << alignment;
        EXPECT_EQ(run(a.data(), b.data(), odd.data(), d.data()), expected) << "C, " << alignment;
        EXPECT_EQ(run(a.data(), b.data(), c.data(), odd.data()), expected) << "D, " << alignment;
    }
    EXPECT_EQ(synchronize(), "");
}

TEST_F(CublasLt, BiasIsAsAlignedAsTheHeuristicSawIt)
{
    const HostProduct p = HostProduct::random(false, false, 32, 16, 8, 0, 4);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), bias(std::vector<float>(32)), odd(std::vector<float>(32), 4);
    Plan plan(p);
    plan.add_bias(bias.data());
    const cublasLtMatmulAlgo_t algorithm = plan.algorithms(handle)[0].algo;
    plan.add_bias(odd.data());
    EXPECT_EQ(cublasLtMatmul(handle, plan.description, &p.alpha, a.data(), plan.a, b.data(), plan.b, &p.beta, c.data(), plan.c, c.data(), plan.c, &algorithm, nullptr, 0, stream),
        CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_F(CublasLt, ArgumentsAreChecked)
{
    const HostProduct p = HostProduct::random(false, false, 32, 16, 128, 0, 4);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), workspace(std::size_t{4096}), short_bias(31);
    Plan plan(p);
    plan.prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{4096});
    const auto algorithm = plan.algorithms(handle)[0];
    ASSERT_GT(algorithm.workspaceSize, 0u);
    const auto run = [&](void* scratch, std::size_t bytes, const float* left, float* result, CUstream where) {
        return cublasLtMatmul(handle, plan.description, &p.alpha, left, plan.a, b.data(), plan.b, &p.beta, result, plan.c, result, plan.c, &algorithm.algo, scratch, bytes, where);
    };
    EXPECT_EQ(run(workspace.data(), algorithm.workspaceSize, a.data(), c.data(), stream), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(run(workspace.data(), algorithm.workspaceSize - 1, a.data(), c.data(), stream), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(run(nullptr, algorithm.workspaceSize, a.data(), c.data(), stream), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(run(workspace.data() + 1, algorithm.workspaceSize, a.data(), c.data(), stream), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(run(c.data(), algorithm.workspaceSize, a.data(), c.data(), stream), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(run(workspace.data(), algorithm.workspaceSize, nullptr, c.data(), stream), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(run(workspace.data(), algorithm.workspaceSize, p.a.data(), c.data(), stream), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(run(workspace.data(), algorithm.workspaceSize, a.data(), const_cast<float*>(a.data()), stream), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(run(workspace.data(), algorithm.workspaceSize, a.data(), c.data(), reinterpret_cast<CUstream>(&plan)), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmul(nullptr, plan.description, &p.alpha, a.data(), plan.a, b.data(), plan.b, &p.beta, c.data(), plan.c, c.data(), plan.c, nullptr, nullptr, 0, stream),
        CUBLAS_STATUS_NOT_INITIALIZED);
    EXPECT_EQ(cublasLtMatmul(handle, nullptr, &p.alpha, a.data(), plan.a, b.data(), plan.b, &p.beta, c.data(), plan.c, c.data(), plan.c, nullptr, nullptr, 0, stream),
        CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmul(handle, plan.description, &p.alpha, a.data(), plan.b, b.data(), plan.a, &p.beta, c.data(), plan.c, c.data(), plan.c, nullptr, nullptr, 0, stream),
        CUBLAS_STATUS_INVALID_VALUE) << "shapes that do not fit";
    plan.add_bias(nullptr);
    EXPECT_EQ(run(workspace.data(), algorithm.workspaceSize, a.data(), c.data(), stream), CUBLAS_STATUS_INVALID_VALUE);
    plan.add_bias(short_bias.data());
    EXPECT_EQ(run(workspace.data(), algorithm.workspaceSize, a.data(), c.data(), stream), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(synchronize(), "");
}

TEST_F(CublasLt, AttributesAreChecked)
{
    Plan plan(HostProduct::random(false, false, 4, 4, 4, 0, 4));
    const std::int64_t value = 0;
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(plan.description, CUBLASLT_MATMUL_DESC_TRANSA, &value, 8), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(plan.description, CUBLASLT_MATMUL_DESC_TRANSA, nullptr, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(plan.description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(plan.description, 99, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(nullptr, CUBLASLT_MATMUL_DESC_TRANSA, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmulPreferenceSetAttribute(plan.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
    const std::uint32_t three = 3;
    EXPECT_EQ(cublasLtMatmulPreferenceSetAttribute(plan.preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &three, 4), CUBLAS_STATUS_INVALID_VALUE);

    cublasLtMatrixLayout_t layout = nullptr;
    EXPECT_EQ(cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, 4, 4, 3), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, 0, 4, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatrixLayoutCreate(&layout, 2, 4, 4, 4), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(cublasLtMatmulDescCreate(nullptr, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_INVALID_VALUE);
    cublasLtMatmulDesc_t description = nullptr;
    EXPECT_EQ(cublasLtMatmulDescCreate(&description, 64, CUDA_R_32F), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, 1), CUBLAS_STATUS_NOT_SUPPORTED);

    int count = -1;
    cublasLtMatmulHeuristicResult_t result;
    EXPECT_EQ(cublasLtMatmulAlgoGetHeuristic(handle, plan.description, plan.a, plan.b, plan.c, plan.c, plan.preference, 0, &result, &count), CUBLAS_STATUS_INVALID_VALUE);
    plan.set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{2});
    EXPECT_EQ(cublasLtMatmulAlgoGetHeuristic(handle, plan.description, plan.a, plan.b, plan.c, plan.c, plan.preference, 1, &result, &count), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(count, 0);
    plan.set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_DEFAULT});
    plan.promise(2);
    EXPECT_EQ(cublasLtMatmulAlgoGetHeuristic(handle, plan.description, plan.a, plan.b, plan.c, plan.c, plan.preference, 1, &result, &count), CUBLAS_STATUS_NOT_SUPPORTED);
}

}
