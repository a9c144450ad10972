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

constexpr float one = 1, zero = 0;

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

// The descriptors of a product with a bias.
class Plan {
public:
    Plan(const HostProduct& p, const float* bias, int compute_type = CUBLAS_COMPUTE_32F, int operand_type = CUDA_R_32F)
    {
        EXPECT_EQ(cublasLtMatmulDescCreate(&description, compute_type, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
        set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_BIAS});
        set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
        const auto layout = [](cublasLtMatrixLayout_t& target, int type, int rows, int columns, int step) {
            EXPECT_EQ(cublasLtMatrixLayoutCreate(&target, type, rows, columns, step), CUBLAS_STATUS_SUCCESS);
        };
        layout(a, operand_type, p.rows, p.inner, p.a_step);
        layout(b, operand_type, p.inner, p.columns, p.b_step);
        layout(c, CUDA_R_32F, p.rows, p.columns, p.c_step);
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

    cublasLtMatmulHeuristicResult_t choose(cublasLtHandle_t handle)
    {
        cublasLtMatmulHeuristicResult_t result;
        int count = 0;
        EXPECT_EQ(cublasLtMatmulAlgoGetHeuristic(handle, description, a, b, c, c, preference, 1, &result, &count), CUBLAS_STATUS_SUCCESS);
        EXPECT_EQ(count, 1);
        return result;
    }

    // What the heuristic answers, and how many algorithms it found.
    std::pair<cublasStatus_t, int> ask(cublasLtHandle_t handle)
    {
        cublasLtMatmulHeuristicResult_t result;
        int count = -1;
        const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle, description, a, b, c, c, preference, 1, &result, &count);
        return {status, count};
    }

    // On the operands' addresses; C is D.
    cublasStatus_t run(cublasLtHandle_t handle, const void* left, const void* right, float* result, const cublasLtMatmulHeuristicResult_t& choice,
        void* workspace, CUstream stream)
    {
        return cublasLtMatmul(handle, description, &one, left, a, right, b, &zero, result, c, result, c, &choice.algo, workspace, choice.workspaceSize, stream);
    }

    cublasLtMatmulDesc_t description = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
    cublasLtMatmulPreference_t preference = nullptr;
};

TEST_F(CublasLt, ProductsWithBiasAreThoseOfDoublePrecision)
{
    unsigned seed = 0;
    for (const auto [rows, columns, inner] : {std::array{1, 1, 1}, std::array{65, 33, 300}, std::array{200, 40, 7}})
        for (const int compute_type : {CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32})
            for (const std::uint64_t workspace_limit : {0, 1 << 20}) {
                ++seed;
                HostProduct p = HostProduct::random(false, false, rows, columns, inner, static_cast<int>(seed % 2), seed);
                p.tf32 = compute_type == CUBLAS_COMPUTE_32F_FAST_TF32;
                p.bias = random_values(rows, seed + 9);
                const DeviceArray<float> a(p.a), b(p.b), c(p.c), bias(p.bias);
                Plan plan(p, bias.data(), compute_type);
                plan.prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_limit);
                const auto choice = plan.choose(handle);
                EXPECT_EQ(choice.workspaceSize > 0, workspace_limit > 0 && inner > 4 * std::max(rows, columns));
                const DeviceArray<float> workspace(choice.workspaceSize / sizeof(float) + 1);
                ASSERT_EQ(plan.run(handle, a.data(), b.data(), c.data(), choice, choice.workspaceSize ? workspace.data() : nullptr, stream),
                    CUBLAS_STATUS_SUCCESS)
                    << cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE);
                ASSERT_EQ(synchronize(), "");
                ASSERT_EQ(p.difference(c.download()), "");
                const std::vector<float> scratch = workspace.download();
                ASSERT_TRUE(std::all_of(scratch.begin(), scratch.end(), [](float value) { return std::isnan(value); }));
            }
}

