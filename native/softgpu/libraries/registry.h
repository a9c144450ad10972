#pragma once

#include "softgpu.h"

#include <memory>
#include <mutex>
#include <unordered_map>

namespace softgpu {

// The live objects behind the handles of a library: a null, foreign or destroyed handle is found out instead of followed.
template <typename T>
class Registry {
public:
    explicit Registry(LibraryKind kind) : kind_(kind) {}

    T* create()
    {
        auto object = std::make_unique<T>();
        T* const handle = object.get();
        const std::lock_guard lock(mutex_);
        objects_.emplace(handle, std::move(object));
        count_live(kind_, 1);
        return handle;
    }

    T* find(const void* handle)
    {
        const std::lock_guard lock(mutex_);
        const auto found = objects_.find(handle);
        return found == objects_.end() ? nullptr : found->second.get();
    }

    bool destroy(const void* handle)
    {
        const std::lock_guard lock(mutex_);
        if (objects_.erase(handle) == 0)
            return false;
        count_live(kind_, -1);
        return true;
    }

private:
    LibraryKind kind_;
    std::mutex mutex_;
    std::unordered_map<const void*, std::unique_ptr<T>> objects_;
};

}
