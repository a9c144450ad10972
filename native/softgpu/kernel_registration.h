// What a kernel image, an ELF shared object, says of itself: its kernels by name, each with how to bind arguments of its own types.
#pragma once

#include <cstddef>
#include <functional>
#include <link.h>
#include <tuple>
#include <utility>

namespace softgpu {

struct KernelEntry {
    const char* name;
    std::size_t arguments;
    // Copies the arguments, as a launch does, and returns one thread's work.
    std::function<void()> (*bind)(void** arguments);
};

template <typename... Arguments, std::size_t... Positions>
std::function<void()> bind_arguments(void (*kernel)(Arguments...), void** arguments, std::index_sequence<Positions...>)
{
    return [kernel, copies = std::tuple<Arguments...>(*static_cast<Arguments*>(arguments[Positions])...)] { std::apply(kernel, copies); };
}

template <typename... Arguments>
std::function<void()> bind_arguments(void (*kernel)(Arguments...), void** arguments)
{
    return bind_arguments(kernel, arguments, std::index_sequence_for<Arguments...>());
}

template <typename... Arguments>
constexpr std::size_t count_arguments(void (*)(Arguments...))
{
    return sizeof...(Arguments);
}

struct SharedMemory {
    void* begin;
    std::size_t bytes;
};

// All __shared__ variables of the image, as the calling thread of the host has them: they are its only thread-local memory.
inline SharedMemory shared_memory_of(volatile char& anchor)
{
    anchor = 0; // the loader makes a thread's copy when it is first touched
    SharedMemory result{const_cast<char*>(&anchor), 0};
    dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* data) {
            auto& found = *static_cast<SharedMemory*>(data);
            const auto* const address = static_cast<const char*>(found.begin);
            auto* const begin = static_cast<char*>(object->dlpi_tls_data);
            for (int i = 0; begin && i < object->dlpi_phnum; i++) {
                const auto& part = object->dlpi_phdr[i];
                if (part.p_type != PT_TLS || address < begin || address >= begin + part.p_memsz)
                    continue;
                found = {begin, part.p_memsz};
                return 1;
            }
            return 0;
        },
        &result);
    return result;
}

}

#define SOFTGPU_KERNEL(name) {#name, softgpu::count_arguments(&name), [](void** arguments) { return softgpu::bind_arguments(&name, arguments); }},
