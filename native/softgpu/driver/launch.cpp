#include "launch.h"
#include "context.h"
#include "memory.h"
#include "pool.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <numeric>

namespace softgpu {
namespace {

// Launches of fewer threads are not worth waking another one of the host's for.
constexpr unsigned long least_to_share = 2048;

constexpr std::size_t most_early_blocks = 2;

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
    // Not in the thread's own memory, of which a library that is loaded late gets little: a stack's state takes 4.5 kB on Arm64.
    thread_local const auto runner = std::make_unique<BlockRunner>();
    return *runner;
}

// Runners beside the thread's own one, whose threads' stacks are worth keeping.
std::vector<std::unique_ptr<BlockRunner>>& idle_runners()
{
    thread_local std::vector<std::unique_ptr<BlockRunner>> runners;
    return runners;
}

std::unique_ptr<BlockRunner> take_runner()
{
    own_runner(); // the first one of a thread gives it its stack for signals
    auto& idle = idle_runners();
    if (idle.empty())
        return std::make_unique<BlockRunner>();
    auto runner = std::move(idle.back());
    idle.pop_back();
    return runner;
}

unsigned long blocks_of(const Launch& launch) { return static_cast<unsigned long>(launch.grid.x) * launch.grid.y * launch.grid.z; }

bool is_early(const Launch& launch, unsigned long block)
{
    return std::any_of(launch.early.begin(), launch.early.end(), [block](const EarlyBlock& early) { return early.number == block; });
}

// False where a thread did what a GPU would not, which fails the context.
bool has_run(const BlockRunner& runner, bool result)
{
    if (!result)
        fail(runner.error_code(), runner.error());
    return result;
}

void choose_order_of_threads(Launch& launch)
{
    const unsigned long seed = choose_order(*acting_context());
    const Order order(launch.order.size(), seed);
    launch.latest_first = seed / 2 % 2 == 1;
    for (unsigned i = 0; i < launch.order.size(); i++)
        launch.order[i] = static_cast<unsigned>(order[i]);
}

// All blocks beside each other: each runs from where it waits for others to where it does so next, and a seed chooses which of those that can.
void execute_cooperatively(Launch& launch, Context& context)
{
    choose_order_of_threads(launch);
    const SharedMemory shared = launch.shared_memory();
    fill_with_never_written(shared.begin, shared.bytes);
    const auto* const bytes = static_cast<const unsigned char*>(shared.begin);
    const std::vector<unsigned char> untouched(bytes, bytes + shared.bytes);

    const unsigned long blocks = blocks_of(launch);
    std::vector<std::unique_ptr<BlockRunner>> runners(blocks);
    for (;;) {
        std::vector<unsigned long> candidates;
        for (unsigned long i = 0; i < blocks; i++)
            if (!runners[i] || runners[i]->can_resume())
                candidates.push_back(i);
        if (candidates.empty())
            break;
        const unsigned long chosen = candidates[choose_next(context, candidates.size())];
        const bool begins = !runners[chosen];
        if (begins)
            runners[chosen] = take_runner();
        BlockRunner& runner = *runners[chosen];
        if (!has_run(runner, begins ? runner.start(launch, index_of(chosen, launch.grid), shared) : runner.resume()))
            return;
        if (std::memcmp(bytes, untouched.data(), shared.bytes) != 0)
            return fail(launch_failed, launch.kernel + ": a cooperative kernel of the software GPU has no shared memory but what its launch asks for");
    }
    for (unsigned long i = 0; i < blocks; i++)
        if (!runners[i]->has_ended())
            return fail(launch_failed, launch.kernel + ": no block can go on: block " + to_string(index_of(i, launch.grid)) + ": "
                + runners[i]->describe_waits() + (i + 1 < blocks ? "; and so on" : ""));
    for (auto& runner : runners)
        idle_runners().push_back(std::move(runner));
}

bool finish_early(Launch& launch, const SharedMemory& shared)
{
    bool all = true;
    for (EarlyBlock& early : launch.early) {
        if (!all)
            break;
        std::memcpy(shared.begin, early.shared_memory.data(), shared.bytes);
        all = has_run(*early.runner, early.runner->finish());
        idle_runners().push_back(std::move(early.runner));
    }
    return all;
}

}

Launch prepare(const char* kernel, const Index& grid, const Index& block, std::function<void()> body, SharedMemory (*shared_memory)())
{
    Launch launch;
    launch.kernel = kernel;
    launch.grid = grid;
    launch.block = block;
    launch.body = std::move(body);
    launch.shared_memory = shared_memory;
    const unsigned size = block.x * block.y * block.z;
    for (unsigned i = 0; i < size; i++)
        launch.threads.push_back(index_of(i, block));
    launch.order.resize(size);
    return launch;
}

void begin_early(Launch& launch)
{
    launch.early.clear();
    const unsigned long blocks = blocks_of(launch);
    Context& context = *acting_context();
    const Order order(blocks, choose_order(context));
    choose_order_of_threads(launch);
    const SharedMemory shared = launch.shared_memory();
    const auto* const bytes = static_cast<const unsigned char*>(shared.begin);
    for (unsigned long i = 0; i < std::min<unsigned long>(blocks, most_early_blocks); i++) {
        launch.early.push_back({order[i], take_runner(), {}});
        EarlyBlock& early = launch.early.back();
        fill_with_never_written(shared.begin, shared.bytes);
        if (!has_run(*early.runner, early.runner->begin(launch, index_of(early.number, launch.grid), shared)))
            return;
        early.shared_memory.assign(bytes, bytes + shared.bytes);
    }
}

void execute(Launch& launch)
{
    const unsigned long blocks = blocks_of(launch);
    Context& context = *acting_context();
    if (launch.is_cooperative)
        return execute_cooperatively(launch, context);
    const Order order(blocks, choose_order(context));
    if (launch.early.empty())
        choose_order_of_threads(launch);

    std::atomic<unsigned long> next{0};
    std::atomic<bool> has_failed{!launch.early.empty() && !finish_early(launch, launch.shared_memory())};
    run_on_pool(blocks * launch.order.size() < least_to_share ? 1 : blocks, [&] {
        BlockRunner& runner = own_runner();
        const SharedMemory shared = launch.shared_memory();
        for (unsigned long i = next++; i < blocks && !has_failed; i = next++) {
            if (is_early(launch, order[i]))
                continue;
            fill_with_never_written(shared.begin, shared.bytes);
            if (!has_run(runner, runner.run(launch, index_of(order[i], launch.grid), shared)))
                has_failed = true;
        }
    });
    launch.early.clear();
}

}
