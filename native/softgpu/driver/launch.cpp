#include "launch.h"
#include "context.h"
#include "memory.h"
#include "pool.h"

#include <atomic>
#include <mutex>
#include <numeric>

namespace softgpu {
namespace {

// Launches of fewer threads are not worth waking another one of the host's for.
constexpr unsigned long least_to_share = 2048;

Index index_of(unsigned long number, const Index& size)
{
    return {static_cast<unsigned>(number % size.x), static_cast<unsigned>(number / size.x % size.y), static_cast<unsigned>(number / size.x / size.y)};
}

// All numbers below n in an order that the seed decides; in their own order without one.
class Order {
public:
    Order(unsigned long n, unsigned long seed) : n_(n)
    {
        if (seed == 0 || n < 2)
            return;
        first_ = seed * 0x9e3779b97f4a7c15ul % n;
        step_ = (seed * 0xc2b2ae3d27d4eb4ful >> 16) % n;
        while (step_ == 0 || std::gcd(step_, n) != 1)
            step_ = (step_ + 1) % n;
    }

    unsigned long operator[](unsigned long i) const
    {
        return step_ == 1 ? (first_ + i) % n_ : (first_ + static_cast<unsigned long>(static_cast<unsigned __int128>(step_) * i % n_)) % n_;
    }

private:
    unsigned long n_, first_ = 0, step_ = 1;
};

BlockRunner& own_runner()
{
    thread_local BlockRunner runner;
    return runner;
}

}

Launch prepare(const char* kernel, const Index& grid, const Index& block, std::function<void()> body, SharedMemory (*shared_memory)())
{
    Launch launch{kernel, grid, block, std::move(body), shared_memory, {}, {}};
    const unsigned size = block.x * block.y * block.z;
    for (unsigned i = 0; i < size; i++)
        launch.threads.push_back(index_of(i, block));
    launch.order.resize(size);
    return launch;
}

void execute(Launch& launch)
{
    const auto blocks = static_cast<unsigned long>(launch.grid.x) * launch.grid.y * launch.grid.z;
    Context& context = *acting_context();
    const Order order(blocks, choose_order(context));
    const Order thread_order(launch.order.size(), choose_order(context));
    for (unsigned i = 0; i < launch.order.size(); i++)
        launch.order[i] = static_cast<unsigned>(thread_order[i]);

    std::atomic<unsigned long> next{0};
    std::atomic<bool> has_failed{false};
    run_on_pool(blocks * launch.order.size() < least_to_share ? 1 : blocks, [&] {
        BlockRunner& runner = own_runner();
        const SharedMemory shared = launch.shared_memory();
        for (unsigned long i = next++; i < blocks && !has_failed; i = next++) {
            fill_with_never_written(shared.begin, shared.bytes);
            if (!runner.run(launch, index_of(order[i], launch.grid), shared)) {
                has_failed = true;
                fail(runner.error_code(), runner.error());
            }
        }
    });
}

}
