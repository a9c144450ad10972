#include "context.h"
#include "events.h"
#include "fault_handler.h"
#include "graphs.h"
#include "host_memory.h"
#include "memory.h"
#include "modules.h"
#include "options.h"
#include "streams.h"

#include <random>

namespace softgpu {
namespace {

struct Context {
    bool initialised = false;
    int retained = 0;
    std::mt19937_64 random;
};

Context context;
thread_local Context* current = nullptr;

}

std::recursive_mutex& driver_lock()
{
    static std::recursive_mutex lock;
    return lock;
}

CUresult check_initialised() { return context.initialised ? success : explain(not_initialized, "cuInit comes first"); }

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
    return sticky_error();
}

std::size_t choose(std::size_t n) { return options().seed == 0 || n < 2 ? 0 : context.random() % n; }

unsigned long choose_order() { return options().seed == 0 ? 0 : context.random() | 1; }

void restart_choices() { context.random.seed(static_cast<unsigned long>(options().seed)); }

bool has_current_context() { return current != nullptr && current->retained > 0; }

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
    if (!context.initialised) {
        restart_choices();
        install_fault_handler();
        context.initialised = true;
    }
    return success;
}

SOFTGPU_EXPORT CUresult cuDevicePrimaryCtxRetain(void** result, int device)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_device(device); status != success)
        return status;
    context.retained++;
    *result = &context;
    return success;
}

SOFTGPU_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(int device)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_device(device); status != success)
        return status;
    if (context.retained == 0)
        return explain(invalid_context, "the context was released more often than retained");
    if (--context.retained > 0)
        return success;

    // With its last owner the context goes, and with it everything in it and its error.
    drain();
    forget_graphs();
    forget_events();
    forget_streams();
    forget_modules();
    forget_memory();
    forget_host_memory();
    forget_error();
    count_faults_anew();
    restart_choices();
    return success;
}

SOFTGPU_EXPORT CUresult cuCtxSetCurrent(void* given)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check_initialised(); status != success)
        return status;
    if (given && (given != &context || context.retained == 0))
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
