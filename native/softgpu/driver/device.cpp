// What the pretended device says of itself.
#include "context.h"
#include "device.h"
#include "options.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>

namespace softgpu {

int multiprocessors()
{
    return options().multiprocessors > 0 ? static_cast<int>(options().multiprocessors) : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// CUDA programming guide, "Technical Specifications per Compute Capability".
int shared_memory_of_block()
{
    if (options().shared_memory > 0)
        return static_cast<int>(options().shared_memory);
    switch (options().compute_capability) {
    case 70: return 96 << 10;
    case 75: return 64 << 10;
    case 80:
    case 87: return 163 << 10;
    case 90:
    case 100: return 227 << 10;
    default: return 99 << 10;
    }
}

}

using namespace softgpu;

extern "C" {

// The only call that needs no cuInit.
SOFTGPU_EXPORT CUresult cuDriverGetVersion(int* version)
{
    const std::lock_guard lock(driver_lock());
    read_environment();
    *version = static_cast<int>(options().driver_version);
    return success;
}

SOFTGPU_EXPORT CUresult cuDeviceGetCount(int* count)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_initialised(); status != success)
        return status;
    *count = static_cast<int>(std::max(0l, options().devices));
    return success;
}

SOFTGPU_EXPORT CUresult cuDeviceGet(int* device, int ordinal)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_device(ordinal); status != success)
        return status;
    *device = ordinal;
    return success;
}

SOFTGPU_EXPORT CUresult cuDeviceGetName(char* name, int length, int device)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_device(device); status != success)
        return status;
    if (length <= 0)
        return explain(invalid_value, "no room for the name");
    std::strncpy(name, "Software GPU", static_cast<std::size_t>(length) - 1);
    name[length - 1] = 0;
    return success;
}

// Every process has devices of its own.
SOFTGPU_EXPORT CUresult cuDeviceGetPCIBusId(char* text, int length, int device)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_device(device); status != success)
        return status;
    if (std::snprintf(text, static_cast<std::size_t>(std::max(0, length)), "%04x:%02x:00.0", 0, device) >= length)
        return explain(invalid_value, "no room for the device's place on the bus");
    return success;
}

SOFTGPU_EXPORT CUresult cuDeviceGetAttribute(int* value, int attribute, int device)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_device(device); status != success)
        return status;
    enum {
        multiprocessor_count = 16,
        compute_capability_major = 75,
        compute_capability_minor = 76,
        cooperative_launch = 95,
        most_shared_memory_of_block = 97,
    };
    switch (attribute) {
    case multiprocessor_count: *value = multiprocessors(); return success;
    case compute_capability_major: *value = static_cast<int>(options().compute_capability / 10); return success;
    case compute_capability_minor: *value = static_cast<int>(options().compute_capability % 10); return success;
    case cooperative_launch: *value = options().cooperative_launch != 0; return success;
    case most_shared_memory_of_block: *value = shared_memory_of_block(); return success;
    default: return explain(invalid_value, "the software GPU knows no device attribute " + std::to_string(attribute));
    }
}

}
