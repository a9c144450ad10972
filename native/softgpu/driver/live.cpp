// How many objects of each kind are alive: what a program that leaves nothing behind takes back to where it was.
#include "context.h"
#include "events.h"
#include "graphs.h"
#include "host_memory.h"
#include "memory.h"
#include "modules.h"
#include "streams.h"

#include <atomic>
#include <cstring>
#include <iterator>

namespace softgpu {
namespace {

struct DriverKind {
    const char* name;
    std::size_t (*count)();
};

constexpr DriverKind driver_kinds[] = {
    {"graph", count_graphs},
    {"graph_exec", count_executable_graphs},
    {"event", count_events},
    {"stream", count_streams},
    {"module", count_modules},
    {"allocation", count_allocations},
    {"host_allocation", count_host_allocations},
};

// In the order of LibraryKind.
constexpr const char* library_kinds[] = {"cublas", "cublaslt", "cublaslt_descriptor", "cudnn", "cudnn_descriptor", "nccl"};
std::atomic<long> library_counts[std::size(library_kinds)];

}

void count_live(LibraryKind kind, long change) { library_counts[static_cast<std::size_t>(kind)] += change; }

}

using namespace softgpu;

// -1 where there is no such kind.
extern "C" SOFTGPU_EXPORT long softgpu_live(const char* kind)
{
    const std::lock_guard lock(driver_lock());
    for (const auto& [name, count] : driver_kinds)
        if (std::strcmp(name, kind) == 0)
            return static_cast<long>(count());
    for (std::size_t i = 0; i < std::size(library_kinds); i++)
        if (std::strcmp(library_kinds[i], kind) == 0)
            return library_counts[i];
    return -1;
}