TEST_F(CublasLt, ProductsOfBf16WithBiasAreThoseOfDoublePrecision)
{
    for (const auto [rows, columns, inner] : {std::array{2, 3, 5}, std::array{65, 33, 300}}) {
        HostProduct p = HostProduct::random(false, false, rows, columns, inner, 1, 5);
        p.bias = random_values(rows, 9);
        const DeviceArray<std::uint16_t> a(HostProduct::to_bf16(p.a)), b(HostProduct::to_bf16(p.b));
        const DeviceArray<float> c(p.c), bias(p.bias);
        Plan plan(p, bias.data(), CUBLAS_COMPUTE_32F, CUDA_R_16BF);
        plan.promise(4);
        const auto choice = plan.choose(handle);
        ASSERT_EQ(plan.run(handle, a.data(), b.data(), c.data(), choice, nullptr, stream), CUBLAS_STATUS_SUCCESS);
        ASSERT_EQ(synchronize(), "");
        EXPECT_EQ(p.difference(c.download()), "");

        // An algorithm is that of its operands' type.
        Plan other(p, bias.data());
        const DeviceArray<float> wide_a(p.a), wide_b(p.b);
        EXPECT_EQ(other.run(handle, wide_a.data(), wide_b.data(), c.data(), choice, nullptr, stream), CUBLAS_STATUS_INVALID_VALUE);
    }
}

