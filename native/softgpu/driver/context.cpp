#include "context.h"
#include "execution.h"
#include "memory.h"
#include "modules.h"
#include "streams.h"

#include <cstdlib>
#include <cstring>
#include <thread>

namespace softgpu {
namespace {

thread_local void* current_context = nullptr;

struct Setting {
    const char* name;
    long Options::*value;
};

constexpr Setting settings[] = {
    {"SOFTGPU_SEED", &Options::seed},
    {"SOFTGPU_MEMORY", &Options::memory},
    {"SOFTGPU_FAIL_ALLOCATION", &Options::fail_allocation},
    {"SOFTGPU_FAIL_LAUNCH", &Options::fail_launch},
    {"SOFTGPU_LOSE_DEVICE", &Options::lose_device},
    {"SOFTGPU_FAIL_GRAPH", &Options::fail_graph},
    {"SOFTGPU_DRIVER_VERSION", &Options::driver_version},
    {"SOFTGPU_DEVICES", &Options::devices},
    {"SOFTGPU_COMPUTE_CAPABILITY", &Options::compute_capability},
    {"SOFTGPU_CUBLAS_VERSION", &Options::cublas_version},
    {"SOFTGPU_CUDNN_VERSION", &Options::cudnn_version},
    {"SOFTGPU_THREADS", &Options::threads},
};

void begin_again()
{
    Context& state = context();
    state.error = success;
    state.error_message.clear();
    state.allocations = state.launches = state.graphs = 0;
    state.random.seed(static_cast<unsigned long>(options().seed));
}

}

std::recursive_mutex& driver_lock()
{
    static std::recursive_mutex lock;
    return lock;
}

Context& context()
{
    static Context state;
    return state;
}

Options& mutable_options()
{
    static Options values;
    return values;
}

const Options& options() { return mutable_options(); }

void read_environment()
{
    for (const auto& setting : settings)
        if (const char* text = std::getenv(setting.name))
            mutable_options().*setting.value = std::strtol(text, nullptr, 10);
}

std::size_t choose(std::size_t n)
{
    return options().seed == 0 || n < 2 ? 0 : context().random() % n;
}

CUresult ready()
{
    if (!context().initialised)
        return explain(not_initialized, "cuInit comes first");
    if (!current_context)
        return explain(invalid_context, "no context is current on this thread");
    return context().error;
}

void fail(CUresult code, const std::string& message)
{
    const std::lock_guard lock(driver_lock());
    if (context().error != success)
        return;
    context().error = code;
    context().error_message = message;
}

bool has_current_context() { return current_context != nullptr; }

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT int softgpu_configure(const char* name, const char* value)
{
    const std::lock_guard lock(driver_lock());
    for (const auto& setting : settings) {
        if (std::strcmp(setting.name, name) == 0) {
            mutable_options().*setting.value = std::strtol(value, nullptr, 10);
            if (setting.value == &Options::seed)
                context().random.seed(static_cast<unsigned long>(options().seed));
            return 0;
        }
    }
    return 1;
}

SOFTGPU_EXPORT CUresult cuInit(unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (flags != 0)
        return explain(invalid_value, "the flags of cuInit must be 0");
    if (!context().initialised) {
        read_environment();
        if (options().devices <= 0)
            return no_device;
        begin_again();
        install_fault_handler();
        context().initialised = true;
    }
    return success;
}

SOFTGPU_EXPORT CUresult cuDriverGetVersion(int* version)
{
    read_environment();
    *version = static_cast<int>(options().driver_version);
    return success;
}

SOFTGPU_EXPORT CUresult cuDeviceGetCount(int* count)
{
    *count = static_cast<int>(options().devices);
    return context().initialised ? success : not_initialized;
}

SOFTGPU_EXPORT CUresult cuDeviceGet(int* device, int ordinal)
{
    *device = ordinal;
    return ordinal >= 0 && ordinal < options().devices ? success : invalid_device;
}

SOFTGPU_EXPORT CUresult cuDeviceGetName(char* name, int length, int)
{
    constexpr const char* text = "Software GPU";
    if (length <= 0)
        return explain(invalid_value, "no room for the name");
    std::strncpy(name, text, static_cast<std::size_t>(length) - 1);
    name[length - 1] = 0;
    return success;
}

SOFTGPU_EXPORT CUresult cuDeviceTotalMem_v2(std::size_t* bytes, int)
{
    *bytes = static_cast<std::size_t>(options().memory);
    return success;
}

SOFTGPU_EXPORT CUresult cuDeviceGetAttribute(int* value, int attribute, int)
{
    switch (attribute) {
    case 1: *value = 1024; break;                                             // threads per block
    case 8: *value = 48 << 10; break;                                         // shared memory per block
    case 10: *value = 32; break;                                              // warp size
    case 16: *value = static_cast<int>(std::thread::hardware_concurrency()); break; // multiprocessors
    case 75: *value = static_cast<int>(options().compute_capability / 10); break;
    case 76: *value = static_cast<int>(options().compute_capability % 10); break;
    default: return explain(invalid_value, "the software GPU knows no attribute " + std::to_string(attribute));
    }
    return success;
}

SOFTGPU_EXPORT CUresult cuDevicePrimaryCtxRetain(void** result, int device)
{
    const std::lock_guard lock(driver_lock());
    if (!context().initialised)
        return explain(not_initialized, "cuInit comes first");
    if (device < 0 || device >= options().devices)
        return invalid_device;
    context().retained++;
    *result = &context();
    return success;
}

SOFTGPU_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(int)
{
    const std::lock_guard lock(driver_lock());
    if (context().retained == 0)
        return explain(invalid_context, "the context was released more often than retained");
    if (--context().retained == 0) {
        drain();
        forget_streams();
        forget_modules();
        forget_memory();
        begin_again();
    }
    return success;
}

SOFTGPU_EXPORT CUresult cuCtxSetCurrent(void* given)
{
    const std::lock_guard lock(driver_lock());
    if (given && (given != &context() || context().retained == 0))
        return explain(invalid_context, "the context is not retained");
    current_context = given;
    return success;
}

SOFTGPU_EXPORT CUresult cuCtxGetCurrent(void** result)
{
    *result = current_context;
    return success;
}

SOFTGPU_EXPORT CUresult cuProfilerStart() { return success; }
SOFTGPU_EXPORT CUresult cuProfilerStop() { return success; }

}
