// The threads that stand in for the multiprocessors.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace softgpu {

struct Context;

class Pool {
public:
    // Calls `work` on the caller and on at most `helpers` other threads; returns when all have returned.
    void run(unsigned helpers, const std::function<void()>& work);

private:
    void serve();

    std::mutex callers_; // one run at a time
    std::mutex lock_;
    std::condition_variable called_, returned_;
    std::vector<std::thread> threads_;
    const std::function<void()>* work_ = nullptr;
    Context* context_ = nullptr; // that the work is of
    unsigned wanted_ = 0, working_ = 0;
};

// SOFTGPU_THREADS, or one a processor.
unsigned worker_threads();

// Calls `work` on as many threads as there are parts and workers for.
void run_on_pool(unsigned long parts, const std::function<void()>& work);

// Watches this thread and those of the pool for invalid floating-point operations, such as arithmetic on a signalling NaN.
class InvalidOperations {
public:
    InvalidOperations();
    bool any() const;
};

}
