#include "cublas_interface.h"
#include "device.h"
#include "product.h"

#include <cmath>
#include <limits>
#include <memory>
#include <sstream>
#include <utility>

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

class Cublas : public DeviceTest {
protected:
    void SetUp() override
    {
        DeviceTest::SetUp();
        ASSERT_EQ(cublasCreate_v2(&handle), CUBLAS_STATUS_SUCCESS);
        ASSERT_EQ(cublasSetStream_v2(handle, stream), CUBLAS_STATUS_SUCCESS);
        workspace_ = std::make_unique<DeviceArray<float>>(1024);
        ASSERT_EQ(cublasSetWorkspace_v2(handle, workspace_->data(), workspace_->bytes()), CUBLAS_STATUS_SUCCESS);
    }

    void TearDown() override
    {
        EXPECT_EQ(cublasDestroy_v2(handle), CUBLAS_STATUS_SUCCESS);
        workspace_.reset();
        DeviceTest::TearDown();
    }

    cublasStatus_t multiply(const HostProduct& p, const float* a, const float* b, float* c, int compute_type)
    {
        // Scalars are read at the call.
        const float alpha = 1, beta = p.accumulates ? 1 : 0;
        return cublasGemmEx(handle, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, p.rows, p.columns, p.inner,
            &alpha, a, CUDA_R_32F, p.a_step, b, CUDA_R_32F, p.b_step, &beta, c, CUDA_R_32F, p.c_step, compute_type, CUBLAS_GEMM_DEFAULT);
    }

    // Runs the product on the device and says how its result differs from the double-precision one.
    std::string difference(const HostProduct& p, int compute_type = CUBLAS_COMPUTE_32F)
    {
        const DeviceArray<float> a(p.a, 4), b(p.b, 8), c(p.c, 12);
        const cublasStatus_t status = multiply(p, a.data(), b.data(), c.data(), compute_type);
        if (status != CUBLAS_STATUS_SUCCESS)
            return cublasGetStatusString(status);
        const std::string error = synchronize();
        return error.empty() ? p.difference(c.download()) : error;
    }

    cublasStatus_t multiply_bf16(const HostProduct& p, const std::uint16_t* a, const std::uint16_t* b, float* c, int compute_type = CUBLAS_COMPUTE_32F,
        int type_b = CUDA_R_16BF, int type_c = CUDA_R_32F)
    {
        const float alpha = 1, beta = p.accumulates ? 1 : 0;
        return cublasGemmEx(handle, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, p.rows, p.columns, p.inner,
            &alpha, a, CUDA_R_16BF, p.a_step, b, type_b, p.b_step, &beta, c, type_c, p.c_step, compute_type, CUBLAS_GEMM_DEFAULT);
    }

    cublasHandle_t handle = nullptr;

private:
    std::unique_ptr<DeviceArray<float>> workspace_;
};

struct Shape {
    int rows, columns, inner;
};

// Sizes around those of the vectors, tiles and blocks that a fast product may be cut into.
constexpr Shape shapes[] = {{1, 1, 1}, {3, 5, 7}, {16, 12, 256}, {32, 24, 8}, {33, 25, 257}, {64, 1, 100}, {1, 70, 64}, {200, 195, 30}, {193, 13, 520},
    {12, 400, 3}, {193, 385, 65}};

// Random products of every shape, with every transposition, some of them adding to what is there; and their names.
template <typename Check>
void for_every_product(const Check& check)
{
    unsigned seed = 0;
    for (const Shape& shape : shapes)
        for (const bool transpose_a : {false, true})
            for (const bool transpose_b : {false, true}) {
                ++seed;
                HostProduct p = HostProduct::random(transpose_a, transpose_b, shape.rows, shape.columns, shape.inner, static_cast<int>(seed % 5), seed);
                p.accumulates = seed % 3 == 0;
                std::ostringstream name;
                name << shape.rows << " x " << shape.columns << " x " << shape.inner << ", " << transpose_a << transpose_b << p.accumulates;
                check(p, name.str());
            }
}

TEST_F(Cublas, ProductsAreThoseOfDoublePrecision)
{
    for_every_product([&](const HostProduct& p, const std::string& name) { EXPECT_EQ(difference(p), "") << name; });
}

TEST_F(Cublas, Tf32ProductsRoundTheirOperands)
{
    for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true}) {
            HostProduct p = HostProduct::random(transpose_a, transpose_b, 97, 61, 300, 1, 7);
            p.tf32 = true;
            EXPECT_EQ(difference(p, CUBLAS_COMPUTE_32F_FAST_TF32), "");
            p.tf32 = false;
            EXPECT_NE(difference(p, CUBLAS_COMPUTE_32F_FAST_TF32), "") << "the operands were not rounded";
        }
}

