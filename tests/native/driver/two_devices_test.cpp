// Two devices in one process: each has a context of its own, and nothing of the other's.
#include "planted_kernels.h"

#include <set>
#include <thread>

namespace {

class TwoDevices : public PlantedKernels {
protected:
    // The fixture's own objects are of device 0; these are of device 1.
    void SetUp() override
    {
        ASSERT_EQ(softgpu_configure("SOFTGPU_DEVICES", "2"), 0);
        PlantedKernels::SetUp();
        ASSERT_EQ(cuDevicePrimaryCtxRetain(&second_, 1), 0);
        use(1);
        ASSERT_EQ(cuStreamCreate(&second_stream_, 1), 0);
        ASSERT_EQ(cuEventCreate(&second_event_, 2), 0);
        second_module_ = load_module();
        ASSERT_EQ(cuMemAlloc_v2(&second_memory_, n * sizeof(float)), 0);
        use(0);
        ASSERT_EQ(cuEventCreate(&event_, 2), 0);
        ASSERT_EQ(cuMemAlloc_v2(&memory_, n * sizeof(float)), 0);
    }

    void TearDown() override
    {
        cuDevicePrimaryCtxRelease_v2(1);
        use(0);
        PlantedKernels::TearDown();
        EXPECT_EQ(softgpu_configure("SOFTGPU_DEVICES", "1"), 0);
    }

    void use(int device) { EXPECT_EQ(cuCtxSetCurrent(device == 0 ? context : second_), 0); }

    // Refused, with a text that names the object and both devices.
    static void expect_foreign(CUresult result, const char* what)
    {
        EXPECT_EQ(name_of(result), "CUDA_ERROR_INVALID_HANDLE") << what;
        EXPECT_TRUE(contains(explanation_of(result), std::string(what) + " is of device 1, but the current context of device 0"));
    }

    static void expect_foreign_memory(CUresult result, const char* call)
    {
        EXPECT_EQ(name_of(result), "CUDA_ERROR_INVALID_VALUE") << call;
        EXPECT_TRUE(contains(explanation_of(result), call));
        EXPECT_TRUE(contains(explanation_of(result), "byte 0 of allocation 1 of 256 bytes of device 1, which device 0 cannot access"));
    }

    CUresult scale(void* module, CUstream target, unsigned long long memory)
    {
        void* function = nullptr;
        EXPECT_EQ(cuModuleGetFunction(&function, module, "scale_and_shift"), 0);
        auto* x = reinterpret_cast<float*>(memory);
        float factor = 2, addend = 1;
        int count = n;
        void* arguments[] = {&x, &factor, &addend, &count};
        return cuLaunchKernel(function, 1, 1, 1, n, 1, 1, 0, target, arguments, nullptr);
    }

    static float first_of(unsigned long long memory, CUstream target)
    {
        float value = 0;
        EXPECT_EQ(cuMemcpyDtoHAsync_v2(&value, memory, sizeof value, target), 0);
        return value;
    }

    void fill(unsigned long long memory, CUstream target) { EXPECT_EQ(cuMemsetD8Async(memory, 0, n * sizeof(float), target), 0); }

