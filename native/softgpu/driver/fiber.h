// Stacks that take turns on one thread of the operating system.
#pragma once

#include <cstddef>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

// Present where the process runs under AddressSanitizer, which must know which stack is in use.
extern "C" {
__attribute__((weak)) void __sanitizer_start_switch_fiber(void** fake_stack, const void* bottom, std::size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void* fake_stack, const void** old_bottom, std::size_t* old_size);
}

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

    // Goes on in `next`; returns when something switches back. Part of its caller: kernels do little else under a reduction.
    __attribute__((always_inline)) void switch_to(Fiber& next)
    {
        if (__sanitizer_start_switch_fiber) {
            left_ = this;
            __sanitizer_start_switch_fiber(&sanitizer_stack_, next.bottom_, next.size_);
        }
        go_on_in(next);
        if (__sanitizer_finish_switch_fiber)
            __sanitizer_finish_switch_fiber(sanitizer_stack_, nullptr, nullptr);
    }

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
    static thread_local constinit __attribute__((tls_model("initial-exec"))) Fiber* starting_;
    static thread_local constinit __attribute__((tls_model("initial-exec"))) Fiber* left_;

    static void begin();

    __attribute__((always_inline)) void go_on_in(Fiber& next)
    {
        starting_ = &next;
#if defined(__x86_64__)
        void** from = &stack_pointer_;
        void* to = next.stack_pointer_;
        // Whatever is in a register afterwards, the compiler saves on this stack, and no more; the 128 bytes below it may be in use.
        asm volatile("leaq -128(%%rsp), %%rsp\n\t"
                     "pushq %%rbp\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "movq %%rsp, (%[from])\n\t"
                     "movq %[to], %%rsp\n\t"
                     "popq %%rax\n\t"
                     "jmpq *%%rax\n"
                     "1:\n\t"
                     "popq %%rbp\n\t"
                     "leaq 128(%%rsp), %%rsp"
                     : [from] "+D"(from), [to] "+S"(to)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                     "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
#else
        swapcontext(&context_, &next.context_);
#endif
    }

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
