// What handles of cuBLAS and cuDNN do to captures that are under way.
#include "cublas_interface.h"
#include "recurrent_network.h"

#include <functional>
#include <thread>

namespace {

constexpr CUresult invalidated = 901;

class CapturesAndHandles : public DeviceTest {
protected:
    void begin() { ASSERT_EQ(cuStreamBeginCapture_v2(stream, 1), 0); }

    CUresult end()
    {
        void* graph = nullptr;
        const CUresult result = cuStreamEndCapture(stream, &graph);
        EXPECT_EQ(graph != nullptr, result == 0);
        return result;
    }

    void elsewhere(const std::function<void()>& work)
    {
        std::thread([&] {
            EXPECT_EQ(cuCtxSetCurrent(context), 0);
            work();
        }).join();
    }

    // Captures here what another thread disturbs.
    void expect_invalidated(const char* call, const std::function<void()>& disturb)
    {
        const DeviceArray<float> x(4);
        const auto address = reinterpret_cast<unsigned long long>(x.data());
        begin();
        EXPECT_EQ(cuMemsetD8Async(address, 0, 4, stream), 0) << call;
        elsewhere(disturb);
        EXPECT_EQ(cuMemsetD8Async(address, 0, 4, stream), invalidated) << call;
        const char* text = nullptr;
        EXPECT_EQ(cuGetErrorString(invalidated, &text), 0);
        EXPECT_NE(std::string(text).find(std::string(call) + ", which waits for the whole device, during the capture"), std::string::npos) << text;
        EXPECT_EQ(end(), invalidated) << call;
        EXPECT_EQ(synchronize(), "") << "the stream is as before the capture";
    }
};

TEST_F(CapturesAndHandles, HandlesOfOtherThreadsInvalidateACapture)
{
    cublasHandle_t blas = nullptr;
    cudnnHandle_t dnn = nullptr;
    expect_invalidated("cublasCreate", [&] { EXPECT_EQ(cublasCreate_v2(&blas), CUBLAS_STATUS_SUCCESS); });
    expect_invalidated("cublasDestroy", [&] { EXPECT_EQ(cublasDestroy_v2(blas), CUBLAS_STATUS_SUCCESS); });
    expect_invalidated("cudnnCreate", [&] { EXPECT_EQ(cudnnCreate(&dnn), CUDNN_STATUS_SUCCESS); });
    expect_invalidated("cudnnDestroy", [&] { EXPECT_EQ(cudnnDestroy(dnn), CUDNN_STATUS_SUCCESS); });
}

TEST_F(CapturesAndHandles, OtherCallsOfOtherThreadsDoNot)
{
    begin();
    elsewhere([] {
        cublasLtHandle_t light = nullptr;
        cublasLtMatmulDesc_t product = nullptr;
        unsigned long long memory = 0;
        CUstream other = nullptr;
        EXPECT_EQ(cublasLtCreate(&light), CUBLAS_STATUS_SUCCESS);
        EXPECT_EQ(cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
        EXPECT_EQ(cublasLtMatmulDescDestroy(product), CUBLAS_STATUS_SUCCESS);
        EXPECT_EQ(cublasLtDestroy(light), CUBLAS_STATUS_SUCCESS);
        EXPECT_EQ(cuMemAlloc_v2(&memory, 4), 0);
        EXPECT_EQ(cuMemFree_v2(memory), 0);
        EXPECT_EQ(cuStreamCreate(&other, 1), 0);
        EXPECT_EQ(cuStreamSynchronize(other), 0);
        EXPECT_EQ(cuStreamDestroy_v2(other), 0);
    });
    EXPECT_EQ(end(), 0);
}

TEST_F(CapturesAndHandles, ProductsWithinAnInvalidatedCaptureFail)
{
    cublasHandle_t blas = nullptr, other = nullptr;
    const DeviceArray<float> workspace(1024), a(std::vector<float>(4, 1)), b(std::vector<float>(4, 1)), c(std::vector<float>(4, 1));
    ASSERT_EQ(cublasCreate_v2(&blas), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasSetStream_v2(blas, stream), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasSetWorkspace_v2(blas, workspace.data(), workspace.bytes()), CUBLAS_STATUS_SUCCESS);
    begin();
    elsewhere([&] { EXPECT_EQ(cublasCreate_v2(&other), CUBLAS_STATUS_SUCCESS); });
    const float alpha = 1, beta = 0;
    EXPECT_EQ(cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &alpha, a.data(), CUDA_R_32F, 2, b.data(), CUDA_R_32F, 2, &beta, c.data(), CUDA_R_32F, 2,
        CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT), CUBLAS_STATUS_EXECUTION_FAILED);
    EXPECT_NE(std::string(cublasGetStatusString(CUBLAS_STATUS_EXECUTION_FAILED)).find("CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"), std::string::npos);
    EXPECT_EQ(end(), invalidated);
    EXPECT_EQ(cublasDestroy_v2(blas), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasDestroy_v2(other), CUBLAS_STATUS_SUCCESS);
}

TEST_F(CapturesAndHandles, RecurrentNetworksWithinAnInvalidatedCaptureFail)
{
    cudnnHandle_t dnn = nullptr, other = nullptr;
    ASSERT_EQ(cudnnCreate(&dnn), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(cudnnSetStream(dnn, stream), CUDNN_STATUS_SUCCESS);
    {
        RecurrentNetwork network(dnn, {});
        begin();
        elsewhere([&] { EXPECT_EQ(cudnnCreate(&other), CUDNN_STATUS_SUCCESS); });
        constexpr cudnnStatus_t execution_failed = 5000;
        EXPECT_EQ(network.forward(), execution_failed);
        EXPECT_EQ(end(), invalidated);
    }
    EXPECT_EQ(cudnnDestroy(dnn), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnDestroy(other), CUDNN_STATUS_SUCCESS);
}

TEST_F(CapturesAndHandles, AThreadThatCapturesMakesNoHandles)
{
    cublasHandle_t blas = nullptr;
    cudnnHandle_t dnn = nullptr;
    begin();
    EXPECT_EQ(cublasCreate_v2(&blas), CUBLAS_STATUS_NOT_INITIALIZED);
    EXPECT_EQ(end(), invalidated);
    begin();
    EXPECT_EQ(cudnnCreate(&dnn), 1001);
    EXPECT_EQ(end(), invalidated);
    EXPECT_EQ(blas, nullptr);
    EXPECT_EQ(dnn, nullptr);
    ASSERT_EQ(cublasCreate_v2(&blas), CUBLAS_STATUS_SUCCESS);
    begin();
    EXPECT_EQ(cublasDestroy_v2(blas), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(end(), invalidated);
}

TEST_F(CapturesAndHandles, HandlesOfAnotherDeviceDoNotInvalidateACapture)
{
    const Setting devices("SOFTGPU_DEVICES", "2", "1");
    void* second = nullptr;
    ASSERT_EQ(cuDevicePrimaryCtxRetain(&second, 1), 0);
    cublasHandle_t own = nullptr;
    ASSERT_EQ(cublasCreate_v2(&own), CUBLAS_STATUS_SUCCESS);
    begin();
    elsewhere([&] {
        cublasHandle_t blas = nullptr;
        EXPECT_EQ(cuCtxSetCurrent(second), 0);
        EXPECT_EQ(cublasCreate_v2(&blas), CUBLAS_STATUS_SUCCESS);
        EXPECT_EQ(cublasDestroy_v2(blas), CUBLAS_STATUS_SUCCESS);
    });
    EXPECT_EQ(end(), 0);
    begin();
    elsewhere([&] {
        EXPECT_EQ(cuCtxSetCurrent(second), 0);
        EXPECT_EQ(cublasDestroy_v2(own), CUBLAS_STATUS_SUCCESS) << "it belongs to the device that captures";
    });
    EXPECT_EQ(end(), invalidated);
    EXPECT_EQ(cuDevicePrimaryCtxRelease_v2(1), 0);
}

}
