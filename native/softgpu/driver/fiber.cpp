#include "fiber.h"

#include <cstdlib>
#include <pthread.h>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

// Present where the process runs under AddressSanitizer.
extern "C" __attribute__((weak)) void __asan_unpoison_memory_region(const volatile void* address, std::size_t bytes);

namespace softgpu {
namespace {

constexpr std::size_t stack_bytes = 256 << 10;
constexpr std::size_t cache_line = 64, lines_of_page = 64;

}

thread_local constinit Fiber* Fiber::starting_ = nullptr;
thread_local constinit Fiber* Fiber::left_ = nullptr;

Fiber::Fiber()
{
    pthread_attr_t attributes;
    void* bottom = nullptr;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &bottom, &size_);
        pthread_attr_destroy(&attributes);
    }
    bottom_ = bottom;
}

// Stacks that all began at the same place of a page would push each other out of the few places that a cache has for it: they begin 9 lines apart.
Fiber::Fiber(void (*entry)(void*), void* argument, std::size_t number)
    : entry_(entry), argument_(argument), size_(stack_bytes), unused_(number * 9 % lines_of_page * cache_line)
{
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* const mapping = mmap(nullptr, page + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED)
        throw std::runtime_error("the host has no room for the stack of a CUDA thread");
    mapping_ = static_cast<unsigned char*>(mapping);
    mprotect(mapping_, page, PROT_NONE);
    bottom_ = mapping_ + page;
    restart();
}

Fiber::~Fiber()
{
    if (!mapping_)
        return;
    clear(); // of what AddressSanitizer knows of the frames on it, for whatever is mapped there next
    munmap(mapping_, static_cast<std::size_t>(static_cast<const unsigned char*>(bottom_) - mapping_) + stack_bytes);
}

void* Fiber::clear()
{
    if (__asan_unpoison_memory_region)
        __asan_unpoison_memory_region(bottom_, size_);
    return static_cast<unsigned char*>(const_cast<void*>(bottom_)) + size_ - unused_ - 16;
}

void Fiber::restart()
{
    sanitizer_stack_ = nullptr;
#if defined(__x86_64__)
    // Where the switch jumps to, which leaves the stack as a call would.
    auto** top = static_cast<void**>(clear());
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(&Fiber::begin);
    stack_pointer_ = top;
#else
    clear();
    getcontext(&context_);
    context_.uc_stack.ss_sp = const_cast<void*>(bottom_);
    context_.uc_stack.ss_size = size_ - unused_;
    context_.uc_link = nullptr;
    makecontext(&context_, &Fiber::begin, 0);
#endif
}

void Fiber::begin()
{
    Fiber& self = *starting_;
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(nullptr, &left_->bottom_, &left_->size_);
    self.entry_(self.argument_);
    std::abort();
}

}
