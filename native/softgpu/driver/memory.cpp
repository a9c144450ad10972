#include "memory.h"
#include "context.h"
#include "streams.h"

#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

namespace softgpu {
namespace {

constexpr std::size_t alignment = 256;
constexpr unsigned char canary = 0xc5;

// A signalling NaN: arithmetic on it is invalid and leaves its quiet twin.
constexpr std::uint32_t never_written = 0x7fbadbad;
constexpr std::uint32_t computed_from_never_written = 0x7ffadbad;

// Address space of freed memory kept inaccessible, so that later uses are caught.
constexpr std::size_t quarantine_bytes = std::size_t(1) << 30;

struct Allocation {
    long number;
    unsigned char* address;
    std::size_t bytes;
    unsigned char* mapping;
    std::size_t mapped;
    bool live;
};

std::map<std::uintptr_t, Allocation> allocations; // by the start of the mapping, guard pages included
std::deque<std::uintptr_t> quarantine;
std::size_t quarantined;
std::size_t used;
std::map<std::uintptr_t, std::size_t> pinned;

std::uintptr_t number(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

std::size_t round_up(std::size_t value, std::size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// The allocation whose mapping holds the address.
Allocation* mapping_of(const void* address)
{
    auto after = allocations.upper_bound(number(address));
    if (after == allocations.begin())
        return nullptr;
    Allocation& found = std::prev(after)->second;
    return number(address) < number(found.mapping) + found.mapped ? &found : nullptr;
}

std::string name(const Allocation& allocation)
{
    return "allocation " + std::to_string(allocation.number) + " of " + std::to_string(allocation.bytes) + " bytes";
}

void unmap(const Allocation& allocation) { munmap(allocation.mapping, allocation.mapped); }

CUresult allocate(void** result, std::size_t bytes)
{
    if (bytes == 0)
        return explain(invalid_value, "an allocation of 0 bytes");
    if (++context().allocations == options().fail_allocation || used + bytes > static_cast<std::size_t>(options().memory))
        return explain(out_of_memory, std::to_string(bytes) + " bytes asked, " + std::to_string(static_cast<std::size_t>(options().memory) - used) + " free");
    const std::size_t inner = round_up(round_up(bytes, alignment), page());
    const std::size_t mapped = inner + 2 * page();
    void* const mapping = mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED)
        return explain(out_of_memory, "the host has no room");
    auto* const first = static_cast<unsigned char*>(mapping) + page();
    mprotect(first, inner, PROT_READ | PROT_WRITE);

    // As near as possible to the guard page behind; what is left up to it holds canaries.
    unsigned char* const address = first + inner - round_up(bytes, alignment);
    std::uint32_t pattern = never_written;
    for (std::size_t i = 0; i + 4 <= bytes; i += 4)
        std::memcpy(address + i, &pattern, 4);
    std::memset(address + bytes / 4 * 4, 0xff, bytes % 4);
    std::memset(address + bytes, canary, static_cast<std::size_t>(first + inner - (address + bytes)));
    allocations[number(mapping)] = {context().allocations, address, bytes, static_cast<unsigned char*>(mapping), mapped, true};
    used += bytes;
    *result = address;
    return success;
}

CUresult release(void* address)
{
    Allocation* const allocation = mapping_of(address);
    if (!allocation)
        return explain(invalid_value, "cuMemFree of an address that is no device memory");
    if (!allocation->live)
        return explain(invalid_value, "cuMemFree of " + name(*allocation) + ", which is free already");
    if (allocation->address != address)
        return explain(invalid_value, "cuMemFree of an address inside " + name(*allocation));
    drain();
    allocation->live = false;
    used -= allocation->bytes;
    mprotect(allocation->mapping, allocation->mapped, PROT_NONE);
    madvise(allocation->mapping, allocation->mapped, MADV_DONTNEED);
    quarantine.push_back(number(allocation->mapping));
    quarantined += allocation->mapped;
    while (quarantined > quarantine_bytes && quarantine.size() > 1) {
        const Allocation oldest = allocations[quarantine.front()];
        quarantined -= oldest.mapped;
        unmap(oldest);
        allocations.erase(quarantine.front());
        quarantine.pop_front();
    }
    return context().error;
}

}

bool is_device_range(const void* address, std::size_t bytes, std::string* why)
{
    const std::lock_guard lock(driver_lock());
    const auto answer = [&](const std::string& text) {
        if (why)
            *why = text;
        return false;
    };
    const Allocation* const allocation = mapping_of(address);
    if (!allocation)
        return answer(is_pinned_range(address, 1) ? "it is host memory" : "it is no device memory");
    if (!allocation->live)
        return answer("it is in " + name(*allocation) + ", which was freed");
    const auto start = number(allocation->address);
    const auto end = start + allocation->bytes;
    if (number(address) < start || number(address) > end)
        return answer(describe_address(address));
    if (bytes > end - number(address))
        return answer("it ends " + std::to_string(number(address) + bytes - end) + " bytes past the end of " + name(*allocation));
    return true;
}

bool is_device_address(const void* address) { return mapping_of(address) != nullptr; }

std::string describe_address(const void* address)
{
    const Allocation* const allocation = mapping_of(address);
    if (!allocation)
        return address == nullptr ? "the null address" : "an address that is no device memory";
    const auto at = number(address);
    const auto start = number(allocation->address);
    if (!allocation->live)
        return "an address in " + name(*allocation) + ", which was freed";
    if (at < start)
        return std::to_string(start - at) + " bytes before " + name(*allocation);
    if (at >= start + allocation->bytes)
        return std::to_string(at - start - allocation->bytes) + " bytes past the end of " + name(*allocation);
    return "byte " + std::to_string(at - start) + " of " + name(*allocation);
}

bool is_pinned_range(const void* address, std::size_t bytes)
{
    auto after = pinned.upper_bound(number(address));
    if (after == pinned.begin())
        return false;
    const auto& [start, size] = *std::prev(after);
    return number(address) + bytes <= start + size;
}

void check_canaries(const char* what)
{
    for (const auto& [key, allocation] : allocations) {
        if (!allocation.live)
            continue;
        const unsigned char* const end = allocation.mapping + allocation.mapped - page();
        for (const unsigned char* byte = allocation.address + allocation.bytes; byte < end; byte++) {
            if (*byte != canary) {
                fail(illegal_address, std::string(what) + " wrote " + describe_address(byte));
                return;
            }
        }
    }
}

void check_uninitialised_reads(const char* what)
{
    for (const auto& [key, allocation] : allocations) {
        if (!allocation.live)
            continue;
        for (std::size_t i = 0; i + 4 <= allocation.bytes; i += 4) {
            std::uint32_t value;
            std::memcpy(&value, allocation.address + i, 4);
            if ((value & 0x7fffffff) == computed_from_never_written) {
                fail(launch_failed, std::string(what) + " computed with device memory that nothing had written; the result is at byte " + std::to_string(i) + " of " + name(allocation));
                return;
            }
        }
    }
}

void forget_memory()
{
    for (const auto& [key, allocation] : allocations)
        unmap(allocation);
    allocations.clear();
    quarantine.clear();
    quarantined = used = 0;
    for (const auto& [start, size] : pinned)
        munmap(reinterpret_cast<void*>(start), size);
    pinned.clear();
}

}

using namespace softgpu;

namespace {

void copy(const char* what, void* target, const void* source, std::size_t bytes, const void* device, const void* other_device)
{
    std::string why;
    for (const void* checked : {device, other_device}) {
        if (checked && !is_device_range(checked, bytes, &why)) {
            fail(illegal_address, std::string(what) + " of " + std::to_string(bytes) + " bytes: " + why);
            return;
        }
    }
    std::memcpy(target, source, bytes);
}

void* at(unsigned long long address) { return reinterpret_cast<void*>(address); }

CUresult refuse_range(const char* call, const void* address, std::size_t bytes)
{
    std::string why;
    return is_device_range(address, bytes, &why) ? success : explain(invalid_value, std::string(call) + " of " + std::to_string(bytes) + " bytes: " + why);
}

}

extern "C" {

SOFTGPU_EXPORT CUresult cuMemAlloc_v2(unsigned long long* result, std::size_t bytes)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_in_capture("cuMemAlloc"); status != success)
        return status;
    void* address = nullptr;
    const CUresult status = allocate(&address, bytes);
    *result = reinterpret_cast<unsigned long long>(address);
    return status;
}

