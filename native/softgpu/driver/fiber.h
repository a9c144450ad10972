// Stacks that take turns on one thread of the operating system.
#pragma once

#include <cstddef>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace softgpu {

class Fiber {
public:
    // The calling thread's own stack.
    Fiber();
    // A stack of its own with a guard page, which starts `entry` at the first switch and never returns from it. Stacks that take turns have numbers that follow
    // each other.
    Fiber(void (*entry)(void*), void* argument, std::size_t number);
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    // Goes on in `next`; returns when something switches back.
    void switch_to(Fiber& next);

    // Begins to load what a switch to it will need.
    void fetch() const
    {
#if defined(__x86_64__)
        __builtin_prefetch(stack_pointer_);
        __builtin_prefetch(static_cast<const unsigned char*>(stack_pointer_) + 64);
#endif
    }

    // Forgets what it was doing and starts again at the next switch.
    void restart();

    // Forgets what it was doing, for new frames from the top of its stack. Callable in a signal handler.
    void* clear();

private:
    static void begin();

    void (*entry_)(void*) = nullptr;
    void* argument_ = nullptr;
    unsigned char* mapping_ = nullptr;
    const void* bottom_ = nullptr;
    std::size_t size_ = 0;
    std::size_t unused_ = 0; // at its top
    void* sanitizer_stack_ = nullptr;
#if defined(__x86_64__)
    void* stack_pointer_ = nullptr;
#else
    ucontext_t context_{};
#endif
};

}
