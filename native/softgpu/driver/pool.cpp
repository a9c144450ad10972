#include "pool.h"
#include "context.h"

#include <algorithm>
#include <atomic>

namespace softgpu {

Pool::Pool(unsigned threads)
{
    for (unsigned i = 1; i < threads; i++)
        threads_.emplace_back([this] { serve(); });
}

Pool::~Pool()
{
    {
        const std::lock_guard lock(lock_);
        is_ending_ = true;
    }
    called_.notify_all();
    for (auto& thread : threads_)
        thread.join();
}

void Pool::run(unsigned long parts, const std::function<void()>& work)
{
    const auto helpers = static_cast<unsigned>(std::min<unsigned long>(parts > 0 ? parts - 1 : 0, threads_.size()));
    if (helpers > 0) {
        const std::lock_guard lock(lock_);
        work_ = &work;
        wanted_ = working_ = helpers;
    }
    for (unsigned i = 0; i < helpers; i++)
        called_.notify_one();
    work();
    if (helpers > 0) {
        // Helpers that have not come yet are not needed any more.
        std::unique_lock lock(lock_);
        working_ -= wanted_;
        wanted_ = 0;
        returned_.wait(lock, [this] { return working_ == 0; });
        work_ = nullptr;
    }
}

void Pool::serve()
{
    std::unique_lock lock(lock_);
    for (;;) {
        called_.wait(lock, [this] { return wanted_ > 0 || is_ending_; });
        if (is_ending_)
            return;
        wanted_--;
        const auto& work = *work_;
        lock.unlock();
        work();
        lock.lock();
        if (--working_ == 0)
            returned_.notify_all();
    }
}

Pool& pool()
{
    // Never destroyed: at the end of the process its threads may be gone already.
    static Pool& threads = *new Pool(options().threads > 0 ? static_cast<unsigned>(options().threads) : std::max(1u, std::thread::hardware_concurrency()));
    return threads;
}

void parallel_for(long n, const std::function<void(long, long)>& f)
{
    if (n <= 0)
        return;
    const long parts = std::min<long>(n, pool().threads());
    std::atomic<long> next{0};
    pool().run(static_cast<unsigned long>(parts), [&] {
        for (long part = next++; part < parts; part = next++)
            f(n * part / parts, n * (part + 1) / parts);
    });
}

}