    void* second_ = nullptr;
    CUstream second_stream_ = nullptr;
    void *second_event_ = nullptr, *event_ = nullptr, *second_module_ = nullptr;
    unsigned long long second_memory_ = 0, memory_ = 0;
};

TEST_F(TwoDevices, EachWorksByItself)
{
    fill(memory_, stream);
    EXPECT_EQ(scale(module_, stream, memory_), 0);
    use(1);
    fill(second_memory_, second_stream_);
    EXPECT_EQ(scale(second_module_, second_stream_, second_memory_), 0);
    EXPECT_EQ(scale(second_module_, second_stream_, second_memory_), 0);
    EXPECT_EQ(first_of(second_memory_, second_stream_), 3);
    use(0);
    EXPECT_EQ(first_of(memory_, stream), 1);
}

TEST_F(TwoDevices, TheCurrentContextIsThatOfTheThread)
{
    std::thread([this] {
        unsigned long long memory = 0;
        EXPECT_EQ(name_of(cuMemAlloc_v2(&memory, 4)), "CUDA_ERROR_INVALID_CONTEXT");
        use(1);
        fill(second_memory_, second_stream_);
        EXPECT_EQ(first_of(second_memory_, second_stream_), 0);
    }).join();
    fill(memory_, stream);
    EXPECT_EQ(first_of(memory_, stream), 0);
}

TEST_F(TwoDevices, WhatIsOfAnotherContextIsRefused)
{
    expect_foreign(cuStreamSynchronize(second_stream_), "the stream");
    expect_foreign(cuMemsetD8Async(memory_, 0, 4, second_stream_), "the stream");
    expect_foreign(cuStreamBeginCapture_v2(second_stream_, 1), "the stream");
    expect_foreign(scale(module_, second_stream_, memory_), "the stream");
    expect_foreign(cuEventRecord(event_, second_stream_), "the stream");
    expect_foreign(cuStreamWaitEvent(second_stream_, event_, 0), "the stream");
    expect_foreign(cuEventRecord(second_event_, stream), "the event");
    expect_foreign(cuStreamWaitEvent(stream, second_event_, 0), "the event");
    expect_foreign(cuEventSynchronize(second_event_), "the event");

    void *function = nullptr, *arguments[4] = {};
    expect_foreign(cuModuleGetFunction(&function, second_module_, "scale_and_shift"), "the module");
    expect_foreign(cuModuleUnload(second_module_), "the module");
    use(1);
    EXPECT_EQ(cuModuleGetFunction(&function, second_module_, "scale_and_shift"), 0);
    use(0);
    expect_foreign(cuLaunchKernel(function, 1, 1, 1, n, 1, 1, 0, stream, arguments, nullptr), "the function");
    EXPECT_EQ(synchronize(), "") << "a call that is refused harms nothing";
}

TEST_F(TwoDevices, GraphsOfAnotherContextAreRefused)
{
    void *graph = nullptr, *executable = nullptr;
    use(1);
    fill(second_memory_, second_stream_);
    EXPECT_EQ(cuStreamBeginCapture_v2(second_stream_, 1), 0);
    EXPECT_EQ(scale(second_module_, second_stream_, second_memory_), 0);
    EXPECT_EQ(cuStreamEndCapture(second_stream_, &graph), 0);
    EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    use(0);
    void* none = nullptr;
    expect_foreign(cuGraphInstantiateWithFlags(&none, graph, 0), "the graph");
    expect_foreign(cuGraphLaunch(executable, stream), "the executable graph");
    expect_foreign(cuGraphUpload(executable, stream), "the executable graph");
    expect_foreign(cuGraphLaunch(executable, second_stream_), "the stream");
    use(1);
    EXPECT_EQ(cuGraphLaunch(executable, second_stream_), 0);
    EXPECT_EQ(first_of(second_memory_, second_stream_), 1);
}

TEST_F(TwoDevices, WhatIsOfAnotherContextCanBeDestroyed)
{
    EXPECT_EQ(cuStreamDestroy_v2(second_stream_), 0);
    EXPECT_EQ(cuEventDestroy_v2(second_event_), 0);
    use(1);
    EXPECT_EQ(name_of(cuStreamSynchronize(second_stream_)), "CUDA_ERROR_INVALID_HANDLE");
}

TEST_F(TwoDevices, CallsOnMemoryOfTheOtherDeviceAreRefused)
{
    float host = 0;
    expect_foreign_memory(cuMemcpyHtoDAsync_v2(second_memory_, &host, sizeof host, stream), "cuMemcpyHtoDAsync");
    expect_foreign_memory(cuMemcpyDtoHAsync_v2(&host, second_memory_, sizeof host, stream), "cuMemcpyDtoHAsync");
    expect_foreign_memory(cuMemcpyDtoDAsync_v2(memory_, second_memory_, sizeof host, stream), "cuMemcpyDtoDAsync");
    expect_foreign_memory(cuMemcpyDtoDAsync_v2(second_memory_, memory_, sizeof host, stream), "cuMemcpyDtoDAsync");
    expect_foreign_memory(cuMemsetD8Async(second_memory_, 0, sizeof host, stream), "cuMemsetD8Async");
    const CUresult result = cuMemFree_v2(second_memory_);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_INVALID_VALUE");
    EXPECT_TRUE(contains(explanation_of(result), "of device 1, which device 0 cannot access"));
}

TEST_F(TwoDevices, AKernelThatTouchesMemoryOfTheOtherDeviceFailsItsOwnContextOnly)
{
    use(1);
    fill(second_memory_, second_stream_);
    EXPECT_EQ(first_of(second_memory_, second_stream_), 0);
    use(0);
    EXPECT_EQ(scale(module_, stream, second_memory_), 0);
    const CUresult result = cuStreamSynchronize(stream);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_ILLEGAL_ADDRESS");
    EXPECT_TRUE(contains(explanation_of(result), "touched byte 0 of allocation 1 of 256 bytes of device 1, which device 0 cannot access"));
    EXPECT_EQ(name_of(cuMemsetD8Async(memory_, 0, 4, stream)), "CUDA_ERROR_ILLEGAL_ADDRESS");
    use(1);
    EXPECT_FALSE(contains(explanation_of(result), "scale_and_shift")) << "it is nothing to this context";
    EXPECT_EQ(scale(second_module_, second_stream_, second_memory_), 0);
    EXPECT_EQ(first_of(second_memory_, second_stream_), 1);
}

TEST_F(TwoDevices, EachHasMemoryOfItsOwn)
{
    const Setting memory("SOFTGPU_MEMORY", "1000000", "8589934592");
    unsigned long long own = 0, other = 0;
    EXPECT_EQ(cuMemAlloc_v2(&own, 600000), 0);
    use(1);
    std::size_t free = 0, total = 0;
    EXPECT_EQ(cuMemGetInfo_v2(&free, &total), 0);
    EXPECT_EQ(free, 1000000u - n * sizeof(float));
    EXPECT_EQ(cuMemAlloc_v2(&other, 700000), 0);
    EXPECT_EQ(cuMemGetInfo_v2(&free, &total), 0);
    EXPECT_EQ(free, 300000u - n * sizeof(float));
    use(0);
    EXPECT_EQ(cuMemGetInfo_v2(&free, &total), 0);
    EXPECT_EQ(free, 400000u - n * sizeof(float));
    EXPECT_EQ(cuMemFree_v2(own), 0);
    EXPECT_EQ(cuMemGetInfo_v2(&free, &total), 0);
    EXPECT_EQ(free, 1000000u - n * sizeof(float));
}

TEST_F(TwoDevices, PinnedMemoryServesBoth)
{
    void* pinned = nullptr;
    EXPECT_EQ(cuMemHostAlloc(&pinned, sizeof(float), 0), 0);
    use(1);
    fill(second_memory_, second_stream_);
    EXPECT_EQ(scale(second_module_, second_stream_, second_memory_), 0);
    EXPECT_EQ(cuMemcpyDtoHAsync_v2(pinned, second_memory_, sizeof(float), second_stream_), 0);
    EXPECT_EQ(cuStreamSynchronize(second_stream_), 0);
    EXPECT_EQ(*static_cast<float*>(pinned), 1);
}

TEST_F(TwoDevices, WaitingForOneRunsNothingOfTheOther)
{
    void* memory = nullptr;
    EXPECT_EQ(cuMemHostAlloc(&memory, sizeof(float), 0), 0);
    auto* const pinned = static_cast<float*>(memory);
    *pinned = 7;
    use(1);
    fill(second_memory_, second_stream_);
    EXPECT_EQ(cuMemcpyDtoHAsync_v2(pinned, second_memory_, sizeof(float), second_stream_), 0);
    use(0);
    fill(memory_, stream);
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(cuMemFree_v2(memory_), 0);
    EXPECT_EQ(*pinned, 7) << "neither a stream nor the freeing of memory waits for the other device";
    use(1);
    EXPECT_EQ(cuStreamSynchronize(second_stream_), 0);
    EXPECT_EQ(*pinned, 0);
}

TEST_F(TwoDevices, ReleasingOneLeavesTheOtherAlone)
{
    constexpr const char* kinds[] = {"event", "stream", "module", "allocation"};
    for (const char* kind : kinds)
        EXPECT_EQ(softgpu_live(kind), 2) << kind;
    EXPECT_EQ(cuDevicePrimaryCtxRelease_v2(0), 0);
    for (const char* kind : kinds)
        EXPECT_EQ(softgpu_live(kind), 1) << kind;
    float host = 0;
    EXPECT_EQ(name_of(cuMemcpyDtoHAsync_v2(&host, memory_, sizeof host, stream)), "CUDA_ERROR_CONTEXT_IS_DESTROYED");
    use(1);
    fill(second_memory_, second_stream_);
    EXPECT_EQ(scale(second_module_, second_stream_, second_memory_), 0);
    EXPECT_EQ(first_of(second_memory_, second_stream_), 1);
    EXPECT_EQ(cuDevicePrimaryCtxRetain(&context, 0), 0);
}

// Which of two streams' kernels comes last, for a few seeds: the order within a device does not depend on what the other one does.
TEST_F(TwoDevices, EachHasItsOwnRandomChoices)
{
    CUstream other = nullptr;
    EXPECT_EQ(cuStreamCreate(&other, 1), 0);
    const auto orders = [&](bool other_is_busy) {
        std::vector<float> results;
        for (int seed = 1; seed <= seeds; seed++) {
            set_seed(seed);
            if (other_is_busy) {
                use(1);
                for (int i = 0; i < 5; i++)
                    fill(second_memory_, second_stream_);
                EXPECT_EQ(cuStreamSynchronize(second_stream_), 0);
                use(0);
            }
            fill(memory_, stream);
            EXPECT_EQ(synchronize(), "");
            EXPECT_EQ(scale(module_, stream, memory_), 0);
            EXPECT_EQ(cuMemsetD8Async(memory_, 0, n * sizeof(float), other), 0);
            EXPECT_EQ(synchronize(), "");
            EXPECT_EQ(cuStreamSynchronize(other), 0);
            results.push_back(first_of(memory_, stream));
        }
        return results;
    };
    const std::vector<float> alone = orders(false);
    EXPECT_EQ(std::set(alone.begin(), alone.end()).size(), 2u) << "the seeds choose";
    EXPECT_EQ(orders(true), alone);
}

TEST_F(TwoDevices, ThreadsUseThemSideBySide)
{
    const auto work = [this](int device) {
        use(device);
        const auto memory = device == 0 ? memory_ : second_memory_;
        const CUstream own = device == 0 ? stream : second_stream_;
        for (int i = 0; i < 50; i++) {
            fill(memory, own);
            EXPECT_EQ(scale(device == 0 ? module_ : second_module_, own, memory), 0);
            EXPECT_EQ(first_of(memory, own), 1);
        }
    };
    std::thread first(work, 0), second(work, 1);
    first.join();
    second.join();
}

TEST_F(TwoDevices, ThereIsNoThird)
{
    void* third = nullptr;
    EXPECT_EQ(name_of(cuDevicePrimaryCtxRetain(&third, 2)), "CUDA_ERROR_INVALID_DEVICE");
}

}
