#include "options.h"
#include "context.h"

#include <cstdlib>
#include <cstring>

namespace softgpu {
namespace {

struct Setting {
    const char* name;
    long Options::*value;
    long events = 0;
};

Setting settings[] = {
    {"SOFTGPU_SEED", &Options::seed},
    {"SOFTGPU_MEMORY", &Options::memory},
    {"SOFTGPU_FAIL_ALLOCATION", &Options::fail_allocation},
    {"SOFTGPU_FAIL_LAUNCH", &Options::fail_launch},
    {"SOFTGPU_LOSE_DEVICE", &Options::lose_device},
    {"SOFTGPU_FAIL_GRAPH", &Options::fail_graph},
    {"SOFTGPU_FAIL_HEURISTIC", &Options::fail_heuristic},
    {"SOFTGPU_FAIL_CUDNN", &Options::fail_cudnn},
    {"SOFTGPU_UNEVEN_CUDNN", &Options::uneven_cudnn},
    {"SOFTGPU_DRIVER_VERSION", &Options::driver_version},
    {"SOFTGPU_DEVICES", &Options::devices},
    {"SOFTGPU_COMPUTE_CAPABILITY", &Options::compute_capability},
    {"SOFTGPU_MULTIPROCESSORS", &Options::multiprocessors},
    {"SOFTGPU_SHARED_MEMORY", &Options::shared_memory},
    {"SOFTGPU_COOPERATIVE_LAUNCH", &Options::cooperative_launch},
    {"SOFTGPU_KERNEL_ARCHITECTURE", &Options::kernel_architecture},
    {"SOFTGPU_CUBLAS_VERSION", &Options::cublas_version},
    {"SOFTGPU_CUDNN_VERSION", &Options::cudnn_version},
    {"SOFTGPU_CUDNN_CUDART_VERSION", &Options::cudnn_cudart_version},
    {"SOFTGPU_NCCL_VERSION", &Options::nccl_version},
    {"SOFTGPU_THREADS", &Options::threads},
};

Options values;

bool set(Setting& setting, const char* text)
{
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);
    if (end == text || *end != 0)
        return false;
    values.*setting.value = value;
    setting.events = 0;
    return true;
}

}

const Options& options() { return values; }

void read_environment()
{
    static bool is_read = false;
    if (is_read)
        return;
    is_read = true;
    for (auto& setting : settings)
        if (const char* text = std::getenv(setting.name))
            set(setting, text);
}

bool is_due(long Options::*fault)
{
    for (auto& setting : settings)
        if (setting.value == fault)
            return ++setting.events == values.*fault;
    return false;
}

void count_faults_anew()
{
    for (auto& setting : settings)
        setting.events = 0;
}

}

using namespace softgpu;

// 0, or 1 where there is no such option or the value is no number.
extern "C" SOFTGPU_EXPORT int softgpu_configure(const char* name, const char* value)
{
    const std::lock_guard lock(driver_lock());
    read_environment();
    for (auto& setting : settings) {
        if (std::strcmp(setting.name, name) != 0)
            continue;
        if (!set(setting, value))
            return 1;
        if (setting.value == &Options::seed)
            restart_choices();
        return 0;
    }
    return 1;
}
