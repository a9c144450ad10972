// Handles of cuBLAS, cuBLASLt, cuDNN and NCCL where another device's context is current.
#include "cublas_interface.h"
#include "nccl_interface.h"
#include "recurrent_network.h"

#include <array>
#include <thread>

namespace {

constexpr cudnnStatus_t bad_param = 2000, execution_failed = 5000;

class LibrariesOnTwoDevices : public DeviceTest {
protected:
    void SetUp() override
    {
        ASSERT_EQ(softgpu_configure("SOFTGPU_DEVICES", "2"), 0);
        DeviceTest::SetUp();
        ASSERT_EQ(cuDevicePrimaryCtxRetain(&second_, 1), 0);
    }

    void TearDown() override
    {
        cuDevicePrimaryCtxRelease_v2(1);
        cuCtxSetCurrent(context);
        DeviceTest::TearDown();
        EXPECT_EQ(softgpu_configure("SOFTGPU_DEVICES", "1"), 0);
    }

    void use(int device) { EXPECT_EQ(cuCtxSetCurrent(device == 0 ? context : second_), 0); }

    static void expect_text(const char* text, const char* part) { EXPECT_NE(std::string(text).find(part), std::string::npos) << text; }

    static constexpr const char* foreign = "the handle was made on device 0, but device 1 is current";

    void* second_ = nullptr;
};

TEST_F(LibrariesOnTwoDevices, CublasHandlesBelongToTheirContext)
{
    cublasHandle_t handle = nullptr;
    ASSERT_EQ(cublasCreate_v2(&handle), CUBLAS_STATUS_SUCCESS);
    const DeviceArray<float> workspace(1024), matrix(std::vector<float>(4, 1));
    EXPECT_EQ(cublasSetStream_v2(handle, stream), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasSetWorkspace_v2(handle, workspace.data(), workspace.bytes()), CUBLAS_STATUS_SUCCESS);
    const auto multiply = [&](const float* a) {
        const float alpha = 1, beta = 0;
        const DeviceArray<float> result(4);
        return cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &alpha, a, CUDA_R_32F, 2, matrix.data(), CUDA_R_32F, 2, &beta, result.data(),
            CUDA_R_32F, 2, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
    };
    EXPECT_EQ(multiply(matrix.data()), CUBLAS_STATUS_SUCCESS);
    use(1);
    CUstream other = nullptr;
    unsigned long long memory = 0;
    EXPECT_EQ(cuStreamCreate(&other, 1), 0);
    EXPECT_EQ(cuMemAlloc_v2(&memory, 4 * sizeof(float)), 0);
    EXPECT_EQ(multiply(matrix.data()), CUBLAS_STATUS_EXECUTION_FAILED);
    expect_text(cublasGetStatusString(CUBLAS_STATUS_EXECUTION_FAILED), foreign);
    EXPECT_EQ(cublasSetStream_v2(handle, other), CUBLAS_STATUS_EXECUTION_FAILED);
    use(0);
    EXPECT_EQ(cublasSetStream_v2(handle, other), CUBLAS_STATUS_INVALID_VALUE);
    expect_text(cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE), "the stream is of device 1, but the current context of device 0");
    EXPECT_EQ(multiply(reinterpret_cast<const float*>(memory)), CUBLAS_STATUS_INVALID_VALUE);
    expect_text(cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE), "of device 1, which device 0 cannot access");
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(cublasDestroy_v2(handle), CUBLAS_STATUS_SUCCESS);
}

TEST_F(LibrariesOnTwoDevices, CublasLtHandlesBelongToTheirContext)
{
    cublasLtHandle_t handle = nullptr;
    ASSERT_EQ(cublasLtCreate(&handle), CUBLAS_STATUS_SUCCESS);
    use(1);
    int count = 0;
    EXPECT_EQ(cublasLtMatmulAlgoGetHeuristic(handle, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, 1, nullptr, &count),
        CUBLAS_STATUS_EXECUTION_FAILED);
    expect_text(cublasGetStatusString(CUBLAS_STATUS_EXECUTION_FAILED), foreign);
    EXPECT_EQ(cublasLtDestroy(handle), CUBLAS_STATUS_SUCCESS);
}

