// What the pretended device says of itself.
#include "context.h"
#include "options.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>

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
    };
    switch (attribute) {
    case multiprocessor_count: *value = static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); return success;
    case compute_capability_major: *value = static_cast<int>(options().compute_capability / 10); return success;
    case compute_capability_minor: *value = static_cast<int>(options().compute_capability % 10); return success;
    default: return explain(invalid_value, "the software GPU knows no device attribute " + std::to_string(attribute));
    }
}

}
