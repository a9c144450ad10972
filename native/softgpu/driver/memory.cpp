#include "memory.h"
#include "capture.h"
#include "context.h"
#include "host_memory.h"
#include "options.h"
#include "streams.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace softgpu {
namespace {

constexpr std::size_t alignment = 256;

// A signalling NaN: arithmetic on it is an invalid operation and leaves its quiet twin.
constexpr std::uint32_t never_written = 0x7fbadbad;
constexpr std::uint32_t computed_from_never_written = 0x7ffadbad;
constexpr std::uint32_t all_but_sign = 0x7fffffff;

// Address space of freed memory that stays inaccessible, so that a use after free is caught.
constexpr std::size_t quarantine_bytes = std::size_t(256) << 20;

struct Allocation {
    Context* context;
    long number;
    unsigned char* mapping; // a guard page, slack, the memory, less than `alignment` bytes of slack, a guard page
    std::size_t mapped;
    unsigned char* address;
    std::size_t bytes;
};

using Table = std::map<std::uintptr_t, Allocation>; // by the start of the mapping

// Changed under driver_lock and table_lock both; threads of the pool look up while driver_lock is held elsewhere.
struct Memory {
    std::mutex table_lock;
    Table live, freed;
    std::deque<std::uintptr_t> quarantine; // oldest first
    std::size_t quarantined = 0;
    const Context* open = nullptr; // whose memory is accessible
};

// Never destroyed: threads may still call at the end of the process.
Memory& memory()
{
    static Memory& instance = *new Memory;
    return instance;
}

std::uintptr_t number(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

std::size_t page()
{
    static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return bytes;
}

std::size_t round_up(std::size_t value, std::size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// The allocation whose mapping, guard pages included, holds the address.
const Allocation* find(const Table& table, const void* address)
{
    const auto after = table.upper_bound(number(address));
    if (after == table.begin())
        return nullptr;
    const Allocation& found = std::prev(after)->second;
    return number(address) < number(found.mapping) + found.mapped ? &found : nullptr;
}

std::string name(const Allocation& allocation)
{
    const std::string text = "allocation " + std::to_string(allocation.number) + " of " + std::to_string(allocation.bytes) + " bytes";
    const Context* const context = acting_context();
    if (!context || context == allocation.context)
        return text;
    return text + " of device " + std::to_string(allocation.context->device) + ", which device " + std::to_string(context->device) + " cannot access";
}

std::size_t free_bytes(const Context& context)
{
    const auto total = static_cast<std::size_t>(options().memory);
    return total - std::min(total, context.memory_used);
}

// A page of what slack must hold.
const unsigned char* canary()
{
    static const auto& bytes = *new std::vector<unsigned char>(page(), 0xc5);
    return bytes.data();
}

// The first byte of the slack that was written; only the `near` bytes in front of the memory, and all behind it.
const unsigned char* spoilt_slack(const Allocation& allocation, std::size_t near)
{
    unsigned char* const first = allocation.mapping + page();
    unsigned char* const end = allocation.address + allocation.bytes;
    const auto front = std::min(near, static_cast<std::size_t>(allocation.address - first));
    const auto rear = static_cast<std::size_t>(allocation.mapping + allocation.mapped - page() - end);
    for (const auto& [start, bytes] : {std::pair(end, rear), std::pair(allocation.address - front, front)})
        if (std::memcmp(start, canary(), bytes) != 0)
            return std::mismatch(start, start + bytes, canary()).first;
    return nullptr;
}

CUresult allocate(void** result, std::size_t bytes)
{
    Memory& all = memory();
    if (bytes == 0)
        return explain(invalid_value, "an allocation of 0 bytes");
    if (is_due(&Options::fail_allocation))
        return explain(out_of_memory, "SOFTGPU_FAIL_ALLOCATION asked for it, at an allocation of " + std::to_string(bytes) + " bytes");
    Context& context = current_context();
    if (const std::size_t free = free_bytes(context); bytes > free)
        return explain(out_of_memory, std::to_string(bytes) + " bytes asked, " + std::to_string(free) + " of " + std::to_string(options().memory) + " free");
    open_memory(context);

    const std::size_t padded = round_up(bytes, alignment);
    const std::size_t inner = round_up(padded, page());
    const std::size_t mapped = inner + 2 * page();
    void* const mapping = mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    auto* const first = static_cast<unsigned char*>(mapping) + page();
    if (mapping == MAP_FAILED || mprotect(first, inner, PROT_READ | PROT_WRITE) != 0)
        return explain(out_of_memory, "the host has no room for " + std::to_string(bytes) + " bytes");

    unsigned char* const address = first + inner - padded;
    std::memcpy(first, canary(), static_cast<std::size_t>(address - first));
    fill_with_never_written(address, bytes);
    std::memcpy(address + bytes, canary(), padded - bytes);

    const std::lock_guard lock(all.table_lock);
    all.live[number(mapping)] = {&context, ++context.allocations, static_cast<unsigned char*>(mapping), mapped, address, bytes};
    context.memory_used += bytes;
    *result = address;
    return success;
}

void unmap(const Allocation& allocation) { munmap(allocation.mapping, allocation.mapped); }

// Makes the allocation inaccessible; the addresses of the oldest ones go back to the host when there are many.
void bury(const Allocation& allocation)
{
    Memory& all = memory();
    mprotect(allocation.mapping, allocation.mapped, PROT_NONE);
    madvise(allocation.mapping, allocation.mapped, MADV_DONTNEED);
    const std::uintptr_t key = number(allocation.mapping);
    const std::lock_guard lock(all.table_lock);
    allocation.context->memory_used -= allocation.bytes;
    all.quarantined += allocation.mapped;
    all.quarantine.push_back(key);
    all.freed.insert(all.live.extract(key));
    while (all.quarantined > quarantine_bytes && all.quarantine.size() > 1) {
        const auto oldest = all.freed.find(all.quarantine.front());
        all.quarantined -= oldest->second.mapped;
        unmap(oldest->second);
        all.freed.erase(oldest);
        all.quarantine.pop_front();
    }
}

CUresult release(const void* address)
{
    Memory& all = memory();
    if (const Allocation* const freed = find(all.freed, address))
        return explain(invalid_value, "cuMemFree of " + name(*freed) + ", which is free already");
    const Allocation* const allocation = find(all.live, address);
    if (!allocation)
        return explain(invalid_value, "cuMemFree of " + describe_address(address));
    if (allocation->address != address)
        return explain(invalid_value, "cuMemFree of " + describe_address(address) + ", not of its begin");
    Context& context = current_context();
    if (allocation->context != &context)
        return explain(invalid_value, "cuMemFree of " + name(*allocation));
    drain(context);
    open_memory(context);
    if (const unsigned char* const byte = spoilt_slack(*allocation, page()))
        fail(illegal_address, "something wrote " + describe_address(byte) + " before cuMemFree");
    bury(*allocation);
    return sticky_error(context);
}

// Whether any of the words is the result of arithmetic on the pattern. Without an early exit and in whole words, so that a compiler makes vectors of it.
bool any_computed_from_never_written(const std::uint32_t* words, std::size_t count)
{
    std::uint32_t any = 0;
    for (std::size_t i = 0; i < count; i++)
        any |= (words[i] & all_but_sign) == computed_from_never_written ? ~0u : 0u;
    return any != 0;
}

}

bool is_device_range(const void* address, std::size_t bytes, std::string* why)
{
    Memory& all = memory();
    {
        const std::lock_guard lock(all.table_lock);
        const Allocation* const allocation = find(all.live, address);
        const bool is_own = allocation && allocation->context == acting_context();
        if (is_own && address >= allocation->address && number(address) + bytes <= number(allocation->address) + allocation->bytes)
            return true;
        if (is_own && why && address >= allocation->address && number(address) < number(allocation->address) + allocation->bytes) {
            *why = "it ends " + std::to_string(number(address) + bytes - number(allocation->address) - allocation->bytes) + " bytes past the end of "
                + name(*allocation);
            return false;
        }
    }
    if (why)
        *why = "it is " + describe_address(address);
    return false;
}

std::string describe_address(const void* address)
{
    Memory& all = memory();
    const std::lock_guard lock(all.table_lock);
    if (const Allocation* const freed = find(all.freed, address))
        return "an address in " + name(*freed) + ", which was freed";
    const Allocation* const allocation = find(all.live, address);
    if (!allocation)
        return address == nullptr ? "the null address" : is_pinned_range(address, 1) ? "an address in pinned host memory"
            : "an address that is no device memory";
    const auto at = number(address), start = number(allocation->address), end = start + allocation->bytes;
    if (at < start)
        return std::to_string(start - at) + " bytes before " + name(*allocation);
    if (at >= end)
        return std::to_string(at - end) + " bytes past the end of " + name(*allocation);
    return "byte " + std::to_string(at - start) + " of " + name(*allocation);
}

CUresult check_range(const char* call, const void* address, std::size_t bytes)
{
    std::string why;
    return is_device_range(address, bytes, &why) ? success : explain(invalid_value, std::string(call) + " of " + std::to_string(bytes) + " bytes: " + why);
}

void fill_with_never_written(void* address, std::size_t bytes)
{
    std::fill_n(static_cast<std::uint32_t*>(address), bytes / 4, never_written);
    std::memset(static_cast<unsigned char*>(address) + bytes / 4 * 4, 0xff, bytes % 4);
}

void check_canaries(const std::string& what)
{
    for (const auto& [key, allocation] : memory().live) {
        if (allocation.context != acting_context())
            continue;
        if (const unsigned char* const byte = spoilt_slack(allocation, alignment)) {
            fail(illegal_address, what + " wrote " + describe_address(byte));
            return;
        }
    }
}

void check_uninitialised_reads(const std::string& what)
{
    constexpr std::size_t part = 4096;
    for (const auto& [key, allocation] : memory().live) {
        if (allocation.context != acting_context())
            continue;
        const auto* const words = reinterpret_cast<const std::uint32_t*>(allocation.address);
        const std::size_t count = allocation.bytes / 4;
        for (std::size_t begin = 0; begin < count; begin += part) {
            const std::size_t end = std::min(count, begin + part);
            if (!any_computed_from_never_written(words + begin, end - begin))
                continue;
            std::size_t first = begin;
            while ((words[first] & all_but_sign) != computed_from_never_written)
                first++;
            fail(launch_failed, what + " computed with memory that nothing had written; the result is byte " + std::to_string(4 * first) + " of "
                + name(allocation));
            return;
        }
    }
}

std::size_t count_allocations() { return memory().live.size(); }

void open_memory(const Context& context)
{
    Memory& all = memory();
    if (all.open == &context)
        return;
    const std::lock_guard lock(all.table_lock);
    for (const auto& [key, allocation] : all.live)
        mprotect(allocation.mapping + page(), allocation.mapped - 2 * page(), allocation.context == &context ? PROT_READ | PROT_WRITE : PROT_NONE);
    all.open = &context;
}

void forget_memory(Context& context)
{
    Memory& all = memory();
    const std::lock_guard lock(all.table_lock);
    std::erase_if(all.quarantine, [&](std::uintptr_t key) {
        const Allocation& allocation = all.freed.at(key);
        if (allocation.context != &context)
            return false;
        all.quarantined -= allocation.mapped;
        return true;
    });
    for (Table* const table : {&all.live, &all.freed})
        std::erase_if(*table, [&](const auto& entry) {
            if (entry.second.context != &context)
                return false;
            unmap(entry.second);
            return true;
        });
    context.memory_used = 0;
    context.allocations = 0;
}

}

using namespace softgpu;

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
    if (status == success)
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
    return address == 0 ? success : release(pointer(address));
}

SOFTGPU_EXPORT CUresult cuMemGetInfo_v2(std::size_t* free, std::size_t* total)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    *total = static_cast<std::size_t>(options().memory);
    *free = free_bytes(current_context());
    return success;
}

}
