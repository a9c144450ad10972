#include "planted_kernels.h"

#include <cmath>
#include <limits>

namespace {

class MemoryFaults : public PlantedKernels {
protected:
    // The explanation of the stream's failure, and the code's name before it.
    std::string failure()
    {
        const CUresult result = cuStreamSynchronize(stream);
        return name_of(result) + ": " + explanation_of(result);
    }

    // Of more than the pages of the pattern that such allocations share.
    static constexpr int large = 10 << 20;

    void compute_with_never_written_at(int place)
    {
        const DeviceArray<float> x(counting(n)), never_written(large), z(large);
        launch("add", x.data(), x.data(), z.data() + large / 2, n);
        EXPECT_EQ(synchronize(), "");
        launch("add", x.data(), never_written.data() + place, z.data() + place, n);
        EXPECT_TRUE(contains(failure(), "the result is byte " + std::to_string(4l * place) + " of allocation 3 of 41943040 bytes"));
    }
};

TEST_F(MemoryFaults, KernelsWithoutFaultsPass)
{
    const DeviceArray<float> x(counting(n)), y(n);
    EXPECT_EQ(launch("copy_to", x.data(), y.data(), n, 0), 0);
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(y.download(), counting(n));
}

TEST_F(MemoryFaults, WritingJustPastTheEndIsCaughtByTheCanary)
{
    const DeviceArray<float> x(counting(n)), y(n - 1);
    launch("copy_to", x.data(), y.data(), n, 0);
    EXPECT_TRUE(contains(failure(), "CUDA_ERROR_ILLEGAL_ADDRESS"));
    EXPECT_TRUE(contains(failure(), "copy_to wrote 0 bytes past the end of allocation 2 of 252 bytes"));
}

TEST_F(MemoryFaults, WritingJustBeforeTheBeginIsCaughtByTheCanary)
{
    const DeviceArray<float> x(counting(n)), y(n);
    launch("copy_to", x.data(), y.data(), n, -1);
    EXPECT_TRUE(contains(failure(), "copy_to wrote 4 bytes before allocation 2 of 256 bytes"));
}

TEST_F(MemoryFaults, ReadingPastTheEndIsCaughtByTheGuardPage)
{
    const DeviceArray<float> x(counting(n)), y(2 * n);
    launch_on(stream, "copy_to", 2, x.data(), y.data(), n + 1, 0);
    EXPECT_TRUE(contains(failure(), "CUDA_ERROR_ILLEGAL_ADDRESS"));
    EXPECT_TRUE(contains(failure(), "copy_to, block (1, 0, 0), thread (0, 0, 0): touched 0 bytes past the end of allocation 1 of 256 bytes"));
}

TEST_F(MemoryFaults, WritingFarPastTheEndIsCaughtByTheGuardPage)
{
    const DeviceArray<float> x(counting(n)), y(n);
    launch("copy_to", x.data(), y.data(), 1, 512);
    EXPECT_TRUE(contains(failure(), "touched 1792 bytes past the end of allocation 2 of 256 bytes"));
}

TEST_F(MemoryFaults, ReadingFreedMemoryIsCaught)
{
    DeviceArray<float> x(counting(n));
    const DeviceArray<float> y(n);
    const float* const freed = x.data();
    x.release();
    launch("copy_to", freed, y.data(), n, 0);
    EXPECT_TRUE(contains(failure(), "CUDA_ERROR_ILLEGAL_ADDRESS"));
    EXPECT_TRUE(contains(failure(), "touched an address in allocation 1 of 256 bytes, which was freed"));
}

TEST_F(MemoryFaults, CopyingFromFreedMemoryIsRefused)
{
    DeviceArray<float> x(counting(n));
    const auto freed = reinterpret_cast<unsigned long long>(x.data());
    x.release();
    float host = 0;
    const CUresult result = cuMemcpyDtoHAsync_v2(&host, freed, sizeof host, stream);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_INVALID_VALUE");
    EXPECT_TRUE(contains(explanation_of(result), "which was freed"));
}

TEST_F(MemoryFaults, AGraphThatUsesFreedMemoryFails)
{
    DeviceArray<float> x(counting(n));
    const DeviceArray<float> y(n);
    void* const graph = capture([&] { launch("copy_to", static_cast<const float*>(x.data()), y.data(), n, 0); });
    void* executable = nullptr;
    ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    x.release();
    EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
    EXPECT_TRUE(contains(failure(), "which was freed"));
}

TEST_F(MemoryFaults, FreeingTwiceIsRefused)
{
    DeviceArray<float> x(n);
    const auto address = reinterpret_cast<unsigned long long>(x.data());
    x.release();
    const CUresult result = cuMemFree_v2(address);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_INVALID_VALUE");
    EXPECT_TRUE(contains(explanation_of(result), "which is free already"));
}

TEST_F(MemoryFaults, ArithmeticOnWhatNothingHasWrittenIsCaught)
{
    const DeviceArray<float> x(counting(n)), never_written(n), z(n);
    launch("add", x.data(), never_written.data(), z.data(), n);
    EXPECT_TRUE(contains(failure(), "CUDA_ERROR_LAUNCH_FAILED"));
    EXPECT_TRUE(contains(failure(), "add computed with memory that nothing had written; the result is byte 0 of allocation 3"));
}

TEST_F(MemoryFaults, OneElementThatNothingHasWrittenIsCaught)
{
    const DeviceArray<float> x(counting(n)), y(n), z(n);
    launch("copy_to", x.data(), y.data(), n - 1, 0);
    EXPECT_EQ(synchronize(), "");
    launch("add", x.data(), y.data(), z.data(), n);
    EXPECT_TRUE(contains(failure(), "the result is byte 252 of allocation 3"));
}

TEST_F(MemoryFaults, ArithmeticOnTheBeginOfALargeAllocationThatNothingHasWrittenIsCaught) { compute_with_never_written_at(0); }

TEST_F(MemoryFaults, ArithmeticOnTheEndOfALargeAllocationThatNothingHasWrittenIsCaught) { compute_with_never_written_at(large - n); }

TEST_F(MemoryFaults, ArithmeticOnSharedMemoryThatNothingHasWrittenIsCaught)
{
    const DeviceArray<float> x(counting(n)), y(n);
    launch("read_half_written_shared_memory", x.data(), y.data());
    EXPECT_TRUE(contains(failure(), "read_half_written_shared_memory computed with memory that nothing had written"));
}

TEST_F(MemoryFaults, NotANumberByArithmeticIsNoFault)
{
    const float infinity = std::numeric_limits<float>::infinity();
    const DeviceArray<float> x(std::vector<float>(n, infinity)), y(std::vector<float>(n, -infinity)), z(n);
    launch("add", x.data(), y.data(), z.data(), n);
    EXPECT_EQ(synchronize(), "");
    EXPECT_TRUE(std::isnan(z.download()[0]));
}

TEST_F(MemoryFaults, AnAddressThatNothingHasIsCaught)
{
    const DeviceArray<float> y(n);
    launch("copy_to", reinterpret_cast<const float*>(64), y.data(), n, 0);
    EXPECT_TRUE(contains(failure(), "touched an address that is no device memory"));
}

TEST_F(MemoryFaults, HostMemoryIsNoDeviceMemory)
{
    const DeviceArray<float> x(n);
    std::vector<float> host(n);
    const CUresult result = cuMemcpyDtoDAsync_v2(reinterpret_cast<unsigned long long>(x.data()), reinterpret_cast<unsigned long long>(host.data()),
        n * sizeof(float), stream);
    EXPECT_EQ(name_of(result), "CUDA_ERROR_INVALID_VALUE");
    EXPECT_TRUE(contains(explanation_of(result), "no device memory"));
}

TEST_F(MemoryFaults, AFailedContextAnswersEveryCallWithItsError)
{
    const DeviceArray<float> x(counting(n)), y(n - 1);
    launch("copy_to", x.data(), y.data(), n, 0);
    const CUresult result = cuStreamSynchronize(stream);
    unsigned long long address = 0;
    EXPECT_EQ(cuMemAlloc_v2(&address, 4), result);
    float host = 0;
    EXPECT_EQ(cuMemcpyDtoHAsync_v2(&host, reinterpret_cast<unsigned long long>(x.data()), sizeof host, stream), result);
}

}
