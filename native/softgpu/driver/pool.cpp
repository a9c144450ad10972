#include "pool.h"
#include "context.h"
#include "options.h"
#include "thread_sanitizer.h"

#include <algorithm>
#include <atomic>
#include <cfenv>

namespace softgpu {
namespace {

std::atomic<bool> helper_was_invalid{false};
thread_local bool is_working = false;

// Never destroyed: at the end of the process its threads may be gone already.
Pool& pool()
{
    static Pool& threads = *new Pool;
    return threads;
}

}

void Pool::run(unsigned helpers, const std::function<void()>& work)
{
    const std::lock_guard turn(callers_);
    {
        const std::lock_guard lock(lock_);
        while (threads_.size() < helpers)
            threads_.emplace_back([this] { serve(); });
        work_ = &work;
        context_ = acting_context();
        wanted_ = working_ = helpers;
    }
    for (unsigned i = 0; i < helpers; i++)
        called_.notify_one();
    is_working = true;
    work();
    is_working = false;

    // Helpers that have not come yet are not needed any more.
    std::unique_lock lock(lock_);
    working_ -= wanted_;
    wanted_ = 0;
    returned_.wait(lock, [this] { return working_ == 0; });
}

void Pool::serve()
{
    is_working = true;
    std::unique_lock lock(lock_);
    for (;;) {
        called_.wait(lock, [this] { return wanted_ > 0; });
        wanted_--;
        const auto& work = *work_;
        const Acting acting(context_);
        lock.unlock();
        std::feclearexcept(FE_INVALID);
        work();
        if (std::fetestexcept(FE_INVALID) != 0)
            helper_was_invalid = true;
        lock.lock();
        if (--working_ == 0)
            returned_.notify_all();
    }
}

unsigned worker_threads()
{
    const unsigned threads = options().threads > 0 ? static_cast<unsigned>(options().threads) : std::max(1u, std::thread::hardware_concurrency());
    return is_under_thread_sanitizer() ? std::min(threads, most_workers_under_thread_sanitizer) : threads;
}

void run_on_pool(unsigned long parts, const std::function<void()>& work)
{
    const auto threads = static_cast<unsigned>(std::min<unsigned long>(parts, worker_threads()));
    if (threads <= 1 || is_working)
        work();
    else
        pool().run(threads - 1, work);
}

void parallel_for(long n, const std::function<void(long, long)>& f)
{
    if (n <= 0)
        return;
    const long parts = std::min<long>(n, worker_threads());
    std::atomic<long> next{0};
    run_on_pool(static_cast<unsigned long>(parts), [&] {
        for (long part = next++; part < parts; part = next++)
            f(n * part / parts, n * (part + 1) / parts);
    });
}

InvalidOperations::InvalidOperations()
{
    helper_was_invalid = false;
    std::feclearexcept(FE_INVALID);
}

bool InvalidOperations::any() const { return helper_was_invalid || std::fetestexcept(FE_INVALID) != 0; }

}
