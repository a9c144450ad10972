#include "planted_kernels.h"

namespace {

class InjectedFaults : public PlantedKernels {};

TEST_F(InjectedFaults, TheNthAllocationFailsAndNoOther)
{
    const Setting fault("SOFTGPU_FAIL_ALLOCATION", "2");
    unsigned long long address = 0;
    EXPECT_EQ(cuMemAlloc_v2(&address, 4), 0);
    EXPECT_EQ(name_of(cuMemAlloc_v2(&address, 4)), "CUDA_ERROR_OUT_OF_MEMORY");
    EXPECT_EQ(cuMemAlloc_v2(&address, 4), 0);
}

TEST_F(InjectedFaults, MoreMemoryThanTheDeviceHasIsRefused)
{
    const Setting memory("SOFTGPU_MEMORY", "1000000", "8589934592");
    unsigned long long address = 0, second = 0;
    EXPECT_EQ(cuMemAlloc_v2(&address, 600000), 0);
    const CUresult result = cuMemAlloc_v2(&second, 600000);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_OUT_OF_MEMORY");
    EXPECT_TRUE(contains(explanation_of(result), "600000 bytes asked, 400000 of 1000000 free"));
    std::size_t free = 0, total = 0;
    EXPECT_EQ(cuMemGetInfo_v2(&free, &total), 0);
    EXPECT_EQ(free, 400000u);
    EXPECT_EQ(cuMemFree_v2(address), 0);
    EXPECT_EQ(cuMemAlloc_v2(&second, 600000), 0);
}

TEST_F(InjectedFaults, AFailedLaunchShowsAtTheNextWait)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    const Setting fault("SOFTGPU_FAIL_LAUNCH", "2");
    EXPECT_EQ(launch("scale_and_shift", x.data(), 2.0f, 0.0f, n), 0);
    EXPECT_EQ(synchronize(), "");
    launch("scale_and_shift", x.data(), 2.0f, 0.0f, n);
    const CUresult result = cuStreamSynchronize(stream);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_LAUNCH_FAILED");
    EXPECT_TRUE(contains(explanation_of(result), "scale_and_shift: SOFTGPU_FAIL_LAUNCH asked for it"));
}

TEST_F(InjectedFaults, ALostDeviceStaysLostUntilItsContextIsGone)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    softgpu_configure("SOFTGPU_LOSE_DEVICE", "1");
    launch("scale_and_shift", x.data(), 2.0f, 0.0f, n);
    for (int i = 0; i < 2; i++)
        EXPECT_EQ(name_of(cuStreamSynchronize(stream)), "CUDA_ERROR_DEVICE_UNAVAILABLE");
    PlantedKernels::TearDown();
    softgpu_configure("SOFTGPU_LOSE_DEVICE", "0");
    PlantedKernels::SetUp();
    const DeviceArray<float> y(std::vector<float>(n, 1));
    launch("scale_and_shift", y.data(), 2.0f, 0.0f, n);
    EXPECT_EQ(synchronize(), "");
}

TEST_F(InjectedFaults, AGraphThatCannotBeMadeHarmsNothingElse)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    void* const graph = capture([&] { launch("scale_and_shift", x.data(), 2.0f, 0.0f, n); });
    const Setting fault("SOFTGPU_FAIL_GRAPH", "1");
    void* executable = nullptr;
    EXPECT_NE(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(x.download()[0], 2);
}

TEST_F(InjectedFaults, OptionsThatDoNotExistAndValuesThatAreNoNumbersAreRefused)
{
    EXPECT_EQ(softgpu_configure("SOFTGPU_FAIL_EVERYTHING", "1"), 1);
    EXPECT_EQ(softgpu_configure("SOFTGPU_SEED", "many"), 1);
}

}
