// What a kernel image, an ELF shared object, says of itself: its kernels by name, each with how to bind arguments of its own types.
#pragma once

#include <cstddef>
#include <functional>
#include <tuple>
#include <utility>

namespace softgpu {

struct KernelEntry {
    const char* name;
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

}

#define SOFTGPU_KERNEL(name) {#name, [](void** arguments) { return softgpu::bind_arguments(&name, arguments); }},
