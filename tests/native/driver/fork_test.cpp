// Captures that go on on a second stream, and the order of what they captured.
#include "planted_kernels.h"

#include <functional>
#include <set>

namespace {

class Forks : public PlantedKernels {
protected:
    void SetUp() override
    {
        PlantedKernels::SetUp();
        ASSERT_EQ(cuStreamCreate(&branch_, 1), 0);
        for (void** event : {&forked_, &joined_})
            ASSERT_EQ(cuEventCreate(event, 2), 0);
    }

    void begin() { ASSERT_EQ(cuStreamBeginCapture_v2(stream, 1), 0); }

    std::string end()
    {
        void* graph = nullptr;
        return name_of(cuStreamEndCapture(stream, &graph));
    }

    void fork() { after(stream, forked_, branch_); }

    void join() { after(branch_, joined_, stream); }

    void multiply_add(CUstream target, const DeviceArray<float>& x, float factor, float addend)
    {
        EXPECT_EQ(launch_on(target, "scale_and_shift", 1, x.data(), factor, addend, n), 0);
    }

    // The first element after each seed's replay of what was captured, which begins at 1.
    std::set<float> over_seeds(const std::function<void(const DeviceArray<float>&)>& operations)
    {
        const DeviceArray<float> x(n);
        void *executable = nullptr, *graph = capture([&] { operations(x); });
        EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
        std::set<float> results;
        for (int seed = 0; seed <= seeds; seed++) {
            set_seed(seed);
            x.upload(std::vector<float>(n, 1));
            EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
            EXPECT_EQ(synchronize(), "");
            results.insert(x.download()[0]);
        }
        return results;
    }

    CUstream branch_ = nullptr;
    void *forked_ = nullptr, *joined_ = nullptr;

private:
    static void after(CUstream first, void* event, CUstream second)
    {
        EXPECT_EQ(cuEventRecord(event, first), 0);
        EXPECT_EQ(cuStreamWaitEvent(second, event, 0), 0);
    }
};

TEST_F(Forks, ABranchComesAfterItsForkAndBeforeItsJoin)
{
    const auto results = over_seeds([this](const auto& x) {
        multiply_add(stream, x, 1, 2);
        fork();
        multiply_add(branch_, x, 5, 0);
        join();
        multiply_add(stream, x, 1, 1);
    });
    EXPECT_EQ(results, std::set<float>{16});
}

TEST_F(Forks, WhatIsBetweenForkAndJoinHasNoOrder)
{
    const auto results = over_seeds([this](const auto& x) {
        fork();
        multiply_add(branch_, x, 5, 0);
        multiply_add(stream, x, 1, 2);
        join();
    });
    EXPECT_EQ(results, (std::set<float>{7, 15}));
}

TEST_F(Forks, ABranchComesAfterLongWorkBesideItInSomeSeed)
{
    const DeviceArray<float> other(std::vector<float>(n, 1));
    const auto results = over_seeds([&](const auto& x) {
        fork();
        multiply_add(branch_, x, 5, 0);
        for (int i = 0; i < 50; i++)
            multiply_add(stream, other, 1, 0);
        multiply_add(stream, x, 1, 2);
        join();
    });
    EXPECT_EQ(results, (std::set<float>{7, 15}));
}

TEST_F(Forks, AJoinTooEarlyShowsInSomeSeed)
{
    const auto results = over_seeds([this](const auto& x) {
        fork();
        multiply_add(branch_, x, 5, 0);
        EXPECT_EQ(cuEventRecord(joined_, branch_), 0);
        multiply_add(branch_, x, 2, 0);
        EXPECT_EQ(cuStreamWaitEvent(stream, joined_, 0), 0);
        multiply_add(stream, x, 1, 1);
        join();
    });
    EXPECT_EQ(results, (std::set<float>{11, 12}));
}

TEST_F(Forks, ASecondForkComesAfterTheFirstBranchAndWhatIsBeforeIt)
{
    const auto results = over_seeds([this](const auto& x) {
        fork();
        multiply_add(branch_, x, 5, 0);
        join();
        multiply_add(stream, x, 1, 1);
        fork();
        multiply_add(branch_, x, 2, 0);
        join();
        multiply_add(stream, x, 1, 3);
    });
    EXPECT_EQ(results, std::set<float>{15});
}

TEST_F(Forks, ABranchThatIsNotJoinedIsRefused)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    begin();
    fork();
    multiply_add(branch_, x, 5, 0);
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_UNJOINED");
    multiply_add(branch_, x, 1, 2);
    EXPECT_EQ(cuStreamSynchronize(branch_), 0) << "it captures no more";
    EXPECT_EQ(x.download()[0], 3);
}

