#include "gpu.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

// CUlaunchAttribute and CUlaunchConfig.
struct LaunchAttribute
{
    int id;
    int padding;
    int value[16];
};

struct LaunchConfiguration
{
    unsigned grid[3], block[3];
    unsigned shared_bytes;
    void* stream;
    const LaunchAttribute* attributes;
    unsigned attribute_count;
};

extern "C" {
int cuInit(unsigned flags);
int cuDeviceGet(int* device, int ordinal);
int cuDevicePrimaryCtxRetain(void** context, int device);
int cuCtxSetCurrent(void* context);
int cuMemAlloc_v2(std::uint64_t* address, std::size_t bytes);
int cuMemFree_v2(std::uint64_t address);
int cuMemcpyHtoDAsync_v2(std::uint64_t target, const void* source, std::size_t bytes, void* stream);
int cuMemcpyDtoHAsync_v2(void* target, std::uint64_t source, std::size_t bytes, void* stream);
int cuModuleLoadData(void** module, const void* image);
int cuModuleGetFunction(void** function, void* module, const char* name);
int cuFuncSetAttribute(void* function, int attribute, int value);
int cuLaunchKernelEx(const struct LaunchConfiguration* configuration, void* function, void** arguments, void** extra);
int cuStreamCreate(void** stream, unsigned flags);
int cuStreamSynchronize(void* stream);
int cuGetErrorString(int error, const char** text);
}

namespace {

void check(int result, const char* call, const std::string& doing)
{
    if (result == 0)
        return;
    const char* text = nullptr;
    cuGetErrorString(result, &text);
    throw std::runtime_error(std::string(call) + " failed with " + std::to_string(result) + " (" + (text != nullptr ? text : "unknown") + ") " + doing);
}

struct Gpu
{
    void* stream = nullptr;
    void* module = nullptr;
    std::map<std::string, void*> functions;

    Gpu()
    {
        int device = 0;
        void* context = nullptr;
        check(cuInit(0), "cuInit", "starting the driver");
        check(cuDeviceGet(&device, 0), "cuDeviceGet", "opening device 0");
        check(cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain", "opening device 0");
        check(cuCtxSetCurrent(context), "cuCtxSetCurrent", "opening device 0");
        check(cuStreamCreate(&stream, 1), "cuStreamCreate", "making the stream of the tests");
        const char* const named = std::getenv("VBILSTM_KERNELS");
        const std::string path = named != nullptr ? named : VBILSTM_KERNEL_IMAGE;
        std::ifstream file(path, std::ios::binary);
        const std::vector<char> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        if (image.empty())
            throw std::runtime_error("cannot read the kernels' image " + path);
        check(cuModuleLoadData(&module, image.data()), "cuModuleLoadData", "loading " + path);
    }

    void* function(const char* kernel)
    {
        void*& found = functions[kernel];
        if (found == nullptr)
            check(cuModuleGetFunction(&found, module, kernel), "cuModuleGetFunction", std::string("looking for ") + kernel);
        return found;
    }

    void synchronise(const std::string& doing) { check(cuStreamSynchronize(stream), "cuStreamSynchronize", doing); }
};

Gpu& gpu()
{
    static Gpu instance;
    return instance;
}

constexpr int most_dynamic_shared_memory = 8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
constexpr unsigned thin_shared_bytes = 96 << 10; // of products of few rows

std::uint64_t number(const void* address) { return reinterpret_cast<std::uint64_t>(address); }

}

void* allocate(std::size_t bytes)
{
    gpu();
    std::uint64_t address = 0;
    check(cuMemAlloc_v2(&address, bytes), "cuMemAlloc", "allocating " + std::to_string(bytes) + " bytes");
    return reinterpret_cast<void*>(address);
}

void release(void* address)
{
    check(cuMemFree_v2(number(address)), "cuMemFree", "releasing memory");
}

void upload(void* target, const void* source, std::size_t bytes)
{
    check(cuMemcpyHtoDAsync_v2(number(target), source, bytes, gpu().stream), "cuMemcpyHtoDAsync", "uploading");
    gpu().synchronise("uploading");
}

void download(void* target, const void* source, std::size_t bytes)
{
    check(cuMemcpyDtoHAsync_v2(target, number(source), bytes, gpu().stream), "cuMemcpyDtoHAsync", "downloading");
    gpu().synchronise("downloading");
}

void enqueue_untyped(const char* kernel, Dimensions grid, Dimensions block, void** arguments)
{
    constexpr LaunchAttribute programmatic_stream_serialization{6, 0, {1}};
    const unsigned shared_bytes = std::string(kernel).rfind("thin_multiply", 0) == 0 ? thin_shared_bytes : 0;
    const std::string doing = std::string("running ") + kernel;
    if (shared_bytes > 0)
        check(cuFuncSetAttribute(gpu().function(kernel), most_dynamic_shared_memory, static_cast<int>(shared_bytes)), "cuFuncSetAttribute", doing);
    const LaunchConfiguration configuration{
        {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared_bytes, gpu().stream, &programmatic_stream_serialization, 1};
    check(cuLaunchKernelEx(&configuration, gpu().function(kernel), arguments, nullptr), "cuLaunchKernelEx", doing);
}

void launch_cooperatively_untyped(const char* kernel, unsigned blocks, unsigned shared_bytes, void** arguments)
{
    constexpr LaunchAttribute cooperative{2, 0, {1}};
    const std::string doing = std::string("running ") + kernel;
    check(cuFuncSetAttribute(gpu().function(kernel), most_dynamic_shared_memory, static_cast<int>(shared_bytes)), "cuFuncSetAttribute", doing);
    const LaunchConfiguration configuration{{blocks, 1, 1}, {256, 1, 1}, shared_bytes, gpu().stream, &cooperative, 1};
    check(cuLaunchKernelEx(&configuration, gpu().function(kernel), arguments, nullptr), "cuLaunchKernelEx", doing);
    gpu().synchronise(doing);
}

void launch_untyped(const char* kernel, Dimensions grid, Dimensions block, void** arguments)
{
    enqueue_untyped(kernel, grid, block, arguments);
    gpu().synchronise(std::string("running ") + kernel);
}
