// Copies between host and device, and fills. Memory is looked at when the call is made and again when it runs: it may have been freed in between.
#include "capture.h"
#include "context.h"
#include "host_memory.h"
#include "memory.h"
#include "streams.h"

#include <cstring>

namespace softgpu {
namespace {

// Fails the context where the range is not in live device memory any more.
bool is_still_device_range(const char* call, const void* address, std::size_t bytes)
{
    std::string why;
    if (is_device_range(address, bytes, &why))
        return true;
    fail(illegal_address, std::string(call) + " of " + std::to_string(bytes) + " bytes, when it ran: " + why);
    return false;
}

bool is_still_pinned(const char* call, const void* address, std::size_t bytes)
{
    if (is_pinned_range(address, bytes))
        return true;
    fail(illegal_address, std::string(call) + " of " + std::to_string(bytes) + " bytes, when it ran: the pinned host memory was freed");
    return false;
}

CUresult check_call(const char* call, const void* device, const void* host, std::size_t bytes)
{
    if (const CUresult status = ready(); status != success)
        return status;
    if (!host && bytes != 0)
        return explain(invalid_value, std::string(call) + ": the host address is null");
    return check_range(call, device, bytes);
}

}
}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuMemcpyHtoDAsync_v2(unsigned long long target, const void* source, std::size_t bytes, CUstream stream)
{
    constexpr const char* call = "cuMemcpyHtoDAsync";
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_call(call, pointer(target), source, bytes); status != success)
        return status;
    if (is_pinned_range(source, bytes)) {
        return add(stream, Kind::copy, call, [=] {
            if (is_still_device_range(call, pointer(target), bytes) && is_still_pinned(call, source, bytes))
                std::memcpy(pointer(target), source, bytes);
        });
    }
    if (is_capturing(stream))
        return refuse(stream, "cuMemcpyHtoDAsync from pageable host memory");
    return add(stream, Kind::copy, call, [=, staged = std::string(static_cast<const char*>(source), bytes)] {
        if (is_still_device_range(call, pointer(target), bytes))
            std::memcpy(pointer(target), staged.data(), bytes);
    });
}

SOFTGPU_EXPORT CUresult cuMemcpyDtoHAsync_v2(void* target, unsigned long long source, std::size_t bytes, CUstream stream)
{
    constexpr const char* call = "cuMemcpyDtoHAsync";
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_call(call, pointer(source), target, bytes); status != success)
        return status;
    const bool is_pinned = is_pinned_range(target, bytes);
    if (!is_pinned && is_capturing(stream))
        return refuse(stream, "cuMemcpyDtoHAsync to pageable host memory");
    const CUresult status = add(stream, Kind::copy, call, [=] {
        if (is_still_device_range(call, pointer(source), bytes) && (!is_pinned || is_still_pinned(call, target, bytes)))
            std::memcpy(target, pointer(source), bytes);
    });
    return status == success && !is_pinned ? wait_for(stream) : status;
}

SOFTGPU_EXPORT CUresult cuMemcpyDtoDAsync_v2(unsigned long long target, unsigned long long source, std::size_t bytes, CUstream stream)
{
    constexpr const char* call = "cuMemcpyDtoDAsync";
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    for (const auto address : {target, source})
        if (const CUresult status = check_range(call, pointer(address), bytes); status != success)
            return status;
    return add(stream, Kind::copy, call, [=] {
        if (is_still_device_range(call, pointer(target), bytes) && is_still_device_range(call, pointer(source), bytes))
            std::memmove(pointer(target), pointer(source), bytes);
    });
}

SOFTGPU_EXPORT CUresult cuMemsetD8Async(unsigned long long address, unsigned char value, std::size_t bytes, CUstream stream)
{
    constexpr const char* call = "cuMemsetD8Async";
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = check_range(call, pointer(address), bytes); status != success)
        return status;
    return add(stream, Kind::set, call, [=] {
        if (is_still_device_range(call, pointer(address), bytes))
            std::memset(pointer(address), value, bytes);
    });
}

}