TEST_F(CublasLt, OperandsOfTwoTypesAreRefused)
{
    const HostProduct p = HostProduct::random(false, false, 4, 4, 4, 0, 1);
    const DeviceArray<float> bias(p.c);
    Plan plan(p, bias.data()), halves(p, bias.data(), CUBLAS_COMPUTE_32F, CUDA_R_16BF);
    std::swap(plan.b, halves.b);
    EXPECT_EQ(plan.ask(handle).first, CUBLAS_STATUS_NOT_SUPPORTED);
    std::swap(plan.b, halves.b);
    Plan rounding(p, bias.data(), CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_16BF);
    EXPECT_EQ(rounding.ask(handle).first, CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_F(CublasLt, CIsNotRead)
{
    HostProduct p = HostProduct::random(false, false, 30, 20, 10, 0, 4);
    p.bias.assign(30, 0.25f);
    const DeviceArray<float> a(p.a), b(p.b), c(std::vector<float>(p.c.size(), std::numeric_limits<float>::quiet_NaN())), bias(p.bias);
    Plan plan(p, bias.data());
    ASSERT_EQ(plan.run(handle, a.data(), b.data(), c.data(), plan.choose(handle), nullptr, stream), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(synchronize(), "");
    EXPECT_EQ(p.difference(c.download()), "");
}

TEST_F(CublasLt, WorkspaceLimitAndShapeChooseTheAlgorithm)
{
    Plan deep(HostProduct::random(false, false, 16, 16, 64, 0, 1), nullptr), flat(HostProduct::random(false, false, 16, 16, 16, 0, 1), nullptr);
    for (Plan* plan : {&deep, &flat}) {
        EXPECT_EQ(plan->choose(handle).workspaceSize, 0u);
        EXPECT_EQ(plan->choose(handle).state, CUBLAS_STATUS_SUCCESS);
        plan->prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{16 * 16 * 4});
    }
    EXPECT_EQ(deep.choose(handle).workspaceSize, 16u * 16 * 4);
    EXPECT_EQ(flat.choose(handle).workspaceSize, 0u);
}

TEST_F(CublasLt, AlgorithmHoldsForTheProductItWasMadeFor)
{
    const HostProduct p = HostProduct::random(false, false, 32, 16, 8, 0, 4);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), bias(std::vector<float>(32));
    Plan plan(p, bias.data());
    const auto choice = plan.choose(handle);
    const auto run = [&](Plan& other, const cublasLtMatmulHeuristicResult_t& chosen) {
        const cublasStatus_t status = other.run(handle, a.data(), b.data(), c.data(), chosen, nullptr, stream);
        return status == CUBLAS_STATUS_SUCCESS ? std::string() : std::string(cublasGetStatusString(status));
    };
    EXPECT_EQ(run(plan, choice), "");

    const auto expect_refused = [&](const HostProduct& product, int compute_type) {
        Plan other(product, bias.data(), compute_type);
        EXPECT_NE(run(other, choice).find("made for another product"), std::string::npos);
    };
    HostProduct changed = p;
    changed.rows = 31;
    expect_refused(changed, CUBLAS_COMPUTE_32F);
    changed = p;
    changed.columns = 15;
    expect_refused(changed, CUBLAS_COMPUTE_32F);
    changed = p;
    changed.inner = 7;
    expect_refused(changed, CUBLAS_COMPUTE_32F);
    changed = p;
    changed.b_step = 9;
    changed.columns = 14;
    expect_refused(changed, CUBLAS_COMPUTE_32F);
    expect_refused(p, CUBLAS_COMPUTE_32F_FAST_TF32);

    cublasLtMatmulHeuristicResult_t forged = choice;
    forged.algo.data[1] ^= 1;
    EXPECT_NE(run(plan, forged).find("did not come from"), std::string::npos);
    EXPECT_NE(run(plan, {}).find("did not come from"), std::string::npos);
    EXPECT_EQ(synchronize(), "");
}

TEST_F(CublasLt, PointersKeepThePromisedAlignment)
{
    const HostProduct p = HostProduct::random(false, false, 32, 16, 8, 0, 4);
    const DeviceArray<float> a(p.a, 16), b(p.b, 16), c(p.c, 16), odd(random_values(32 * 16, 1), 4), bias(std::vector<float>(32));
    for (const std::uint32_t alignment : {256u, 16u, 4u}) {
        Plan plan(p, bias.data());
        plan.promise(alignment);
        const auto choice = plan.choose(handle);
        const auto run = [&](const float* left, const float* right, float* result) { return plan.run(handle, left, right, result, choice, nullptr, stream); };
        EXPECT_EQ(run(a.data(), b.data(), c.data()), alignment == 256 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS) << alignment;
        if (alignment == 256)
            continue;
        const cublasStatus_t expected = alignment == 16 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
        EXPECT_EQ(run(odd.data(), b.data(), c.data()), expected) << "A, " << alignment;
        EXPECT_EQ(run(a.data(), odd.data(), c.data()), expected) << "B, " << alignment;
        EXPECT_EQ(run(a.data(), b.data(), odd.data()), expected) << "D, " << alignment;
    }
    EXPECT_EQ(synchronize(), "");
}

TEST_F(CublasLt, BiasIsAsAlignedAsTheHeuristicSawIt)
{
    const HostProduct p = HostProduct::random(false, false, 32, 16, 8, 0, 4);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), bias(std::vector<float>(32)), odd(std::vector<float>(32), 4);
    Plan plan(p, bias.data());
    const auto choice = plan.choose(handle);
    plan.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, odd.data());
    EXPECT_EQ(plan.run(handle, a.data(), b.data(), c.data(), choice, nullptr, stream), CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_F(CublasLt, ArgumentsAreChecked)
{
    const HostProduct p = HostProduct::random(false, false, 32, 16, 128, 0, 4);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), other_c(p.c), workspace(std::size_t{4096}), bias(std::vector<float>(32)), short_bias(31);
    Plan plan(p, bias.data());
    plan.prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{4096});
    const auto choice = plan.choose(handle);
    ASSERT_GT(choice.workspaceSize, 0u);
    struct Arguments {
        cublasLtHandle_t handle;
        cublasLtMatmulDesc_t description;
        const float *alpha = &one, *left, *right, *beta = &zero, *c;
        float* d;
        cublasLtMatrixLayout_t a_layout, b_layout;
        const cublasLtMatmulAlgo_t* algorithm;
        void* workspace;
        std::size_t bytes;
        CUstream stream;
    };
    const auto call = [&](auto&& change) {
        Arguments x{.handle = handle, .description = plan.description, .left = a.data(), .right = b.data(), .c = c.data(), .d = c.data(), .a_layout = plan.a,
            .b_layout = plan.b,
            .algorithm = &choice.algo, .workspace = workspace.data(), .bytes = choice.workspaceSize, .stream = stream};
        change(x);
        return cublasLtMatmul(x.handle, x.description, x.alpha, x.left, x.a_layout, x.right, x.b_layout, x.beta, x.c, plan.c, x.d, plan.c, x.algorithm,
            x.workspace, x.bytes, x.stream);
    };
    const auto invalid = [&](auto&& change) { EXPECT_EQ(call(change), CUBLAS_STATUS_INVALID_VALUE) << cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE); };
    const auto unsupported = [&](auto&& change) { EXPECT_EQ(call(change), CUBLAS_STATUS_NOT_SUPPORTED) << cublasGetStatusString(CUBLAS_STATUS_NOT_SUPPORTED); };
    EXPECT_EQ(call([](Arguments&) {}), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(call([](Arguments& x) { x.handle = nullptr; }), CUBLAS_STATUS_NOT_INITIALIZED);
    invalid([](Arguments& x) { x.description = nullptr; });
    invalid([](Arguments& x) { --x.bytes; });
    invalid([](Arguments& x) { x.workspace = nullptr; });
    invalid([&](Arguments& x) { x.workspace = workspace.data() + 1; });
    invalid([](Arguments& x) { x.workspace = x.d; });
    invalid([](Arguments& x) { x.left = nullptr; });
    invalid([&](Arguments& x) { x.left = p.a.data(); });
    invalid([](Arguments& x) { x.d = const_cast<float*>(x.left), x.c = x.d; });
    invalid([&](Arguments& x) { x.stream = reinterpret_cast<CUstream>(&plan); });
    invalid([](Arguments& x) { x.alpha = nullptr; });
    invalid([](Arguments& x) { std::swap(x.a_layout, x.b_layout); });
    unsupported([](Arguments& x) { x.beta = &one; });
    unsupported([](Arguments& x) { x.alpha = &zero; });
    unsupported([](Arguments& x) { x.algorithm = nullptr; });
    unsupported([&](Arguments& x) { x.c = other_c.data(); });
    for (const float* wrong : {static_cast<const float*>(nullptr), static_cast<const float*>(short_bias.data()), p.a.data(),
        static_cast<const float*>(c.data())}) {
        plan.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, wrong);
        invalid([](Arguments&) {});
    }
    EXPECT_EQ(synchronize(), "");
}