SOFTGPU_EXPORT CUresult cuMemFree_v2(unsigned long long address)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_in_capture("cuMemFree"); status != success)
        return status;
    return address == 0 ? success : release(at(address));
}

SOFTGPU_EXPORT CUresult cuMemGetInfo_v2(std::size_t* free, std::size_t* total)
{
    const std::lock_guard lock(driver_lock());
    *total = static_cast<std::size_t>(options().memory);
    *free = *total - used;
    return ready();
}

SOFTGPU_EXPORT CUresult cuMemHostAlloc(void** result, std::size_t bytes, unsigned)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_in_capture("cuMemHostAlloc"); status != success)
        return status;
    const std::size_t mapped = round_up(bytes, page());
    void* const mapping = bytes == 0 ? MAP_FAILED : mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return explain(bytes == 0 ? invalid_value : out_of_memory, "pinned host memory of " + std::to_string(bytes) + " bytes");
    pinned[number(mapping)] = mapped;
    *result = mapping;
    return success;
}

SOFTGPU_EXPORT CUresult cuMemFreeHost(void* address)
{
    const std::lock_guard lock(driver_lock());
    const auto found = pinned.find(number(address));
    if (found == pinned.end())
        return explain(invalid_value, "cuMemFreeHost of an address that cuMemHostAlloc did not give");
    drain();
    munmap(address, found->second);
    pinned.erase(found);
    return context().error;
}

