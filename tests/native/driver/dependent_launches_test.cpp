#include "planted_kernels.h"

#include <set>

namespace {

enum Fault { none, reads_early, writes_early, never_waits, lets_start_early };

class DependentLaunches : public PlantedKernels {
protected:
    // What `work` leaves in an array, with each seed and without, call by call and as a graph.
    template <typename Work>
    std::set<std::vector<float>> over_seeds(const DeviceArray<float>& result, Work&& work)
    {
        std::set<std::vector<float>> results;
        for (int seed = 0; seed <= seeds; seed++) {
            set_seed(seed);
            work();
            EXPECT_EQ(synchronize(), "") << "seed " << seed;
            results.insert(result.download());
            void* const graph = capture(work);
            void* executable = nullptr;
            EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
            EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
            EXPECT_EQ(synchronize(), "") << "seed " << seed;
            results.insert(result.download());
            EXPECT_EQ(cuGraphExecDestroy(executable), 0);
            EXPECT_EQ(cuGraphDestroy(graph), 0);
        }
        return results;
    }

    static unsigned long long address(const DeviceArray<float>& array) { return reinterpret_cast<unsigned long long>(array.data()); }

    CUresult clear(const DeviceArray<float>& array) { return cuMemsetD8Async(address(array), 0, array.bytes(), stream); }