TEST_F(CublasLt, AttributesAreChecked)
{
    Plan plan(HostProduct::random(false, false, 4, 4, 4, 0, 4), nullptr);
    const std::int64_t value = 0;
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(plan.description, CUBLASLT_MATMUL_DESC_EPILOGUE, &value, 8), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(plan.description, CUBLASLT_MATMUL_DESC_EPILOGUE, nullptr, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(plan.description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
    constexpr int transpose_a = 3;
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(plan.description, transpose_a, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(nullptr, CUBLASLT_MATMUL_DESC_EPILOGUE, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
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
    const auto choose = [&](int requested) {
        return cublasLtMatmulAlgoGetHeuristic(handle, plan.description, plan.a, plan.b, plan.c, plan.c, plan.preference, requested, &result, &count);
    };
    for (const int requested : {0, 2})
        EXPECT_EQ(choose(requested), CUBLAS_STATUS_INVALID_VALUE);
    for (const std::uint32_t epilogue : {1u, 2u}) {
        plan.set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
        EXPECT_EQ(choose(1), CUBLAS_STATUS_NOT_SUPPORTED);
        EXPECT_EQ(count, 0);
    }
    plan.set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_BIAS});
    plan.promise(2);
    EXPECT_EQ(choose(1), CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_F(CublasLt, NoAlgorithmMayBeFound)
{
    const HostProduct p = HostProduct::random(false, false, 3, 4, 5, 0, 1);
    const DeviceArray<float> bias(random_values(3, 9));
    Plan plan(p, bias.data());
    {
        const Setting fault("SOFTGPU_FAIL_HEURISTIC", "1");
        EXPECT_EQ(plan.ask(handle), std::pair(cublasStatus_t{CUBLAS_STATUS_NOT_SUPPORTED}, 0));
        EXPECT_NE(std::string(cublasGetStatusString(CUBLAS_STATUS_NOT_SUPPORTED)).find("no algorithm is found"), std::string::npos);
    }
    EXPECT_EQ(plan.ask(handle), std::pair(cublasStatus_t{CUBLAS_STATUS_SUCCESS}, 1));
}

TEST_F(CublasLt, AnAlgorithmThatIsFoundMayNotWork)
{
    HostProduct p = HostProduct::random(false, false, 3, 4, 5, 0, 1);
    p.bias = random_values(3, 9);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), bias(p.bias);
    Plan plan(p, bias.data());
    {
        const Setting fault("SOFTGPU_FAIL_HEURISTIC", "2");
        const auto choice = plan.choose(handle);
        EXPECT_EQ(plan.run(handle, a.data(), b.data(), c.data(), choice, nullptr, stream), CUBLAS_STATUS_NOT_SUPPORTED);
        EXPECT_EQ(synchronize(), "") << "a call that is refused harms nothing";
        EXPECT_EQ(c.download(), p.c);
    }
    EXPECT_EQ(plan.run(handle, a.data(), b.data(), c.data(), plan.choose(handle), nullptr, stream), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(p.difference(c.download()), "");
}

}
