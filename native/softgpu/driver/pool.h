// The threads that stand in for the multiprocessors.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace softgpu {

class Pool {
public:
    explicit Pool(unsigned threads);
    ~Pool();

    // Calls `work` on the caller and on as many other threads as there are parts for; returns when all have returned.
    void run(unsigned long parts, const std::function<void()>& work);

    unsigned threads() const { return static_cast<unsigned>(threads_.size()) + 1; }

private:
    void serve();

    std::vector<std::thread> threads_;
    std::mutex lock_;
    std::condition_variable called_, returned_;
    const std::function<void()>* work_ = nullptr;
    unsigned wanted_ = 0, working_ = 0;
    bool is_ending_ = false;
};

Pool& pool();

}