TEST_F(Forks, WorkAfterTheJoinIsRefused)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    begin();
    fork();
    join();
    multiply_add(branch_, x, 5, 0);
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_UNJOINED");
}

TEST_F(Forks, AnEmptyBranchIsJoinedToo)
{
    begin();
    fork();
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_UNJOINED");
    begin();
    fork();
    join();
    EXPECT_EQ(end(), "CUDA_SUCCESS");
}

TEST_F(Forks, TheFirstStreamEndsTheCapture)
{
    begin();
    fork();
    join();
    void* graph = nullptr;
    EXPECT_EQ(name_of(cuStreamEndCapture(branch_, &graph)), "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Forks, AWaitForWorkOutsideTheCaptureSpoilsIt)
{
    EXPECT_EQ(cuEventRecord(joined_, branch_), 0);
    begin();
    EXPECT_EQ(name_of(cuStreamWaitEvent(stream, joined_, 0)), "CUDA_ERROR_STREAM_CAPTURE_ISOLATION");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Forks, TwoCapturesDoNotMerge)
{
    begin();
    ASSERT_EQ(cuStreamBeginCapture_v2(branch_, 1), 0);
    EXPECT_EQ(cuEventRecord(forked_, stream), 0);
    EXPECT_EQ(name_of(cuStreamWaitEvent(branch_, forked_, 0)), "CUDA_ERROR_STREAM_CAPTURE_MERGE");
    EXPECT_EQ(end(), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
    void* graph = nullptr;
    EXPECT_EQ(name_of(cuStreamEndCapture(branch_, &graph)), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(Forks, AnEventOfACaptureIsOfNoUseOutsideUntilItIsRecordedAnew)
{
    begin();
    EXPECT_EQ(cuEventRecord(forked_, stream), 0);
    EXPECT_EQ(end(), "CUDA_SUCCESS");
    EXPECT_EQ(name_of(cuEventSynchronize(forked_)), "CUDA_ERROR_CAPTURED_EVENT");
    EXPECT_EQ(name_of(cuStreamWaitEvent(branch_, forked_, 0)), "CUDA_ERROR_CAPTURED_EVENT");
    EXPECT_EQ(cuEventRecord(forked_, stream), 0);
    EXPECT_EQ(cuStreamWaitEvent(branch_, forked_, 0), 0);
    EXPECT_EQ(cuEventSynchronize(forked_), 0);
}

TEST_F(Forks, PrioritiesAreOfTheRangeThatTheDriverTells)
{
    int least = -1, greatest = 1;
    ASSERT_EQ(cuCtxGetStreamPriorityRange(&least, &greatest), 0);
    EXPECT_GT(least, greatest);
    for (const int priority : {least, greatest}) {
        CUstream created = nullptr;
        EXPECT_EQ(cuStreamCreateWithPriority(&created, 1, priority), 0);
        EXPECT_EQ(cuStreamDestroy_v2(created), 0);
    }
    CUstream refused = nullptr;
    EXPECT_EQ(name_of(cuStreamCreateWithPriority(&refused, 1, greatest - 1)), "CUDA_ERROR_INVALID_VALUE");
    EXPECT_EQ(name_of(cuStreamCreateWithPriority(&refused, 1, least + 1)), "CUDA_ERROR_INVALID_VALUE");
}

}