TEST_F(LibrariesOnTwoDevices, CudnnHandlesBelongToTheirContext)
{
    cudnnHandle_t handle = nullptr;
    ASSERT_EQ(cudnnCreate(&handle), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnSetStream(handle, stream), CUDNN_STATUS_SUCCESS);
    {
        RecurrentNetwork network(handle, {});
        EXPECT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
        use(1);
        for (const cudnnStatus_t status : {network.forward(), network.backward_data(), network.backward_weights()}) {
            EXPECT_EQ(status, execution_failed);
            expect_text(cudnnGetErrorString(execution_failed), foreign);
        }
        CUstream other = nullptr;
        EXPECT_EQ(cuStreamCreate(&other, 1), 0);
        EXPECT_EQ(cudnnSetStream(handle, other), execution_failed);
        use(0);
        EXPECT_EQ(cudnnSetStream(handle, other), bad_param);
        expect_text(cudnnGetErrorString(bad_param), "the stream is of device 1, but the current context of device 0");
        EXPECT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(synchronize(), "");
    }
    EXPECT_EQ(cudnnDestroy(handle), CUDNN_STATUS_SUCCESS);
}

TEST_F(LibrariesOnTwoDevices, HandlesDoNotOutliveTheirContext)
{
    use(1);
    cublasHandle_t handle = nullptr;
    ASSERT_EQ(cublasCreate_v2(&handle), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cuDevicePrimaryCtxRelease_v2(1), 0);
    EXPECT_EQ(cuDevicePrimaryCtxRetain(&second_, 1), 0);
    CUstream other = nullptr;
    EXPECT_EQ(cuStreamCreate(&other, 1), 0);
    EXPECT_EQ(cublasSetStream_v2(handle, other), CUBLAS_STATUS_EXECUTION_FAILED);
    expect_text(cublasGetStatusString(CUBLAS_STATUS_EXECUTION_FAILED), "the context that the handle was made in was released");
    EXPECT_EQ(cublasDestroy_v2(handle), CUBLAS_STATUS_SUCCESS);
}

TEST_F(LibrariesOnTwoDevices, CommunicatorsBelongToTheirContext)
{
    ncclUniqueId id;
    ncclComm_t communicator = nullptr;
    ASSERT_EQ(ncclGetUniqueId(&id), ncclSuccess);
    ASSERT_EQ(ncclCommInitRank(&communicator, 1, id, 0), ncclSuccess);
    use(1);
    CUstream other = nullptr;
    unsigned long long memory = 0;
    EXPECT_EQ(cuStreamCreate(&other, 1), 0);
    EXPECT_EQ(cuMemAlloc_v2(&memory, 4), 0);
    void* const buffer = reinterpret_cast<void*>(memory);
    EXPECT_EQ(ncclAllGather(buffer, buffer, 1, ncclFloat32, communicator, other), ncclInvalidUsage);
    expect_text(ncclGetLastError(nullptr), foreign);
    EXPECT_EQ(ncclCommDestroy(communicator), ncclSuccess);
}

// A GPU works on by itself: who waits for one rank's stream needs nobody to wait for the other's.
TEST_F(LibrariesOnTwoDevices, RanksOnBothExchangeWhereOneIsWaitedFor)
{
    ncclUniqueId id;
    ASSERT_EQ(ncclGetUniqueId(&id), ncclSuccess);
    struct Rank {
        ncclComm_t communicator = nullptr;
        CUstream stream = nullptr;
        unsigned long long memory = 0;
    };
    Rank ranks[2];
    const auto gather = [&](int number) {
        Rank& rank = ranks[number];
        use(number);
        EXPECT_EQ(ncclCommInitRank(&rank.communicator, 2, id, number), ncclSuccess) << ncclGetLastError(nullptr);
        EXPECT_EQ(cuStreamCreate(&rank.stream, 1), 0);
        EXPECT_EQ(cuMemAlloc_v2(&rank.memory, 2), 0);
        EXPECT_EQ(cuMemsetD8Async(rank.memory + number, static_cast<unsigned char>(number + 5), 1, rank.stream), 0);
        EXPECT_EQ(ncclAllGather(reinterpret_cast<void*>(rank.memory + number), reinterpret_cast<void*>(rank.memory), 1, ncclInt8, rank.communicator,
            rank.stream), ncclSuccess) << ncclGetLastError(nullptr);
    };
    std::thread second(gather, 1);
    gather(0);
    second.join();
    EXPECT_EQ(cuStreamSynchronize(ranks[0].stream), 0);
    for (int number : {0, 1}) {
        use(number);
        std::array<signed char, 2> gathered{};
        EXPECT_EQ(cuMemcpyDtoHAsync_v2(gathered.data(), ranks[number].memory, 2, ranks[number].stream), 0);
        EXPECT_EQ(gathered, (std::array<signed char, 2>{5, 6})) << number;
    }
    std::thread leaving([&] { EXPECT_EQ(ncclCommDestroy(ranks[1].communicator), ncclSuccess); });
    EXPECT_EQ(ncclCommDestroy(ranks[0].communicator), ncclSuccess);
    leaving.join();
}

}
