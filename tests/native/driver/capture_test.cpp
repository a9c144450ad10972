#include "planted_kernels.h"

#include <set>
#include <thread>

namespace {

enum CaptureMode { global_mode, thread_local_mode, relaxed_mode };

class Captures : public PlantedKernels {
protected:
    void SetUp() override
    {
        PlantedKernels::SetUp();
        ASSERT_EQ(cuStreamCreate(&other_, 1), 0);
        ASSERT_EQ(cuEventCreate(&event_, 2), 0);
        ASSERT_EQ(cuEventCreate(&second_event_, 2), 0);
    }

    void begin(int mode = global_mode) { ASSERT_EQ(cuStreamBeginCapture_v2(stream, mode), 0); }

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
    void* second_event_ = nullptr;
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
    int answer = 0;
    EXPECT_EQ(cuStreamIsCapturing(stream, &answer), 0);
    constexpr int invalidated = 2;
    EXPECT_EQ(answer, invalidated);
    const DeviceArray<float>* const none = nullptr;
    EXPECT_EQ(name_of(launch("divide", none, 1)), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
    EXPECT_EQ(synchronize(), "") << "the stream is as before the capture";
}

TEST_F(Captures, AllocationsAreUnsupportedInGlobalMode)
{
    begin();
    unsigned long long address = 0;
    EXPECT_EQ(name_of(cuMemAlloc_v2(&address, 4)), "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Captures, AllocationsOfAnotherThreadAreAllowedInThreadLocalMode)
{
    begin(thread_local_mode);
    std::thread([this] {
        unsigned long long address = 0;
        EXPECT_EQ(cuCtxSetCurrent(context), 0);
        EXPECT_EQ(cuMemAlloc_v2(&address, 4), 0);
    }).join();
    EXPECT_EQ(end(), "CUDA_SUCCESS");
    begin(thread_local_mode);
    unsigned long long address = 0;
    EXPECT_EQ(name_of(cuMemAlloc_v2(&address, 4)), "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Captures, AllocationsAreAllowedInRelaxedMode)
{
    begin(relaxed_mode);
    unsigned long long address = 0;
    EXPECT_EQ(cuMemAlloc_v2(&address, 4), 0);
    EXPECT_EQ(end(), "CUDA_SUCCESS");
}

TEST_F(Captures, CopiesFromPageableMemoryAreUnsupported)
{
    const DeviceArray<float> x(n);
    const float value = 1;
    begin();
    EXPECT_EQ(name_of(cuMemcpyHtoDAsync_v2(reinterpret_cast<unsigned long long>(x.data()), &value, sizeof value, stream)), "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Captures, AForkThatIsJoinedBecomesPartOfTheGraph)
{
    const DeviceArray<float> x(std::vector<float>(n, 1)), y(std::vector<float>(n, 1));
    void* const graph = capture([&] {
        EXPECT_EQ(cuEventRecord(event_, stream), 0);
        EXPECT_EQ(cuStreamWaitEvent(other_, event_, 0), 0);
        EXPECT_EQ(launch_on(other_, "scale_and_shift", 1, y.data(), 2.0f, 0.0f, n), 0);
        EXPECT_EQ(launch("scale_and_shift", x.data(), 3.0f, 0.0f, n), 0);
        EXPECT_EQ(cuEventRecord(second_event_, other_), 0);
        EXPECT_EQ(cuStreamWaitEvent(stream, second_event_, 0), 0);
    });
    EXPECT_EQ(count_nodes(graph), 2u);
}

TEST_F(Captures, AForkThatIsNotJoinedIsRefused)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    begin();
    EXPECT_EQ(cuEventRecord(event_, stream), 0);
    EXPECT_EQ(cuStreamWaitEvent(other_, event_, 0), 0);
    EXPECT_EQ(launch_on(other_, "scale_and_shift", 1, x.data(), 2.0f, 0.0f, n), 0);
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_UNJOINED");
}

TEST_F(Captures, AMissingDependencyInAGraphShowsInSomeSeed)
{
    std::set<float> results;
    for (int seed = 1; seed <= seeds; seed++) {
        set_seed(seed);
        const DeviceArray<float> x(std::vector<float>(n, 1));
        void* const graph = capture([&] {
            EXPECT_EQ(cuEventRecord(event_, stream), 0); // too early: before what the other stream needs
            EXPECT_EQ(launch("scale_and_shift", x.data(), 1.0f, 2.0f, n), 0);
            EXPECT_EQ(cuStreamWaitEvent(other_, event_, 0), 0);
            EXPECT_EQ(launch_on(other_, "scale_and_shift", 1, x.data(), 5.0f, 0.0f, n), 0);
            EXPECT_EQ(cuEventRecord(second_event_, other_), 0);
            EXPECT_EQ(cuStreamWaitEvent(stream, second_event_, 0), 0);
        });
        void* executable = nullptr;
        ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
        EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
        EXPECT_EQ(synchronize(), "");
        results.insert(x.download()[0]);
    }
    EXPECT_EQ(results, (std::set<float>{7, 15}));
}

TEST_F(Captures, AnEventFromOutsideIsIsolated)
{
    EXPECT_EQ(cuEventRecord(event_, other_), 0);
    begin();
    EXPECT_EQ(name_of(cuStreamWaitEvent(stream, event_, 0)), "CUDA_ERROR_STREAM_CAPTURE_ISOLATION");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Captures, TheLegacyStreamIsRefusedWhileABlockingStreamCaptures)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    CUstream blocking = nullptr;
    ASSERT_EQ(cuStreamCreate(&blocking, 0), 0);
    ASSERT_EQ(cuStreamBeginCapture_v2(blocking, global_mode), 0);
    EXPECT_EQ(name_of(launch_on(nullptr, "scale_and_shift", 1, x.data(), 2.0f, 0.0f, n)), "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT");
    void* graph = nullptr;
    EXPECT_EQ(name_of(cuStreamEndCapture(blocking, &graph)), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Captures, ACapturedEventCannotBeWaitedForByTheHost)
{
    begin();
    EXPECT_EQ(cuEventRecord(event_, stream), 0);
    EXPECT_EQ(name_of(cuEventSynchronize(event_)), "CUDA_ERROR_CAPTURED_EVENT");
    EXPECT_EQ(end(), "CUDA_SUCCESS");
}

TEST_F(Captures, OnlyTheStreamThatBeganACaptureEndsIt)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    begin();
    EXPECT_EQ(cuEventRecord(event_, stream), 0);
    EXPECT_EQ(cuStreamWaitEvent(other_, event_, 0), 0);
    void* graph = nullptr;
    EXPECT_EQ(name_of(cuStreamEndCapture(other_, &graph)), "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED");
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

TEST_F(Captures, WaitingForTheDeviceIsUnsupportedInEveryMode)
{
    for (const int mode : {global_mode, thread_local_mode, relaxed_mode}) {
        begin(mode);
        EXPECT_EQ(name_of(cuCtxSynchronize()), "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
        EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
    }
}

}