    static std::vector<float> plus(std::vector<float> values, float addend)
    {
        for (float& value : values)
            value += addend;
        return values;
    }
};

TEST_F(DependentLaunches, KernelsThatWaitComeInTheirOrderWhateverStartsFirst)
{
    const DeviceArray<float> x(counting(4 * n)), y(4 * n), z(4 * n);
    const auto results = over_seeds(z, [&] {
        EXPECT_EQ(clear(y), 0);
        EXPECT_EQ(clear(z), 0);
        EXPECT_EQ(launch_on(stream, "copy_to", 4, x.data(), y.data(), 4 * n, 0), 0);
        for (int i = 0; i < 3; i++) {
            EXPECT_EQ(launch_with(dependent, "add_one_behind", 4, x.data(), y.data(), none), 0);
            EXPECT_EQ(launch_with(dependent, "add_one_behind", 4, y.data(), z.data(), none), 0);
            EXPECT_EQ(launch_with(dependent, "add_one_behind", 4, z.data(), y.data(), none), 0);
            EXPECT_EQ(launch_with(dependent, "add_one_behind", 4, y.data(), z.data(), none), 0);
        }
    });
    EXPECT_EQ(results, std::set{plus(counting(4 * n), 4)});
}

TEST_F(DependentLaunches, ReadsBeforeTheWaitSeeWhatWasThereBefore)
{
    const DeviceArray<float> x(counting(n)), y(n), z(n);
    const auto run = [&](auto&& launch_second) {
        return over_seeds(z, [&] {
            EXPECT_EQ(clear(y), 0);
            EXPECT_EQ(launch("add_one_behind", x.data(), y.data(), none), 0);
            EXPECT_EQ(launch_second(), 0);
        });
    };
    const auto right = plus(counting(n), 2);
    EXPECT_EQ(run([&] { return launch("add_one_behind", y.data(), z.data(), reads_early); }), std::set{right}) << "by an ordinary launch";
    const std::set expected{std::vector<float>(n, 1), right};
    EXPECT_EQ(run([&] { return launch_dependent("add_one_behind", y.data(), z.data(), reads_early); }), expected);
}

TEST_F(DependentLaunches, WritesBeforeTheWaitSpoilWhatTheKernelBeforeReads)
{
    const DeviceArray<float> x(counting(n)), y(n), z(n);
    const auto results = over_seeds(z, [&] {
        EXPECT_EQ(launch("add_one_behind", x.data(), y.data(), none), 0);
        EXPECT_EQ(launch("add_one_behind", y.data(), z.data(), none), 0);
        EXPECT_EQ(launch_dependent("add_one_behind", x.data(), y.data(), writes_early), 0);
    });
    EXPECT_EQ(results, (std::set{std::vector<float>(n, 0), plus(counting(n), 2)}));
}

TEST_F(DependentLaunches, AKernelThatNeverWaitsIsCaught)
{
    const DeviceArray<float> x(counting(n)), y(n);
    EXPECT_EQ(launch("add_one_behind", x.data(), y.data(), never_waits), 0);
    EXPECT_EQ(synchronize(), "") << "an ordinary launch needs no wait";
    EXPECT_EQ(launch_dependent("add_one_behind", x.data(), y.data(), never_waits), 0);
    EXPECT_TRUE(contains(synchronize(), "add_one_behind, block (0, 0, 0), thread (0, 0, 0): ended without a wait for the kernels before it"));
}

TEST_F(DependentLaunches, AKernelThatLetsTheNextOneStartBeforeItHasWaitedIsCaught)
{
    const DeviceArray<float> x(counting(n)), y(n);
    EXPECT_EQ(launch_dependent("add_one_behind", x.data(), y.data(), lets_start_early), 0);
    EXPECT_TRUE(contains(synchronize(), "griddepcontrol.launch_dependents at"));
}

TEST_F(DependentLaunches, SharedMemoryAndCopiesFromBeforeTheWaitStay)
{
    const DeviceArray<float> x(counting(8 * n)), w(counting(8 * n)), y(8 * n), z(8 * n);
    const auto results = over_seeds(z, [&] {
        EXPECT_EQ(clear(y), 0);
        EXPECT_EQ(launch_on(stream, "add_one_behind", 8, x.data(), y.data(), none), 0);
        EXPECT_EQ(launch_with(dependent, "add_fetched_before", 8, y.data(), w.data(), z.data()), 0);
        EXPECT_EQ(launch_with(dependent, "add_fetched_before", 8, z.data(), w.data(), y.data()), 0);
        EXPECT_EQ(launch_with(dependent, "add_fetched_before", 8, y.data(), w.data(), z.data()), 0);
    });
    std::vector<float> expected(8 * n);
    for (int i = 0; i < 8 * n; i++)
        expected[i] = static_cast<float>(i + 1 + 3 * (i / n * n + (i + 4) % n));
    EXPECT_EQ(results, std::set{expected});
}

TEST_F(DependentLaunches, WhatIsFetchedBeforeTheWaitIsNotWhatTheKernelBeforeWrites)
{
    const DeviceArray<float> x(std::vector<float>(n, 0)), w(n), z(n);
    const auto results = over_seeds(z, [&] {
        EXPECT_EQ(clear(w), 0);
        EXPECT_EQ(launch("add_one_behind", x.data(), w.data(), none), 0);
        EXPECT_EQ(launch_dependent("add_fetched_before", x.data(), w.data(), z.data()), 0);
    });
    EXPECT_EQ(results, (std::set{std::vector<float>(n, 0), std::vector<float>(n, 1)}));
}

TEST_F(DependentLaunches, WhatFailsBeforeOneThatHasBegunIsWhatIsReported)
{
    const DeviceArray<float> x(counting(n)), y(n);
    for (int seed = 1; seed <= seeds; seed++) {
        set_seed(seed);
        // It may have run and failed already.
        if (launch("add_one_behind", static_cast<float*>(nullptr), y.data(), none) == 0)
            launch_dependent("add_one_behind", x.data(), y.data(), none);
        EXPECT_TRUE(contains(synchronize(), "touched"));
        TearDown();
        SetUp();
    }
}

TEST_F(DependentLaunches, OtherAttributesAndGpusAreRefused)
{
    const DeviceArray<float> x(counting(n)), y(n);
    for (const LaunchAttribute& attribute : {LaunchAttribute{1, 0, {1}}, LaunchAttribute{7, 0, {1}}, LaunchAttribute{6, 0, {2}}})
        EXPECT_EQ(name_of(launch_with(attribute, "add_one_behind", 1, x.data(), y.data(), none)), "CUDA_ERROR_INVALID_VALUE") << attribute.id;
    EXPECT_EQ(launch_with({6, 0, {0}}, "add_one_behind", 1, x.data(), y.data(), never_waits), 0) << "as an ordinary launch";
    EXPECT_EQ(synchronize(), "");
    const Setting capability("SOFTGPU_COMPUTE_CAPABILITY", "89", "90");
    EXPECT_EQ(name_of(launch_dependent("add_one_behind", x.data(), y.data(), none)), "CUDA_ERROR_INVALID_VALUE");
}

TEST_F(DependentLaunches, ADriverWithoutProgrammaticEdgesCapturesNone)
{
    const DeviceArray<float> x(counting(n)), y(n);
    const Setting version("SOFTGPU_DRIVER_VERSION", "12020", "12040");
    EXPECT_EQ(launch_dependent("add_one_behind", x.data(), y.data(), none), 0);
    EXPECT_EQ(cuStreamBeginCapture_v2(stream, 1), 0);
    EXPECT_EQ(launch("add_one_behind", x.data(), y.data(), none), 0);
    EXPECT_EQ(name_of(launch_dependent("add_one_behind", x.data(), y.data(), none)), "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    void* graph = nullptr;
    EXPECT_EQ(name_of(cuStreamEndCapture(stream, &graph)), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
}

TEST_F(DependentLaunches, NoneStartsBehindALibrary)
{
    const DeviceArray<float> x(counting(n)), y(n);
    const auto enqueue_both = [&] {
        EXPECT_EQ(softgpu::enqueue(stream, "a product", [] {}), 0);
        const CUresult result = launch_dependent("add_one_behind", x.data(), y.data(), none);
        EXPECT_EQ(name_of(result), "CUDA_ERROR_INVALID_VALUE");
        EXPECT_TRUE(contains(explanation_of(result), "library"));
    };
    enqueue_both();
    cuGraphDestroy(capture(enqueue_both));
    EXPECT_EQ(launch("add_one_behind", x.data(), y.data(), none), 0);
    EXPECT_EQ(launch_dependent("add_one_behind", x.data(), y.data(), none), 0);
    EXPECT_EQ(synchronize(), "");
}

TEST_F(DependentLaunches, InACaptureTheyStandBehindKernels)
{
    const DeviceArray<float> x(counting(n)), y(n);
    cuGraphDestroy(capture([&] {
        EXPECT_EQ(name_of(launch_dependent("add_one_behind", x.data(), y.data(), none)), "CUDA_ERROR_INVALID_VALUE") << "the first node";
        EXPECT_EQ(clear(y), 0);
        EXPECT_EQ(name_of(launch_dependent("add_one_behind", x.data(), y.data(), none)), "CUDA_ERROR_INVALID_VALUE") << "behind a fill";
    }));
    EXPECT_EQ(clear(y), 0);
    EXPECT_EQ(launch_dependent("add_one_behind", x.data(), y.data(), none), 0) << "without a capture it comes after the fill";
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(y.download(), plus(counting(n), 1));
}

TEST_F(DependentLaunches, CodeForOlderGpusHasNoWait)
{
    const DeviceArray<float> x(counting(n)), y(n);
    void* function = nullptr;
    ASSERT_EQ(cuModuleGetFunction(&function, module_, "add_one_behind"), 0);
    int architecture = 0;
    constexpr int ptx_version = 5;
    EXPECT_EQ(cuFuncGetAttribute(&architecture, ptx_version, function), 0);
    EXPECT_EQ(architecture, 90);
    const Setting compiled_for("SOFTGPU_KERNEL_ARCHITECTURE", "80");
    EXPECT_EQ(cuFuncGetAttribute(&architecture, ptx_version, function), 0);
    EXPECT_EQ(architecture, 80);
    EXPECT_EQ(launch_dependent("add_one_behind", x.data(), y.data(), none), 0);
    EXPECT_TRUE(contains(synchronize(), "ended without a wait for the kernels before it"));
}

}
