#include "planted_kernels.h"

#include <memory>
#include <set>

namespace {

enum Fault { none, no_barrier, one_block_stays_away, static_memory };

class CooperativeLaunches : public PlantedKernels {
protected:
    static constexpr unsigned blocks = 5;

    CUresult sum(const DeviceArray<float>& x, const DeviceArray<float>& y, int fault, unsigned count = blocks, LaunchAttribute attribute = cooperative)
    {
        return launch_with(attribute, "sum_over_blocks", count, x.data(), partial_->data(), y.data(), arrivals_->data(), fault);
    }

    void SetUp() override
    {
        PlantedKernels::SetUp();
        partial_ = std::make_unique<DeviceArray<float>>(std::vector<float>(2 * blocks * n, 0));
        arrivals_ = std::make_unique<DeviceArray<unsigned long long>>(std::vector<unsigned long long>(1, 0));
    }

    void TearDown() override
    {
        partial_.reset();
        arrivals_.reset();
        PlantedKernels::TearDown();
    }

    // Each block has four times the sum of all, which is the number of blocks times the sum before but for the first.
    static std::vector<float> expected()
    {
        std::vector<float> sums(blocks * n);
        for (unsigned i = 0; i < blocks * n; i++) {
            sums[i] = 0;
            for (unsigned block = 0; block < blocks; block++)
                sums[i] += static_cast<float>(block * n + i % n);
            sums[i] *= static_cast<float>(blocks * blocks * blocks);
        }
        return sums;
    }

private:
    const Setting multiprocessors_{"SOFTGPU_MULTIPROCESSORS", "5"};
    std::unique_ptr<DeviceArray<float>> partial_;
    std::unique_ptr<DeviceArray<unsigned long long>> arrivals_;
};

TEST_F(CooperativeLaunches, BlocksMeetInTheGridsBarrierForEverySeedCallByCallAndInAGraph)
{
    const DeviceArray<float> x(counting(blocks * n)), y(blocks * n);
    std::set<std::vector<float>> results;
    for (int seed = 0; seed <= seeds; seed++) {
        set_seed(seed);
        EXPECT_EQ(sum(x, y, none), 0);
        EXPECT_EQ(synchronize(), "") << "seed " << seed;
        results.insert(y.download());
        void* const graph = capture([&] { EXPECT_EQ(sum(x, y, none), 0); });
        void* executable = nullptr;
        EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
        EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
        EXPECT_EQ(synchronize(), "") << "seed " << seed;
        results.insert(y.download());
        EXPECT_EQ(cuGraphExecDestroy(executable), 0);
        EXPECT_EQ(cuGraphDestroy(graph), 0);
    }
    EXPECT_EQ(results, std::set{expected()});
}

// The thread sanitizer does not see it: blocks take turns, which orders what they do for it.
TEST_F(CooperativeLaunches, WithoutTheBarrierTheResultIsWrong)
{
    const DeviceArray<float> x(counting(blocks * n)), y(blocks * n);
    for (int seed = 0; seed <= seeds; seed++) {
        set_seed(seed);
        EXPECT_EQ(sum(x, y, no_barrier), 0);
        EXPECT_EQ(synchronize(), "");
        EXPECT_NE(y.download(), expected()) << "seed " << seed;
    }
}

TEST_F(CooperativeLaunches, ABlockThatStaysAwayFromABarrierIsADeadlockThatIsNamed)
{
    const DeviceArray<float> x(counting(blocks * n)), y(blocks * n);
    EXPECT_EQ(sum(x, y, one_block_stays_away), 0);
    const std::string error = synchronize();
    EXPECT_TRUE(contains(error, "sum_over_blocks: no block can go on: block (0, 0, 0): threads 0 wait in synchronise_grid at"));
    EXPECT_TRUE(contains(error, "; 1 to 63 wait in __syncthreads"));
}

TEST_F(CooperativeLaunches, WithoutTheAttributeABarrierOfTheGridIsADeadlock)
{
    for (int seed = 0; seed <= 3; seed++) {
        set_seed(seed);
        const DeviceArray<float> x(counting(blocks * n)), y(blocks * n);
        EXPECT_EQ(sum(x, y, none, blocks, {2, 0, {0}}), 0);
        const std::string error = synchronize();
        EXPECT_TRUE(contains(error, "wait in synchronise_grid"));
        EXPECT_TRUE(contains(error, "for other blocks, which need not run beside this one: the launch is not cooperative"));
        TearDown();
        SetUp();
    }
}

TEST_F(CooperativeLaunches, MoreBlocksThanRunBesideEachOtherAreRefused)
{
    const DeviceArray<float> x(counting(blocks * n)), y(blocks * n);
    int room = 0;
    EXPECT_EQ(cuOccupancyMaxActiveBlocksPerMultiprocessor(&room, function("sum_over_blocks"), n, 0), 0);
    const auto most = blocks * static_cast<unsigned>(room);
    const CUresult result = sum(x, y, none, most + 1);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE");
    EXPECT_TRUE(contains(explanation_of(result), "sum_over_blocks: " + std::to_string(most + 1) + " blocks, of which " + std::to_string(most)));
    EXPECT_EQ(synchronize(), "") << "nothing was launched";
}

TEST_F(CooperativeLaunches, ADeviceWithoutThemRefusesThem)
{
    const Setting without("SOFTGPU_COOPERATIVE_LAUNCH", "0", "1");
    const DeviceArray<float> x(counting(blocks * n)), y(blocks * n);
    constexpr int attribute = 95;
    int has = 1;
    EXPECT_EQ(cuDeviceGetAttribute(&has, attribute, 0), 0);
    EXPECT_EQ(has, 0);
    EXPECT_EQ(name_of(sum(x, y, none)), "CUDA_ERROR_NOT_SUPPORTED");
}

TEST_F(CooperativeLaunches, OneThatIsDependentTooIsRefused)
{
    const LaunchAttribute both[] = {cooperative, dependent};
    const LaunchConfiguration configuration{{1, 1, 1}, {n, 1, 1}, 0, stream, both, 2};
    const DeviceArray<float> x(counting(n)), y(n);
    const float *from = x.data(), *to = y.data();
    void* arguments[] = {&from, &to};
    const CUresult result = cuLaunchKernelEx(&configuration, function("reverse_in_dynamic_memory"), arguments, nullptr);
    EXPECT_TRUE(contains(explanation_of(result), "cooperative and dependent"));
}

TEST_F(CooperativeLaunches, StaticSharedMemoryIsRefused)
{
    const DeviceArray<float> x(counting(blocks * n)), y(blocks * n);
    EXPECT_EQ(sum(x, y, static_memory), 0);
    EXPECT_TRUE(contains(synchronize(), "a cooperative kernel of the software GPU has no shared memory but what its launch asks for"));
}

class DynamicMemory : public PlantedKernels {
protected:
    CUresult reverse(const DeviceArray<float>& x, const DeviceArray<float>& y, unsigned shared_bytes)
    {
        const float *from = x.data(), *to = y.data();
        void* arguments[] = {&from, &to};
        return cuLaunchKernel(function("reverse_in_dynamic_memory"), 4, 1, 1, n, 1, 1, shared_bytes, stream, arguments, nullptr);
    }

