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
#include <fcntl.h>
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

// What has more bytes than this begins as shared pages of the pattern, so that what is never touched, such as workspaces, costs nothing.
constexpr std::size_t least_to_share = std::size_t(1) << 20, shared_bytes = std::size_t(16) << 20;

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

// A file of memory full of the pattern; -1 where the host has no room for it.
int open_pattern()
{
    const int file = memfd_create("never written", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, shared_bytes) != 0)
        return -1;
    void* const pages = mmap(nullptr, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (pages == MAP_FAILED)
        return -1;
    fill_with_never_written(pages, shared_bytes);
    munmap(pages, shared_bytes);
    return file;
}

// Whole pages that hold the pattern, which a write makes the allocation's own; false where the host has no room.
bool map_pattern(unsigned char* first, std::size_t bytes)
{
    static const int file = open_pattern();
    for (std::size_t done = 0; done < bytes; done += shared_bytes)
        if (file < 0 || mmap(first + done, std::min(shared_bytes, bytes - done), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, file, 0)
            == MAP_FAILED)
            return false;
    return true;
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
    const bool is_shared = bytes >= least_to_share;
    if (mapping == MAP_FAILED || !(is_shared ? map_pattern(first, inner) : mprotect(first, inner, PROT_READ | PROT_WRITE) == 0))
        return explain(out_of_memory, "the host has no room for " + std::to_string(bytes) + " bytes");

    unsigned char* const address = first + inner - padded;
    std::memcpy(first, canary(), static_cast<std::size_t>(address - first));
    const std::size_t rest = is_shared ? bytes % 4 : bytes;
    fill_with_never_written(address + bytes - rest, rest);
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

// Of the pages from there on, which were written: a page that is shared still, or not even there, holds the pattern. All, where the host does not tell.
std::vector<bool> written_pages(const unsigned char* first, std::size_t count)
{
    constexpr std::uint64_t is_present = std::uint64_t(1) << 63, is_swapped = std::uint64_t(1) << 62, is_shared = std::uint64_t(1) << 61;
    static const int table = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    std::vector<std::uint64_t> entries(count);
    const std::size_t bytes = count * sizeof entries[0];
    if (table < 0 || pread(table, entries.data(), bytes, static_cast<off_t>(number(first) / page() * sizeof entries[0])) != static_cast<ssize_t>(bytes))
        return std::vector<bool>(count, true);
    std::vector<bool> result(count);
    for (std::size_t i = 0; i < count; i++)
        result[i] = (entries[i] & (is_present | is_swapped)) != 0 && (entries[i] & is_shared) == 0;
    return result;
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

// Every block of a launch begins with it: what is long is copied from its first part, which the processor's widest instructions do.
void fill_with_never_written(void* address, std::size_t bytes)
{
    if (bytes == 0)
        return; // the address may be null then
    constexpr std::size_t part = 4096;
    auto* const first = static_cast<unsigned char*>(address);
    std::fill_n(static_cast<std::uint32_t*>(address), std::min(bytes, part) / 4, never_written);
    for (std::size_t done = part; done < bytes; done += part)
        std::memcpy(first + done, first, std::min(part, (bytes - done) / 4 * 4));
    std::memset(first + bytes / 4 * 4, 0xff, bytes % 4);
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
    for (const auto& [key, allocation] : memory().live) {
        if (allocation.context != acting_context())
            continue;
        const auto* const words = reinterpret_cast<const std::uint32_t*>(allocation.address);
        const std::size_t count = allocation.bytes / 4;
        const unsigned char* const first_page = allocation.mapping + page();
        const std::size_t pages = (allocation.mapped - 2 * page()) / page();
        const std::vector<bool> written = allocation.bytes < least_to_share ? std::vector<bool>(pages, true) : written_pages(first_page, pages);
        for (std::size_t i = 0; i < pages; i++) {
            // The words of the page, of which the first and the last one may have less.
            const unsigned char* const start = std::max(first_page + i * page(), static_cast<const unsigned char*>(allocation.address));
            const auto begin = std::min(count, static_cast<std::size_t>(start - allocation.address) / 4);
            const auto end = std::min(count, static_cast<std::size_t>(first_page + (i + 1) * page() - allocation.address) / 4);
            if (!written[i] || !any_computed_from_never_written(words + begin, end - begin))
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
