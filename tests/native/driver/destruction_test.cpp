// What is destroyed while work still needs it.
#include "planted_kernels.h"

namespace {

class Destruction : public PlantedKernels {
protected:
    void SetUp() override
    {
        PlantedKernels::SetUp();
        ASSERT_EQ(cuStreamCreate(&other_, 1), 0);
        ASSERT_EQ(cuEventCreate(&event_, 2), 0);
        ASSERT_EQ(cuMemHostAlloc(reinterpret_cast<void**>(&pinned_), sizeof(float), 0), 0);
        *pinned_ = 0;
    }

    void download(CUstream from, const DeviceArray<float>& x)
    {
        EXPECT_EQ(cuMemcpyDtoHAsync_v2(pinned_, reinterpret_cast<unsigned long long>(x.data()), sizeof(float), from), 0);
    }

    void* executable_of(void* graph)
    {
        void* executable = nullptr;
        EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
        return executable;
    }

    void* scaling_graph(const DeviceArray<float>& x)
    {
        return capture([&] { EXPECT_EQ(launch("scale_and_shift", x.data(), 2.0f, 0.0f, n), 0); });
    }

    CUstream other_ = nullptr;
    void* event_ = nullptr;
    float* pinned_ = nullptr;
};

TEST_F(Destruction, DestroyingAStreamDoesNotWaitForItsWork)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    download(other_, x);
    EXPECT_EQ(cuStreamDestroy_v2(other_), 0);
    EXPECT_EQ(*pinned_, 0) << "nothing has waited for the copy";
    EXPECT_EQ(name_of(cuStreamSynchronize(other_)), "CUDA_ERROR_INVALID_HANDLE");
    EXPECT_EQ(name_of(cuStreamDestroy_v2(other_)), "CUDA_ERROR_INVALID_HANDLE");
}

TEST_F(Destruction, TheWorkOfADestroyedStreamIsDoneAllTheSame)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    download(other_, x);
    EXPECT_EQ(cuEventRecord(event_, other_), 0);
    EXPECT_EQ(cuStreamDestroy_v2(other_), 0);
    EXPECT_EQ(cuEventSynchronize(event_), 0);
    EXPECT_EQ(*pinned_, 1);
}

TEST_F(Destruction, WhatADestroyedStreamDoesWrongFailsTheContext)
{
    const DeviceArray<int> x(std::vector<int>{7});
    EXPECT_EQ(launch_on(other_, "divide", 1, x.data(), 0), 0);
    EXPECT_EQ(cuEventRecord(event_, other_), 0);
    EXPECT_EQ(cuStreamDestroy_v2(other_), 0);
    const CUresult result = cuEventSynchronize(event_);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_LAUNCH_FAILED");
    EXPECT_TRUE(contains(explanation_of(result), "divided an integer by zero"));
}

TEST_F(Destruction, ADestroyedEventStillOrdersWhatWaitsForIt)
{
    for (int seed = 0; seed <= seeds; seed++) {
        set_seed(seed);
        void* event = nullptr;
        ASSERT_EQ(cuEventCreate(&event, 2), 0);
        const DeviceArray<float> x(std::vector<float>(n, 1));
        EXPECT_EQ(launch("scale_and_shift", x.data(), 1.0f, 2.0f, n), 0);
        EXPECT_EQ(cuEventRecord(event, stream), 0);
        EXPECT_EQ(cuStreamWaitEvent(other_, event, 0), 0);
        EXPECT_EQ(cuEventDestroy_v2(event), 0);
        EXPECT_EQ(launch_on(other_, "scale_and_shift", 1, x.data(), 5.0f, 0.0f, n), 0);
        EXPECT_EQ(cuStreamSynchronize(other_), 0);
        EXPECT_EQ(x.download()[0], 15);
        EXPECT_EQ(name_of(cuEventSynchronize(event)), "CUDA_ERROR_INVALID_HANDLE");
    }
}

TEST_F(Destruction, AnExecutableGraphOutlivesItsGraph)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    void* const graph = scaling_graph(x);
    void* const executable = executable_of(graph);
    EXPECT_EQ(cuGraphDestroy(graph), 0);
    EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(x.download()[0], 2);
    void* none = nullptr;
    EXPECT_EQ(name_of(cuGraphInstantiateWithFlags(&none, graph, 0)), "CUDA_ERROR_INVALID_HANDLE");
    EXPECT_EQ(name_of(cuGraphDestroy(graph)), "CUDA_ERROR_INVALID_HANDLE");
}

TEST_F(Destruction, LaunchesOfADestroyedExecutableGraphAreDoneAndMoreAreRefused)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    void* const executable = executable_of(scaling_graph(x));
    EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
    EXPECT_EQ(cuGraphExecDestroy(executable), 0);
    EXPECT_EQ(name_of(cuGraphLaunch(executable, stream)), "CUDA_ERROR_INVALID_HANDLE");
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(x.download()[0], 2);
}

TEST_F(Destruction, AGraphWhoseModuleIsUnloadedFails)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    void* const executable = executable_of(scaling_graph(x));
    EXPECT_EQ(cuModuleUnload(module_), 0);
    EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
    const CUresult result = cuStreamSynchronize(stream);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_ILLEGAL_ADDRESS");
    EXPECT_TRUE(contains(explanation_of(result), "scale_and_shift, when it ran: its module was unloaded"));
}

TEST_F(Destruction, AGraphMayGoAfterItsModule)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    void* const graph = scaling_graph(x);
    void* const executable = executable_of(graph);
    EXPECT_EQ(cuModuleUnload(module_), 0);
    EXPECT_EQ(cuGraphExecDestroy(executable), 0);
    EXPECT_EQ(cuGraphDestroy(graph), 0);
    EXPECT_EQ(synchronize(), "");
}

}
