#include "planted_kernels.h"

#include <set>

namespace {

class Streams : public PlantedKernels {
protected:
    void SetUp() override
    {
        PlantedKernels::SetUp();
        ASSERT_EQ(cuStreamCreate(&other_, 1), 0);
        ASSERT_EQ(cuEventCreate(&event_, 2), 0);
        void* memory = nullptr;
        ASSERT_EQ(cuMemHostAlloc(&memory, n * sizeof(float), 0), 0);
        pinned_ = static_cast<float*>(memory);
    }

    static unsigned long long address(const DeviceArray<float>& array) { return reinterpret_cast<unsigned long long>(array.data()); }

    void multiply_add(CUstream target, const DeviceArray<float>& x, float factor, float addend)
    {
        EXPECT_EQ(launch_on(target, "scale_and_shift", 1, x.data(), factor, addend, n), 0);
    }

    // The first element after each seed's run, which begins at 1.
    template <typename Run>
    std::set<float> over_seeds(Run&& run)
    {
        std::set<float> results;
        for (int seed = 0; seed <= seeds; seed++) {
            set_seed(seed);
            const DeviceArray<float> x(std::vector<float>(n, 1));
            run(x);
            for (CUstream each : {stream, other_})
                EXPECT_EQ(cuStreamSynchronize(each), 0);
            results.insert(x.download()[0]);
        }
        return results;
    }

    CUstream other_ = nullptr;
    void* event_ = nullptr;
    float* pinned_ = nullptr;
};

TEST_F(Streams, WorkOfOneStreamComesInOrder)
{
    const auto results = over_seeds([this](const auto& x) {
        multiply_add(stream, x, 1, 2);
        multiply_add(stream, x, 5, 0);
    });
    EXPECT_EQ(results, std::set<float>{15});
}

TEST_F(Streams, WorkThatWaitsForAnEventComesAfterIt)
{
    const auto results = over_seeds([this](const auto& x) {
        multiply_add(stream, x, 1, 2);
        EXPECT_EQ(cuEventRecord(event_, stream), 0);
        EXPECT_EQ(cuStreamWaitEvent(other_, event_, 0), 0);
        multiply_add(other_, x, 5, 0);
    });
    EXPECT_EQ(results, std::set<float>{15});
}

TEST_F(Streams, AMissingWaitShowsInSomeSeed)
{
    const auto results = over_seeds([this](const auto& x) {
        multiply_add(stream, x, 1, 2);
        EXPECT_EQ(cuEventRecord(event_, stream), 0);
        multiply_add(other_, x, 5, 0);
    });
    EXPECT_EQ(results, (std::set<float>{7, 15}));
}

TEST_F(Streams, AMissingWaitShowsInSomeSeedAlsoAfterLongWork)
{
    const DeviceArray<float> other(std::vector<float>(n, 1));
    const auto results = over_seeds([&](const auto& x) {
        multiply_add(other_, x, 5, 0);
        for (int i = 0; i < 50; i++)
            multiply_add(stream, other, 1, 0);
        multiply_add(stream, x, 1, 2);
    });
    EXPECT_EQ(results, (std::set<float>{7, 15}));
}

TEST_F(Streams, AnEventRecordedTooEarlyShowsInSomeSeed)
{
    const auto results = over_seeds([this](const auto& x) {
        EXPECT_EQ(cuEventRecord(event_, stream), 0);
        multiply_add(stream, x, 1, 2);
        EXPECT_EQ(cuStreamWaitEvent(other_, event_, 0), 0);
        multiply_add(other_, x, 5, 0);
    });
    EXPECT_EQ(results, (std::set<float>{7, 15}));
}

TEST_F(Streams, APinnedBufferThatIsWrittenBeforeItsUploadRanShowsInSomeSeed)
{
    const auto results = over_seeds([this](const auto& x) {
        pinned_[0] = 3;
        EXPECT_EQ(cuMemcpyHtoDAsync_v2(address(x), pinned_, sizeof(float), stream), 0);
        pinned_[0] = 4;
    });
    EXPECT_TRUE(results.contains(4)) << "the upload always came before the next write";
}

TEST_F(Streams, APinnedBufferThatIsReadBeforeItsDownloadRanShowsInSomeSeed)
{
    std::set<float> seen;
    over_seeds([&](const auto& x) {
        pinned_[0] = 0;
        EXPECT_EQ(cuMemcpyDtoHAsync_v2(pinned_, address(x), sizeof(float), stream), 0);
        seen.insert(pinned_[0]);
    });
    EXPECT_TRUE(seen.contains(0)) << "the download always came before the read";
}

TEST_F(Streams, ADownloadToPageableMemoryHasRunWhenTheCallReturns)
{
    over_seeds([this](const auto& x) {
        float value = 0;
        multiply_add(stream, x, 1, 2);
        EXPECT_EQ(cuMemcpyDtoHAsync_v2(&value, address(x), sizeof value, stream), 0);
        EXPECT_EQ(value, 3);
    });
}

TEST_F(Streams, AnEventThatIsWaitedForByTheHostIsPast)
{
    over_seeds([this](const auto& x) {
        EXPECT_EQ(cuMemcpyDtoHAsync_v2(pinned_, address(x), sizeof(float), stream), 0);
        EXPECT_EQ(cuEventRecord(event_, stream), 0);
        EXPECT_EQ(cuEventSynchronize(event_), 0);
        EXPECT_EQ(pinned_[0], 1);
    });
}

TEST_F(Streams, ThereIsNoLegacyStreamAndNoneThatWaitsForIt)
{
    const DeviceArray<float> x(std::vector<float>(n, 1));
    EXPECT_EQ(name_of(launch_on(nullptr, "scale_and_shift", 1, x.data(), 2.0f, 0.0f, n)), "CUDA_ERROR_INVALID_HANDLE");
    CUstream blocking = nullptr;
    EXPECT_EQ(name_of(cuStreamCreate(&blocking, 0)), "CUDA_ERROR_INVALID_VALUE");
}

TEST_F(Streams, HandlesThatAreNoneAreRefused)
{
    EXPECT_EQ(cuStreamDestroy_v2(other_), 0);
    EXPECT_EQ(name_of(cuStreamSynchronize(other_)), "CUDA_ERROR_INVALID_HANDLE");
    EXPECT_EQ(cuEventDestroy_v2(event_), 0);
    EXPECT_EQ(name_of(cuEventRecord(event_, stream)), "CUDA_ERROR_INVALID_HANDLE");
}

}
