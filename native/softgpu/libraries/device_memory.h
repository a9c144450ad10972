#pragma once

#include "softgpu.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace softgpu {

// Device memory that queued work touches. It is looked at when the call is made and again when the work runs,
// for memory may have been freed in between, or a graph replayed after it was.
class DeviceRanges {
public:
    // Returns why the range cannot be used, or an empty text.
    std::string add(const char* name, const void* address, std::size_t bytes, std::size_t alignment)
    {
        if (!address)
            return std::string(name) + " is null";
        if (reinterpret_cast<std::uintptr_t>(address) % alignment != 0)
            return std::string(name) + " is not aligned to " + std::to_string(alignment) + " bytes";
        std::string why;
        if (!is_device_range(address, bytes, &why))
            return describe(name, bytes, why);
        ranges_.push_back({name, address, bytes});
        return {};
    }

    // Fails the context where a range is no longer usable. `what` names the work.
    bool usable(const char* what) const
    {
        for (const auto& range : ranges_) {
            std::string why;
            if (!is_device_range(range.address, range.bytes, &why)) {
                constexpr CUresult illegal_address = 700;
                fail(illegal_address, std::string(what) + ", when it ran: " + describe(range.name, range.bytes, why));
                return false;
            }
        }
        return true;
    }

private:
    struct Range {
        const char* name;
        const void* address;
        std::size_t bytes;
    };

    static std::string describe(const char* name, std::size_t bytes, const std::string& why)
    {
        return std::string(name) + " is not " + std::to_string(bytes) + " bytes of device memory: " + why;
    }

    std::vector<Range> ranges_;
};

// Scratch memory handed to a library: overwritten with NaN by every call that uses it, so that nobody relies on its
// content, and marked while the call is under way, so that two streams that share it are found out.
class Workspace {
public:
    Workspace(void* address, std::size_t bytes) : address_(static_cast<unsigned char*>(address)), bytes_(bytes) {}

    void begin()
    {
        if (bytes_ != 0)
            std::memset(address_, 0xff, bytes_);
        if (bytes_ < sizeof mark_)
            return;
        static std::atomic<std::uint64_t> calls;
        mark_ = ++calls;
        std::memcpy(address_, &mark_, sizeof mark_);
    }

    // Fails the context where something else has written into the workspace since it was marked.
    bool untouched(const char* what) const
    {
        if (bytes_ < sizeof mark_ || std::memcmp(address_, &mark_, sizeof mark_) == 0)
            return true;
        constexpr CUresult launch_failed = 719;
        fail(launch_failed, std::string(what) + ", when it ran: something else wrote into its workspace meanwhile; do two streams share it?");
        return false;
    }

    void end() const
    {
        if (bytes_ >= sizeof mark_)
            std::memset(address_, 0xff, sizeof mark_);
    }

private:
    unsigned char* address_;
    std::size_t bytes_;
    std::uint64_t mark_ = 0;
};

// Puts work that needs a workspace into a stream, in two parts as the several kernels of the real libraries are:
// between them other streams, or other nodes of a graph, may run.
inline CUresult enqueue_with_workspace(CUstream stream, const char* what, const DeviceRanges& ranges, Workspace memory, std::function<void()> work)
{
    const auto workspace = std::make_shared<Workspace>(memory);
    const auto begin = [what, ranges, workspace] {
        if (ranges.usable(what))
            workspace->begin();
    };
    return enqueue(stream, what, [what, ranges, workspace, work = std::move(work)] {
        if (!ranges.usable(what) || !workspace->untouched(what))
            return;
        work();
        workspace->end();
    }, {}, begin);
}

// What the driver says about a result that is not success.
inline std::string driver_error(CUresult result)
{
    const char* name = nullptr;
    const char* text = nullptr;
    cuGetErrorName(result, &name);
    cuGetErrorString(result, &text);
    return std::string(name ? name : "unknown driver error") + (text ? std::string(" (") + text + ")" : std::string());
}

}
