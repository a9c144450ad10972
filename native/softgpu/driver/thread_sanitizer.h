// ThreadSanitizer's view of CUDA threads: each is a thread of its own, ordered by the kernel's synchronisation alone.
// The driver itself is compiled without it; its functions are there where the process runs under it.
#pragma once

extern "C" {
__attribute__((weak)) void* __tsan_get_current_fiber();
__attribute__((weak)) void* __tsan_create_fiber(unsigned flags);
__attribute__((weak)) void __tsan_destroy_fiber(void* fiber);
__attribute__((weak)) void __tsan_switch_to_fiber(void* fiber, unsigned flags);
__attribute__((weak)) void __tsan_acquire(void* address);
__attribute__((weak)) void __tsan_release(void* address);
}

namespace softgpu {

// It has room for some 8000 threads; a block has up to 1024.
constexpr unsigned most_workers_under_thread_sanitizer = 4;

inline bool is_under_thread_sanitizer() { return __tsan_create_fiber != nullptr; }

// Everything before a release comes before what follows an acquire of the same address.
inline void acquire(void* address)
{
    if (__tsan_acquire)
        __tsan_acquire(address);
}

inline void release(void* address)
{
    if (__tsan_release)
        __tsan_release(address);
}

// A switch that by itself orders nothing.
inline void become(void* fiber)
{
    constexpr unsigned no_sync = 1;
    if (__tsan_switch_to_fiber)
        __tsan_switch_to_fiber(fiber, no_sync);
}

}
