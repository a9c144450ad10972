#include "context.h"
#include "capture.h"
#include "events.h"
#include "fault_handler.h"
#include "graphs.h"
#include "host_memory.h"
#include "memory.h"
#include "modules.h"
#include "options.h"
#include "streams.h"

#include <algorithm>
#include <deque>

namespace softgpu {
namespace {

bool is_initialised = false;
thread_local Context* current = nullptr;
thread_local Context* acting = nullptr;

// One for each device that was ever asked for. Never destroyed: threads may still call at the end of the process.
std::deque<Context>& contexts()
{
    static auto& instance = *new std::deque<Context>;
    return instance;
}

enum Habit : std::size_t { any, first, last, habits };

void restart_choices(Context& context)
{
    constexpr unsigned long between_devices = 0x9e3779b97f4a7c15;
    context.random.seed(static_cast<unsigned long>(options().seed) + between_devices * static_cast<unsigned long>(context.device));
    context.habit = choose(context, habits);
}

Context& context_of(int device)
{
    while (contexts().size() <= static_cast<std::size_t>(device)) {
        Context& made = contexts().emplace_back();
        made.device = static_cast<int>(contexts().size()) - 1;
        restart_choices(made);
    }
    return contexts()[static_cast<std::size_t>(device)];
}

bool is_retained(const void* handle)
{
    return std::any_of(contexts().begin(), contexts().end(), [handle](const Context& context) { return &context == handle && context.retained > 0; });
}

}

std::recursive_mutex& driver_lock()
{
    static std::recursive_mutex lock;
    return lock;
}

CUresult check_initialised() { return is_initialised ? success : explain(not_initialized, "cuInit comes first"); }

CUresult check_device(int device)
{
    if (const CUresult status = check_initialised(); status != success)
        return status;
    return device >= 0 && device < options().devices ? success : explain(invalid_device, "there is no device " + std::to_string(device));
}

CUresult ready()
{
    if (const CUresult status = check_initialised(); status != success)
        return status;
    if (!current)
        return explain(invalid_context, "no context is current on this thread");
    if (current->retained == 0)
        return explain(context_is_destroyed, "the context was released while it was current on this thread");
    return sticky_error(*current);
}

Context& current_context() { return *current; }

CUresult check_owner(const Context& owner, const char* what)
{
    if (!current)
        return explain(invalid_context, "no context is current on this thread");
    if (current == &owner)
        return success;
    return explain(invalid_handle, std::string(what) + " is of device " + std::to_string(owner.device) + ", but the current context of device "
        + std::to_string(current->device));
}

Context* acting_context() { return acting ? acting : current; }

Acting::Acting(Context* context) : before_(acting) { acting = context; }

Acting::~Acting() { acting = before_; }

std::size_t choose(Context& context, std::size_t n) { return options().seed == 0 || n < 2 ? 0 : context.random() % n; }

std::size_t choose_next(Context& context, std::size_t n)
{
    constexpr std::size_t choices_of_a_habit = 128;
    if (options().seed == 0 || n < 2)
        return 0;
    if (choose(context, choices_of_a_habit) == 0)
        context.habit = choose(context, habits);
    switch (context.habit) {
        case first: return 0;
        case last: return n - 1;
        default: return choose(context, n);
    }
}

unsigned long choose_order(Context& context) { return options().seed == 0 ? 0 : context.random() | 1; }

void restart_choices()
{
    for (Context& context : contexts())
        restart_choices(context);
}

bool has_current_context()
{
    const std::lock_guard lock(driver_lock());
    return current != nullptr && current->retained > 0;
}

ContextOfHandle::ContextOfHandle()
{
    const std::lock_guard lock(driver_lock());
    if (!has_current_context())
        return;
    context_ = current;
    begins_ = current->begins;
}

std::string ContextOfHandle::why_not_current() const
{
    const std::lock_guard lock(driver_lock());
    if (!has_current_context())
        return "this thread has no current context to use the handle in";
    if (current != context_)
        return "the handle was made on device " + std::to_string(context_->device) + ", but device " + std::to_string(current->device) + " is current";
    return current->begins == begins_ ? "" : "the context that the handle was made in was released";
}

CUresult ContextOfHandle::break_captures(const char* call) const
{
    const std::lock_guard lock(driver_lock());
    if (context_ && context_->begins == begins_)
        invalidate_captures(*context_, std::string(call) + ", which waits for the whole device,");
    return refuse_in_capture(call);
}

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuInit(unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (flags != 0)
        return explain(invalid_value, "the flags of cuInit must be 0");
    read_environment();
    if (options().devices <= 0)
        return no_device;
    if (!is_initialised) {
        install_fault_handler();
        is_initialised = true;
    }
    return success;
}

SOFTGPU_EXPORT CUresult cuDevicePrimaryCtxRetain(void** result, int device)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_device(device); status != success)
        return status;
    Context& context = context_of(device);
    if (context.retained++ == 0)
        context.begins++;
    *result = &context;
    return success;
}

SOFTGPU_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(int device)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_device(device); status != success)
        return status;
    Context& context = context_of(device);
    if (context.retained == 0)
        return explain(invalid_context, "the context was released more often than retained");
    if (context.retained == 1)
        drain(context);
    if (--context.retained > 0)
        return success;

    // With its last owner the context goes, and with it everything in it and its error.
    forget_graphs(context);
    forget_events(context);
    forget_streams(context);
    forget_modules(context);
    forget_memory(context);
    forget_host_memory(context);
    forget_error(context);
    restart_choices(context);
    if (std::none_of(contexts().begin(), contexts().end(), [](const Context& other) { return other.retained > 0; }))
        count_faults_anew();
    return success;
}

SOFTGPU_EXPORT CUresult cuCtxSetCurrent(void* given)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_initialised(); status != success)
        return status;
    if (given && !is_retained(given))
        return explain(invalid_context, "the handle is no context that is retained");
    current = static_cast<Context*>(given);
    return success;
}

SOFTGPU_EXPORT CUresult cuProfilerStart()
{
    const std::lock_guard lock(driver_lock());
    return ready();
}

SOFTGPU_EXPORT CUresult cuProfilerStop()
{
    const std::lock_guard lock(driver_lock());
    return ready();
}

}