SOFTGPU_EXPORT CUresult cuMemcpyHtoDAsync_v2(unsigned long long target, const void* source, std::size_t bytes, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_range("cuMemcpyHtoDAsync", at(target), bytes); status != success)
        return status;
    if (is_pinned_range(source, bytes))
        return add(stream, Kind::copy, "cuMemcpyHtoDAsync", [=] { copy("cuMemcpyHtoDAsync", at(target), source, bytes, at(target), nullptr); });
    if (is_capturing(stream))
        return refuse(stream, "cuMemcpyHtoDAsync from pageable host memory");
    std::string staged(static_cast<const char*>(source), bytes);
    return add(stream, Kind::copy, "cuMemcpyHtoDAsync",
        [target, bytes, staged = std::move(staged)] { copy("cuMemcpyHtoDAsync", at(target), staged.data(), bytes, at(target), nullptr); });
}

SOFTGPU_EXPORT CUresult cuMemcpyDtoHAsync_v2(void* target, unsigned long long source, std::size_t bytes, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_range("cuMemcpyDtoHAsync", at(source), bytes); status != success)
        return status;
    const bool is_pinned = is_pinned_range(target, bytes);
    if (!is_pinned && is_capturing(stream))
        return refuse(stream, "cuMemcpyDtoHAsync to pageable host memory");
    const CUresult status = add(stream, Kind::copy, "cuMemcpyDtoHAsync", [=] { copy("cuMemcpyDtoHAsync", target, at(source), bytes, at(source), nullptr); });
    return status == success && !is_pinned ? wait_for(stream) : status;
}

SOFTGPU_EXPORT CUresult cuMemcpyDtoDAsync_v2(unsigned long long target, unsigned long long source, std::size_t bytes, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    for (const auto address : {target, source})
        if (const CUresult status = refuse_range("cuMemcpyDtoDAsync", at(address), bytes); status != success)
            return status;
    return add(stream, Kind::copy, "cuMemcpyDtoDAsync", [=] { copy("cuMemcpyDtoDAsync", at(target), at(source), bytes, at(target), at(source)); });
}

SOFTGPU_EXPORT CUresult cuMemsetD8Async(unsigned long long address, unsigned char value, std::size_t bytes, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_range("cuMemsetD8Async", at(address), bytes); status != success)
        return status;
    return add(stream, Kind::set, "cuMemsetD8Async", [=] {
        std::string why;
        if (!is_device_range(at(address), bytes, &why))
            fail(illegal_address, "cuMemsetD8Async of " + std::to_string(bytes) + " bytes: " + why);
        else
            std::memset(at(address), value, bytes);
    });
}

}
