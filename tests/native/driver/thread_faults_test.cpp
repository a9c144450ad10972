#include "planted_kernels.h"

#include <set>

namespace {

class ThreadFaults : public PlantedKernels {
protected:
    // The results of a run for every seed.
    template <typename Run>
    std::set<std::vector<float>> over_seeds(Run&& run)
    {
        std::set<std::vector<float>> results;
        for (int seed = 1; seed <= seeds; seed++) {
            set_seed(seed);
            results.insert(run());
        }
        return results;
    }
};

TEST_F(ThreadFaults, ABarrierThatSomeThreadsNeverReachIsCaught)
{
    const DeviceArray<float> y(n);
    launch("barrier_of_first", y.data(), 40);
    const std::string failure = synchronize();
    EXPECT_TRUE(contains(failure, "barrier_of_first, block (0, 0, 0): no thread can go on: threads 0 to 39 wait in __syncthreads at "));
    EXPECT_TRUE(contains(failure, "; 40 to 63 ended"));
}

TEST_F(ThreadFaults, ABarrierThatAllThreadsReachPasses)
{
    const DeviceArray<float> y(n);
    launch("barrier_of_first", y.data(), n);
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(y.download(), std::vector<float>(n, 1));
}

TEST_F(ThreadFaults, ThreadsInDifferentBarriersAreCaught)
{
    const DeviceArray<float> y(n);
    launch("two_barriers", y.data());
    EXPECT_TRUE(contains(synchronize(), "while other threads of the block are in __syncthreads at "));
}

TEST_F(ThreadFaults, AnExchangeWithLanesThatHaveEndedIsCaught)
{
    const DeviceArray<float> y(n);
    launch("exchange_with_ended_lanes", y.data(), 16);
    const std::string failure = synchronize();
    EXPECT_TRUE(contains(failure, "exchange_with_ended_lanes"));
    EXPECT_TRUE(contains(failure, "__shfl_xor_sync"));
}

TEST_F(ThreadFaults, DivisionByZeroIsCaught)
{
    const DeviceArray<int> x(std::vector<int>{6});
    launch("divide", x.data(), 0);
    EXPECT_TRUE(contains(synchronize(), "divided an integer by zero"));
}

TEST_F(ThreadFaults, WithItsBarrierAKernelGivesTheSameForEverySeed)
{
    const DeviceArray<float> x(counting(n)), y(n);
    std::vector<float> expected(n);
    for (int i = 1; i < n; i++)
        expected[static_cast<std::size_t>(i)] = static_cast<float>(2 * i - 1);
    const auto results = over_seeds([&] {
        EXPECT_EQ(launch("add_neighbour", x.data(), y.data(), 1), 0);
        EXPECT_EQ(synchronize(), "");
        return y.download();
    });
    EXPECT_EQ(results, std::set<std::vector<float>>{expected});
}

#if defined(__SANITIZE_THREAD__)

TEST_F(ThreadFaults, TheThreadSanitizerReportsARaceInSharedMemory)
{
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
    const auto run = [this](int has_barrier) {
        const DeviceArray<float> x(counting(n)), y(n);
        launch("add_neighbour", x.data(), y.data(), has_barrier);
        std::exit(synchronize().empty() ? 0 : 1);
    };
    constexpr int reported = 66;
    EXPECT_EXIT(run(0), ::testing::ExitedWithCode(reported), "data race");
    EXPECT_EXIT(run(1), ::testing::ExitedWithCode(0), "");
}

#else

// One that is caught fails its context, so each seed has a context of its own.
TEST_F(ThreadFaults, WithoutItsBarrierAKernelFailsForSomeSeed)
{
    int caught = 0;
    for (int seed = 1; seed <= seeds; seed++) {
        TearDown();
        SetUp();
        set_seed(seed);
        const DeviceArray<float> x(counting(n)), y(n);
        launch("add_neighbour", x.data(), y.data(), 0);
        caught += synchronize().empty() ? 0 : 1;
    }
    EXPECT_GT(caught, 0);
}

TEST_F(ThreadFaults, BlocksThatRelyOnTheirOrderDifferBetweenSeeds)
{
    const DeviceArray<float> x(std::vector<float>(n, 1)), y(n);
    const auto results = over_seeds([&] {
        EXPECT_EQ(cuMemsetD8Async(reinterpret_cast<unsigned long long>(y.data()), 0, y.bytes(), stream), 0);
        EXPECT_EQ(launch_on(stream, "accumulate_over_blocks", n, x.data(), y.data()), 0);
        EXPECT_EQ(synchronize(), "");
        return y.download();
    });
    EXPECT_GT(results.size(), 1u);
}

#endif

}
