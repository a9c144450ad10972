#include "planted_kernels.h"

#include <thread>

namespace {

constexpr int thread_local_mode = 1;

class Captures : public PlantedKernels {
protected:
    void SetUp() override
    {
        PlantedKernels::SetUp();
        ASSERT_EQ(cuStreamCreate(&other_, 1), 0);
        ASSERT_EQ(cuEventCreate(&event_, 2), 0);
    }

    void begin() { ASSERT_EQ(cuStreamBeginCapture_v2(stream, thread_local_mode), 0); }

    std::string end()
    {
        void* graph = nullptr;
        return name_of(cuStreamEndCapture(stream, &graph));
    }

    static std::size_t count_nodes(void* graph)
    {
        std::size_t count = 0;
        EXPECT_EQ(cuGraphGetNodes(graph, nullptr, &count), 0);
        return count;
    }

    CUstream other_ = nullptr;
    void* event_ = nullptr;
};

TEST_F(Captures, NothingRunsUntilTheGraphIsLaunched)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    void* const graph = capture([&] {
        EXPECT_EQ(launch("scale_and_shift", x.data(), 2.0f, 1.0f, n), 0);
        EXPECT_EQ(launch("scale_and_shift", x.data(), 1.0f, 1.0f, n), 0);
    });
    EXPECT_EQ(count_nodes(graph), 2u);
    EXPECT_EQ(x.download()[0], 1);
    void* executable = nullptr;
    ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    for (const float expected : {4.0f, 10.0f}) {
        EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
        EXPECT_EQ(synchronize(), "");
        EXPECT_EQ(x.download()[0], expected);
    }
}

TEST_F(Captures, WaitingForACapturingStreamIsUnsupportedAndSpoilsTheCapture)
{
    begin();
    EXPECT_EQ(name_of(cuStreamSynchronize(stream)), "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    const DeviceArray<float>* const none = nullptr;
    EXPECT_EQ(name_of(launch("divide", none, 1)), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
    EXPECT_EQ(synchronize(), "") << "the stream is as before the capture";
}

TEST_F(Captures, AllocationsAreAllowedOnOtherThreadsOnly)
{
    begin();
    std::thread([this] {
        unsigned long long address = 0;
        EXPECT_EQ(cuCtxSetCurrent(context), 0);
        EXPECT_EQ(cuMemAlloc_v2(&address, 4), 0);
    }).join();
    EXPECT_EQ(end(), "CUDA_SUCCESS");
    begin();
    unsigned long long address = 0;
    EXPECT_EQ(name_of(cuMemAlloc_v2(&address, 4)), "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Captures, WaitingForAnEventIsUnsupported)
{
    begin();
    EXPECT_EQ(name_of(cuEventSynchronize(event_)), "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Captures, OtherModesAreRefused)
{
    for (const int mode : {0, 2})
        EXPECT_EQ(name_of(cuStreamBeginCapture_v2(stream, mode)), "CUDA_ERROR_INVALID_VALUE");
}

TEST_F(Captures, CopiesFromPageableMemoryAreUnsupported)
{
    const DeviceArray<float> x(n);
    const float value = 1;
    begin();
    EXPECT_EQ(name_of(cuMemcpyHtoDAsync_v2(reinterpret_cast<unsigned long long>(x.data()), &value, sizeof value, stream)),
        "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Captures, OnlyTheThreadThatBeganACaptureEndsIt)
{
    begin();
    std::thread([this] {
        EXPECT_EQ(cuCtxSetCurrent(context), 0);
        EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD");
    }).join();
    EXPECT_EQ(end(), "CUDA_SUCCESS");
}

TEST_F(Captures, AStreamThatDoesNotCaptureEndsNothing) { EXPECT_EQ(end(), "CUDA_ERROR_ILLEGAL_STATE"); }

}