    int blocks_beside_each_other(unsigned shared_bytes)
    {
        int blocks = -1;
        EXPECT_EQ(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function("reverse_in_dynamic_memory"), 256, shared_bytes), 0);
        return blocks;
    }

    CUresult allow(int bytes) { return cuFuncSetAttribute(function("reverse_in_dynamic_memory"), 8, bytes); }
};

TEST_F(DynamicMemory, EveryBlockHasItsOwn)
{
    const DeviceArray<float> x(counting(4 * n)), y(4 * n);
    std::vector<float> expected(4 * n);
    for (std::size_t i = 0; i < expected.size(); i++)
        expected[i] = static_cast<float>(i / n * n + n - 1 - i % n);
    EXPECT_EQ(reverse(x, y, n * sizeof(float)), 0);
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(y.download(), expected);
}

TEST_F(DynamicMemory, MoreThan48KilobytesMustBeAskedFor)
{
    const DeviceArray<float> x(counting(4 * n)), y(4 * n);
    const unsigned bytes = 64 << 10;
    EXPECT_TRUE(contains(explanation_of(reverse(x, y, bytes)), "without cuFuncSetAttribute"));
    EXPECT_EQ(blocks_beside_each_other(bytes), 0);
    EXPECT_EQ(allow(bytes), 0);
    EXPECT_EQ(reverse(x, y, bytes), 0);
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(blocks_beside_each_other(bytes), 1);
    EXPECT_TRUE(contains(explanation_of(allow((227 << 10) + 1)), "a block has 232448 at most"));
    const Setting turing("SOFTGPU_COMPUTE_CAPABILITY", "75", "90");
    EXPECT_NE(allow((64 << 10) + 1), 0) << "an older GPU has less";
}

}
