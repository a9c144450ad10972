#include "planted_kernels.h"

namespace {

class LiveObjects : public PlantedKernels {};

TEST_F(LiveObjects, EachKindIsCountedFromItsBeginToItsEnd)
{
    const long streams = softgpu_live("stream"), modules = softgpu_live("module");
    EXPECT_EQ(streams, 1);
    EXPECT_EQ(modules, 1);

    CUstream other = nullptr;
    EXPECT_EQ(cuStreamCreate(&other, 1), 0);
    EXPECT_EQ(softgpu_live("stream"), streams + 1);
    EXPECT_EQ(cuStreamDestroy_v2(other), 0);
    EXPECT_EQ(softgpu_live("stream"), streams);

    void* const module = load_module();
    EXPECT_EQ(softgpu_live("module"), modules + 1);
    EXPECT_EQ(cuModuleUnload(module), 0);
    EXPECT_EQ(softgpu_live("module"), modules);

    void* event = nullptr;
    EXPECT_EQ(softgpu_live("event"), 0);
    EXPECT_EQ(cuEventCreate(&event, 2), 0);
    EXPECT_EQ(softgpu_live("event"), 1);
    EXPECT_EQ(cuEventDestroy_v2(event), 0);
    EXPECT_EQ(softgpu_live("event"), 0);

    void* pinned = nullptr;
    EXPECT_EQ(softgpu_live("host_allocation"), 0);
    EXPECT_EQ(cuMemHostAlloc(&pinned, 4, 0), 0);
    EXPECT_EQ(softgpu_live("host_allocation"), 1);
    EXPECT_EQ(cuMemFreeHost(pinned), 0);
    EXPECT_EQ(softgpu_live("host_allocation"), 0);

    EXPECT_EQ(softgpu_live("allocation"), 0);
    DeviceArray<float> x(std::vector<float>(n, 1));
    EXPECT_EQ(softgpu_live("allocation"), 1);

    EXPECT_EQ(softgpu_live("graph"), 0);
    EXPECT_EQ(softgpu_live("graph_exec"), 0);
    void* const graph = capture([&] { launch("scale_and_shift", x.data(), 2.0f, 0.0f, n); });
    EXPECT_EQ(softgpu_live("graph"), 1);
    void* executable = nullptr;
    EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    EXPECT_EQ(softgpu_live("graph_exec"), 1);
    EXPECT_EQ(cuGraphDestroy(graph), 0);
    EXPECT_EQ(cuGraphExecDestroy(executable), 0);
    EXPECT_EQ(softgpu_live("graph"), 0);
    EXPECT_EQ(softgpu_live("graph_exec"), 0);
    x.release();
    EXPECT_EQ(softgpu_live("allocation"), 0);
}

TEST_F(LiveObjects, NoneOutliveTheContext)
{
    void *event = nullptr, *pinned = nullptr, *executable = nullptr;
    unsigned long long memory = 0;
    EXPECT_EQ(cuEventCreate(&event, 2), 0);
    EXPECT_EQ(cuMemHostAlloc(&pinned, 4, 0), 0);
    EXPECT_EQ(cuMemAlloc_v2(&memory, 4), 0);
    void* const graph = capture([] {});
    EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    constexpr const char* kinds[] = {"graph", "graph_exec", "event", "stream", "module", "allocation", "host_allocation"};
    for (const char* kind : kinds)
        EXPECT_EQ(softgpu_live(kind), 1) << kind;
    EXPECT_EQ(cuDevicePrimaryCtxRelease_v2(0), 0);
    for (const char* kind : kinds)
        EXPECT_EQ(softgpu_live(kind), 0) << kind;
    EXPECT_EQ(cuDevicePrimaryCtxRetain(&context, 0), 0);
}

TEST_F(LiveObjects, OtherKindsAreUnknown)
{
    for (const char* kind : {"", "graphs", "kernel"})
        EXPECT_EQ(softgpu_live(kind), -1) << kind;
}

}
