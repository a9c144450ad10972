#include "fault_handler.h"
#include "block_runner.h"
#include "memory.h"

#include <csignal>
#include <cstdint>
#include <ucontext.h>

namespace softgpu {
namespace {

struct Handled {
    int signal;
    struct sigaction previous;
};

Handled handled[] = {{SIGSEGV, {}}, {SIGBUS, {}}, {SIGFPE, {}}};

struct Fault {
    int signal;
    bool has_address;
    const void* address;
};

thread_local constinit __attribute__((tls_model("initial-exec"))) Fault fault{};

// Runs on the faulting thread's stack, cleared, after the signal handler has returned.
void after_fault()
{
    BlockRunner& runner = *BlockRunner::running();
    if (fault.signal == SIGFPE)
        runner.abort(launch_failed, [] { return std::string("divided an integer by zero"); });
    runner.abort(illegal_address, [] { return "touched "
        + (fault.has_address ? describe_address(fault.address) : std::string("an address that no memory can have")); });
}

void go_on_at(void* state, void (*function)(), void* stack)
{
    auto& machine = static_cast<ucontext_t*>(state)->uc_mcontext;
#if defined(__x86_64__)
    // As after a call: the return address below an aligned stack.
    machine.gregs[REG_RSP] = static_cast<greg_t>(reinterpret_cast<std::uintptr_t>(stack) - sizeof(void*));
    machine.gregs[REG_RIP] = static_cast<greg_t>(reinterpret_cast<std::uintptr_t>(function));
#elif defined(__aarch64__)
    machine.sp = reinterpret_cast<std::uintptr_t>(stack);
    machine.pc = reinterpret_cast<std::uintptr_t>(function);
#else
    static_cast<void>(machine);
    static_cast<void>(stack);
    function();
#endif
}

void on_fault(int signal, siginfo_t* information, void* state)
{
    if (BlockRunner* const runner = BlockRunner::running()) {
        fault = {signal, information->si_code != SI_KERNEL, information->si_addr};
        go_on_at(state, after_fault, runner->abandon_stack());
        return;
    }
    for (const auto& [number, previous] : handled) {
        if (number != signal)
            continue;
        if ((previous.sa_flags & SA_SIGINFO) != 0)
            previous.sa_sigaction(signal, information, state);
        else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
            previous.sa_handler(signal);
        else
            sigaction(signal, &previous, nullptr); // happens again, and then as if we were not there
    }
}

}

void install_fault_handler()
{
    for (auto& [number, previous] : handled) {
        sigaction(number, nullptr, &previous);
        struct sigaction action = previous;
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | (previous.sa_flags & (SA_NODEFER | SA_RESTART));
        sigaction(number, &action, nullptr);
    }
}

}