TEST_F(Cublas, Tf32RoundsTiesAwayFromZero)
{
    const float tie = 1 + std::ldexp(1.0f, -11), infinity = std::numeric_limits<float>::infinity();
    HostProduct p;
    p.rows = 5;
    p.columns = p.inner = p.b_step = 1;
    p.a_step = p.c_step = 5;
    const DeviceArray<float> a(std::vector<float>{tie, -tie, 1 + std::ldexp(1.0f, -12), infinity, nan_value}), b(std::vector<float>{1}), c(5);
    ASSERT_EQ(multiply(p, a.data(), b.data(), c.data(), CUBLAS_COMPUTE_32F_FAST_TF32), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(synchronize(), "");
    const std::vector<float> result = c.download();
    EXPECT_EQ(result[0], 1 + std::ldexp(1.0f, -10));
    EXPECT_EQ(result[1], -1 - std::ldexp(1.0f, -10));
    EXPECT_EQ(result[2], 1);
    EXPECT_EQ(result[3], infinity);
    EXPECT_TRUE(std::isnan(result[4]));
}

TEST_F(Cublas, ProductsOfBf16AreThoseOfDoublePrecision)
{
    for_every_product([&](HostProduct& p, const std::string& name) {
        // At addresses that are aligned for nothing wider.
        const DeviceArray<std::uint16_t> a(HostProduct::to_bf16(p.a), 2), b(HostProduct::to_bf16(p.b), 6);
        const DeviceArray<float> c(p.c, 12);
        ASSERT_EQ(multiply_bf16(p, a.data(), b.data(), c.data()), CUBLAS_STATUS_SUCCESS) << cublasGetStatusString(CUBLAS_STATUS_NOT_SUPPORTED);
        ASSERT_EQ(synchronize(), "");
        EXPECT_EQ(p.difference(c.download()), "") << name;
    });
}

TEST_F(Cublas, ProductsOfBf16AreOfBothOperandsAndOfGpusThatHaveThem)
{
    HostProduct p = HostProduct::random(false, false, 4, 4, 4, 0, 1);
    const DeviceArray<std::uint16_t> a(HostProduct::to_bf16(p.a)), b(HostProduct::to_bf16(p.b));
    const DeviceArray<float> c(p.c);
    EXPECT_EQ(multiply_bf16(p, a.data(), b.data(), c.data(), CUBLAS_COMPUTE_32F_FAST_TF32), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(multiply_bf16(p, a.data(), b.data(), c.data(), CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(multiply_bf16(p, a.data(), b.data(), c.data(), CUBLAS_COMPUTE_32F, CUDA_R_16BF, CUDA_R_16BF), CUBLAS_STATUS_NOT_SUPPORTED);
    const Setting old("SOFTGPU_COMPUTE_CAPABILITY", "75", "90");
    EXPECT_EQ(multiply_bf16(p, a.data(), b.data(), c.data()), CUBLAS_STATUS_ARCH_MISMATCH);
}

TEST_F(Cublas, AProductThatDoesNotAccumulateDoesNotReadC)
{
    HostProduct p = HostProduct::random(false, false, 40, 30, 20, 1, 11);
    std::fill(p.c.begin(), p.c.end(), nan_value);
    EXPECT_EQ(difference(p), "");
}

TEST_F(Cublas, NoInnerIndexGivesZeroOrLeavesC)
{
    HostProduct p = HostProduct::random(false, false, 7, 5, 1, 0, 13);
    p.inner = 0;
    for (const bool accumulates : {false, true}) {
        p.accumulates = accumulates;
        EXPECT_EQ(difference(p), "");
    }
}

TEST_F(Cublas, StripsOfOneBufferAreDifferentMatrices)
{
    // Rows of 20 elements: A is their first 8, C their last 12.
    const DeviceArray<float> buffer(random_values(20 * 10, 3)), weights(random_values(100, 5));
    HostProduct p;
    p.rows = 12;
    p.columns = 10;
    p.inner = 10;
    p.a_step = p.c_step = 20;
    p.b_step = 10;
    EXPECT_EQ(multiply(p, buffer.data(), weights.data(), buffer.data() + 8, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_INVALID_VALUE) << "12 rows of A reach into C";
    p.rows = 8;
    EXPECT_EQ(multiply(p, buffer.data(), weights.data(), buffer.data() + 8, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(multiply(p, buffer.data(), weights.data(), buffer.data() + 7, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(synchronize(), "");
}

TEST_F(Cublas, ResultsDoNotDependOnTheNumberOfThreads)
{
    const HostProduct p = HostProduct::random(false, true, 300, 250, 400, 0, 21);
    std::vector<std::vector<float>> results;
    for (const char* threads : {"1", "2", "7"}) {
        ASSERT_EQ(softgpu_configure("SOFTGPU_THREADS", threads), 0);
        const DeviceArray<float> a(p.a), b(p.b), c(p.c);
        ASSERT_EQ(multiply(p, a.data(), b.data(), c.data(), CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
        ASSERT_EQ(synchronize(), "");
        results.push_back(c.download());
    }
    softgpu_configure("SOFTGPU_THREADS", "0");
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
}

TEST_F(Cublas, DeepProductsOverwriteTheWorkspace)
{
    const DeviceArray<float> workspace(std::vector<float>(1024, 1.0f));
    ASSERT_EQ(cublasSetWorkspace_v2(handle, workspace.data(), workspace.bytes()), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(difference(HostProduct::random(false, false, 16, 32, 200, 0, 1)), "");
    const std::vector<float> content = workspace.download();
    for (int i = 0; i < 16 * 32; ++i)
        ASSERT_TRUE(std::isnan(content[i])) << i;
}

TEST_F(Cublas, StreamsThatShareAWorkspaceAreFoundOut)
{
    const HostProduct p = HostProduct::random(false, false, 16, 16, 100, 0, 2);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), other_c(p.c), workspace(1024);
    CUstream other_stream = nullptr;
    ASSERT_EQ(cuStreamCreate(&other_stream, 1), 0);
    cublasHandle_t other = nullptr;
    ASSERT_EQ(cublasCreate_v2(&other), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasSetStream_v2(other, other_stream), CUBLAS_STATUS_SUCCESS);
    for (const cublasHandle_t sharer : {handle, other})
        ASSERT_EQ(cublasSetWorkspace_v2(sharer, workspace.data(), workspace.bytes()), CUBLAS_STATUS_SUCCESS);
    std::string error;
    for (int seed = 1; seed <= 50 && error.empty(); ++seed) {
        ASSERT_EQ(softgpu_configure("SOFTGPU_SEED", std::to_string(seed).c_str()), 0);
        multiply(p, a.data(), b.data(), c.data(), CUBLAS_COMPUTE_32F);
        std::swap(handle, other);
        multiply(p, a.data(), b.data(), other_c.data(), CUBLAS_COMPUTE_32F);
        std::swap(handle, other);
        error = synchronize();
        if (error.empty())
            cuStreamSynchronize(other_stream);
    }
    softgpu_configure("SOFTGPU_SEED", "0");
    EXPECT_NE(error.find("do two streams share it?"), std::string::npos) << error;
    cublasDestroy_v2(other);
    cuStreamDestroy_v2(other_stream);
}

TEST_F(Cublas, BranchesOfAGraphThatShareAWorkspaceAreFoundOut)
{
    const HostProduct p = HostProduct::random(false, false, 16, 16, 100, 0, 2);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), other_c(p.c), workspace(1024), own_workspace(1024);
    CUstream branch = nullptr;
    ASSERT_EQ(cuStreamCreate(&branch, 1), 0);
    void* event = nullptr;
    ASSERT_EQ(cuEventCreate(&event, 2), 0);
    cublasHandle_t other = nullptr;
    ASSERT_EQ(cublasCreate_v2(&other), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasSetStream_v2(other, branch), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasSetWorkspace_v2(handle, workspace.data(), workspace.bytes()), CUBLAS_STATUS_SUCCESS);
    for (const bool shares : {false, true}) {
        const auto& its = shares ? workspace : own_workspace;
        ASSERT_EQ(cublasSetWorkspace_v2(other, its.data(), its.bytes()), CUBLAS_STATUS_SUCCESS);
        void* const graph = capture([&] {
            EXPECT_EQ(cuEventRecord(event, stream), 0);
            EXPECT_EQ(cuStreamWaitEvent(branch, event, 0), 0);
            for (float* const result : {c.data(), other_c.data()}) {
                EXPECT_EQ(multiply(p, a.data(), b.data(), result, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
                std::swap(handle, other);
            }
            EXPECT_EQ(cuEventRecord(event, branch), 0);
            EXPECT_EQ(cuStreamWaitEvent(stream, event, 0), 0);
        });
        void* executable = nullptr;
        ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
        std::string error;
        for (int seed = 1; seed <= 50 && error.empty(); ++seed) {
            ASSERT_EQ(softgpu_configure("SOFTGPU_SEED", std::to_string(seed).c_str()), 0);
            EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
            error = synchronize();
        }
        softgpu_configure("SOFTGPU_SEED", "0");
        EXPECT_EQ(error.find("do two streams share it?") != std::string::npos, shares) << error;
    }
    cublasDestroy_v2(other);
    cuStreamDestroy_v2(branch);
}

TEST_F(Cublas, WorkspaceMustBeAlignedDeviceMemory)
{
    const DeviceArray<float> workspace(1024, 4);
    std::vector<float> host(1024);
    EXPECT_EQ(cublasSetWorkspace_v2(handle, workspace.data(), 1024), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasSetWorkspace_v2(handle, host.data(), 1024), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasSetWorkspace_v2(handle, nullptr, 1024), CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(Cublas, ProductsNeedAWorkspaceSetAfterTheStreamAndCanBeCapturedThen)
{
    const HostProduct p = HostProduct::random(false, false, 16, 16, 16, 0, 2);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c), workspace(4096);
    ASSERT_EQ(cublasSetWorkspace_v2(handle, workspace.data(), workspace.bytes()), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasSetStream_v2(handle, stream), CUBLAS_STATUS_SUCCESS);
    const cublasStatus_t status = multiply(p, a.data(), b.data(), c.data(), CUBLAS_COMPUTE_32F);
    EXPECT_EQ(status, CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_NE(std::string(cublasGetStatusString(status)).find("cublasSetWorkspace_v2"), std::string::npos) << cublasGetStatusString(status);

    ASSERT_EQ(cublasSetWorkspace_v2(handle, workspace.data(), workspace.bytes()), CUBLAS_STATUS_SUCCESS);
    void* const graph = capture([&] { EXPECT_EQ(multiply(p, a.data(), b.data(), c.data(), CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS); });
    EXPECT_EQ(synchronize(), "");
    EXPECT_NE(p.difference(c.download()), "") << "a captured product must not run before the graph is launched";
    void* executable = nullptr;
    ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    ASSERT_EQ(cuGraphLaunch(executable, stream), 0);
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(p.difference(c.download()), "");
    cuGraphExecDestroy(executable);
    cuGraphDestroy(graph);
}

TEST_F(Cublas, ReplayOverFreedMemoryFailsTheContext)
{
    const HostProduct p = HostProduct::random(false, false, 16, 16, 16, 0, 2);
    const DeviceArray<float> a(p.a), c(p.c);
    DeviceArray<float> b(p.b);
    void* const graph = capture([&] { EXPECT_EQ(multiply(p, a.data(), b.data(), c.data(), CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS); });
    void* executable = nullptr;
    ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    b.release();
    cuGraphLaunch(executable, stream);
    const std::string error = synchronize();
    EXPECT_NE(error.find("cublasGemmEx"), std::string::npos) << error;
    EXPECT_NE(error.find("B is not"), std::string::npos) << error;
    cuGraphExecDestroy(executable);
    cuGraphDestroy(graph);
}

TEST_F(Cublas, HandlesAreChecked)
{
    int version = 0;
    EXPECT_EQ(cublasGetVersion_v2(handle, &version), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(version, 120403);
    EXPECT_EQ(cublasGetVersion_v2(nullptr, &version), CUBLAS_STATUS_NOT_INITIALIZED);
    EXPECT_EQ(cublasCreate_v2(nullptr), CUBLAS_STATUS_INVALID_VALUE);
    cublasHandle_t other = nullptr;
    ASSERT_EQ(cublasCreate_v2(&other), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasDestroy_v2(other), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasDestroy_v2(other), CUBLAS_STATUS_NOT_INITIALIZED);
    EXPECT_EQ(cublasSetStream_v2(other, stream), CUBLAS_STATUS_NOT_INITIALIZED);
    int no_stream = 0;
    EXPECT_EQ(cublasSetStream_v2(handle, reinterpret_cast<CUstream>(&no_stream)), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasSetStream_v2(handle, nullptr), CUBLAS_STATUS_INVALID_VALUE);

    cuCtxSetCurrent(nullptr);
    EXPECT_EQ(cublasCreate_v2(&other), CUBLAS_STATUS_NOT_INITIALIZED);
    HostProduct p = HostProduct::random(false, false, 1, 1, 1, 0, 1);
    EXPECT_EQ(multiply(p, p.a.data(), p.b.data(), p.c.data(), CUBLAS_COMPUTE_32F), CUBLAS_STATUS_EXECUTION_FAILED);
    cuCtxSetCurrent(context);
}

TEST_F(Cublas, ArgumentsAreChecked)
{
    const HostProduct p = HostProduct::random(false, false, 8, 6, 4, 0, 2);
    const DeviceArray<float> a(p.a), b(p.b), c(p.c);
    std::vector<float> host(100);
    const float zero = 0, one = 1, half = 0.5f;
    struct Arguments {
        cublasHandle_t handle;
        int transa = CUBLAS_OP_N, transb = CUBLAS_OP_N, m = 8, n = 6, k = 4;
        const void *alpha, *A;
        int Atype = CUDA_R_32F, lda = 8;
        const void* B;
        int Btype = CUDA_R_32F, ldb = 4;
        const void* beta;
        void* C;
        int Ctype = CUDA_R_32F, ldc = 8, compute = CUBLAS_COMPUTE_32F, algo = CUBLAS_GEMM_DEFAULT;
    };
    const auto call = [&](auto&& change) {
        Arguments x{.handle = handle, .alpha = &one, .A = a.data(), .B = b.data(), .beta = &zero, .C = c.data()};
        change(x);
        return cublasGemmEx(x.handle, x.transa, x.transb, x.m, x.n, x.k, x.alpha, x.A, x.Atype, x.lda, x.B, x.Btype, x.ldb, x.beta, x.C, x.Ctype, x.ldc,
            x.compute, x.algo);
    };
    EXPECT_EQ(call([](Arguments&) {}), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(call([](Arguments& x) { x.handle = nullptr; }), CUBLAS_STATUS_NOT_INITIALIZED);
    const auto invalid = [&](const char* what, auto&& change) {
        EXPECT_EQ(call(change), CUBLAS_STATUS_INVALID_VALUE) << what;
        const std::string text = cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE);
        EXPECT_EQ(text.rfind("CUBLAS_STATUS_INVALID_VALUE: cublasGemmEx: ", 0), 0u) << text;
        EXPECT_NE(text.find(what), std::string::npos) << text;
    };
    invalid("transa", [](Arguments& x) { x.transa = 2; });
    invalid("m is -1", [](Arguments& x) { x.m = -1; });
    invalid("n is -1", [](Arguments& x) { x.n = -1; });
    invalid("k is -1", [](Arguments& x) { x.k = -1; });
    invalid("leading dimension of A", [](Arguments& x) { x.lda = 7; });
    invalid("leading dimension of B", [](Arguments& x) { x.ldb = 3; });
    invalid("leading dimension of C", [](Arguments& x) { x.ldc = 7; });
    invalid("alpha is null", [](Arguments& x) { x.alpha = nullptr; });
    invalid("beta is a device pointer", [](Arguments& x) { x.beta = x.C; });
    invalid("A is null", [](Arguments& x) { x.A = nullptr; });
    invalid("B is not", [&](Arguments& x) { x.B = host.data(); });
    invalid("B is not", [](Arguments& x) { x.n = 7; });
    invalid("C is not", [](Arguments& x) { x.ldc = 9; });
    invalid("A is not aligned", [](Arguments& x) { x.A = static_cast<const char*>(x.A) + 2; });
    invalid("B is not", [](Arguments& x) { x.k = 5, x.ldb = 5; x.A = nullptr; x.A = x.C; x.lda = 8; x.m = 1; x.n = 6; });
    invalid("C overlaps A", [](Arguments& x) { x.A = x.C; });
    EXPECT_EQ(call([](Arguments& x) { x.algo = 0; }), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(call([&](Arguments& x) { x.alpha = &half; }), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(call([&](Arguments& x) { x.beta = &half; }), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(call([](Arguments& x) { x.Btype = 2; }), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(call([](Arguments& x) { x.compute = 64; }), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(call([](Arguments& x) { x.m = 0; x.lda = x.ldc = 1; x.C = nullptr; }), CUBLAS_STATUS_SUCCESS) << "nothing to do is no error";
    EXPECT_EQ(synchronize(), "");
}

TEST_F(Cublas, StatusesHaveNames)
{
    EXPECT_STREQ(cublasGetStatusName(CUBLAS_STATUS_ARCH_MISMATCH), "CUBLAS_STATUS_ARCH_MISMATCH");
    EXPECT_STREQ(cublasGetStatusName(CUBLAS_STATUS_SUCCESS), "CUBLAS_STATUS_SUCCESS");
    EXPECT_STREQ(cublasGetStatusName(CUBLAS_STATUS_NOT_SUPPORTED), "CUBLAS_STATUS_NOT_SUPPORTED");
    EXPECT_STREQ(cublasGetStatusString(CUBLAS_STATUS_ALLOC_FAILED), "CUBLAS_STATUS_ALLOC_FAILED");
}

}
