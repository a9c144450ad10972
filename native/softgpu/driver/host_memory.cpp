#include "host_memory.h"
#include "capture.h"
#include "context.h"
#include "streams.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace softgpu {
namespace {

struct Block {
    const Context* context; // with which it goes; copies of all devices may use it
    std::size_t bytes;
    void* mapping;
    std::size_t mapped;
};

struct Pinned {
    std::mutex lock;
    std::map<std::uintptr_t, Block> blocks; // by their address
};

Pinned& pinned()
{
    static Pinned& instance = *new Pinned;
    return instance;
}

}

bool is_pinned_range(const void* address, std::size_t bytes)
{
    const std::lock_guard lock(pinned().lock);
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    const auto after = pinned().blocks.upper_bound(at);
    if (after == pinned().blocks.begin())
        return false;
    const auto& [start, block] = *std::prev(after);
    return at + bytes <= start + block.bytes;
}

std::size_t count_host_allocations()
{
    const std::lock_guard lock(pinned().lock);
    return pinned().blocks.size();
}

void forget_host_memory(const Context& context)
{
    const std::lock_guard lock(pinned().lock);
    std::erase_if(pinned().blocks, [&context](const auto& entry) {
        const Block& block = entry.second;
        if (block.context != &context)
            return false;
        munmap(block.mapping, block.mapped);
        return true;
    });
}

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuMemHostAlloc(void** result, std::size_t bytes, unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_in_capture("cuMemHostAlloc"); status != success)
        return status;
    if (bytes == 0 || flags != 0)
        return explain(invalid_value, bytes == 0 ? "pinned memory of 0 bytes" : "the software GPU knows no flags of cuMemHostAlloc");
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inner = (bytes + page - 1) / page * page;
    const std::size_t mapped = inner + page;
    void* const mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return explain(out_of_memory, "the host has no room for " + std::to_string(bytes) + " bytes of pinned memory");

    // The host's own writes past the end end at a guard page.
    mprotect(static_cast<unsigned char*>(mapping) + inner, page, PROT_NONE);
    const std::lock_guard pinned_lock(pinned().lock);
    pinned().blocks[reinterpret_cast<std::uintptr_t>(mapping)] = {&current_context(), bytes, mapping, mapped};
    *result = mapping;
    return success;
}

SOFTGPU_EXPORT CUresult cuMemFreeHost(void* address)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_in_capture("cuMemFreeHost"); status != success)
        return status;
    Context& context = current_context();
    drain(context);
    const std::lock_guard pinned_lock(pinned().lock);
    const auto found = pinned().blocks.find(reinterpret_cast<std::uintptr_t>(address));
    if (found == pinned().blocks.end())
        return explain(invalid_value, "cuMemFreeHost of an address that cuMemHostAlloc did not give");
    munmap(found->second.mapping, found->second.mapped);
    pinned().blocks.erase(found);
    return sticky_error(context);
}

}
