#include "execution.h"
#include "context.h"
#include "fiber.h"
#include "memory.h"
#include "pool.h"

#include <atomic>
#include <cfenv>
#include <csignal>
#include <memory>
#include <numeric>
#include <vector>

// Present where the process runs under ThreadSanitizer: every CUDA thread is then a thread to it, ordered by barriers and shuffles alone.
extern "C" {
__attribute__((weak)) void* __tsan_get_current_fiber();
__attribute__((weak)) void* __tsan_create_fiber(unsigned flags);
__attribute__((weak)) void __tsan_switch_to_fiber(void* fiber, unsigned flags);
__attribute__((weak)) void __tsan_acquire(void* address);
__attribute__((weak)) void __tsan_release(void* address);
}

namespace softgpu {

thread_local constinit Coordinates coordinates{};

namespace {

constexpr unsigned warp_size = 32;
constexpr unsigned no_order = 1; // a switch that orders nothing, as ThreadSanitizer calls it

void acquire(void* address)
{
    if (__tsan_acquire)
        __tsan_acquire(address);
}

void release(void* address)
{
    if (__tsan_release)
        __tsan_release(address);
}

std::string text(const Index& index)
{
    std::string result("(");
    result.append(std::to_string(index.x)).append(", ").append(std::to_string(index.y)).append(", ").append(std::to_string(index.z)).append(")");
    return result;
}

unsigned count(const Index& size) { return size.x * size.y * size.z; }

Index index_of(unsigned number, const Index& size) { return {number % size.x, number / size.x % size.y, number / size.x / size.y}; }

// All numbers below n in an order that the seed decides; in their own order without one.
class Order {
public:
    Order(unsigned long n, unsigned long seed) : n_(n)
    {
        if (seed == 0 || n < 3)
            return;
        first_ = seed * 0x9e3779b97f4a7c15ul % n;
        step_ = (seed * 0xc2b2ae3d27d4eb4ful >> 16) % n;
        while (step_ == 0 || std::gcd(step_, n) != 1)
            step_ = (step_ + 1) % n;
    }

    unsigned long operator[](unsigned long i) const { return (first_ + static_cast<unsigned long>(static_cast<unsigned __int128>(step_) * i % n_)) % n_; }

private:
    unsigned long n_, first_ = 0, step_ = 1;
};

enum class State { unstarted, running, ready, at_barrier, in_warp, done };

struct Thread {
    State state = State::unstarted;
    Fiber* fiber = nullptr;
    void* tsan = nullptr;
    const char* where = nullptr;
};

struct Warp {
    std::uint64_t values[2][warp_size];
    unsigned arrived = 0;
    unsigned mask = 0;
    unsigned round = 0;
};

// Runs blocks on one thread of the pool.
class BlockRunner {
public:
    ~BlockRunner()
    {
        for (Fiber* fiber : all_fibers_)
            delete fiber;
    }

    // False where a thread did what a GPU would not.
    bool run(const Launch& launch, const Index& block, unsigned long seed)
    {
        launch_ = &launch;
        size_ = count(launch.block);
        threads_.assign(size_, {});
        warps_.assign((size_ + warp_size - 1) / warp_size, {});
        order_ = std::make_unique<Order>(size_, seed);
        next_ = finished_ = at_barrier_ = first_ready_ = ready_count_ = 0;
        ready_.resize(size_);
        error_.clear();
        coordinates = {{0, 0, 0}, block, launch.block, launch.grid};
        coordinates_ = coordinates;
        if (__tsan_get_current_fiber)
            host_tsan_ = __tsan_get_current_fiber();
        running_ = this;
        while (finished_ < size_ && error_.empty())
            step();
        running_ = nullptr;
        if (error_.empty())
            return true;
        for (Fiber* fiber : all_fibers_)
            fiber->restart();
        free_fibers_ = all_fibers_;
        return false;
    }

    static BlockRunner* running() { return running_; }

    // What went wrong with the last block.
    const std::string& error() const { return error_; }

    unsigned lane() const { return current_ % warp_size; }

    void synchronise(const char* where)
    {
        if (++at_barrier_ == size_) {
            release(&at_barrier_);
            at_barrier_ = 0;
            for (unsigned thread = 0; thread < size_; thread++)
                if (threads_[thread].state == State::at_barrier)
                    make_ready(thread);
            acquire(&at_barrier_);
            return;
        }
        release(&at_barrier_);
        suspend(State::at_barrier, where);
        acquire(&at_barrier_);
    }

    // Every lane of the mask brings a value; all lanes' values are there when it returns.
    const std::uint64_t* exchange(unsigned mask, std::uint64_t value, const char* where)
    {
        const unsigned own = lane();
        Warp& warp = warps_[current_ / warp_size];
        if ((mask >> own & 1) == 0)
            abort(std::string(where) + " by a lane that its own mask leaves out");
        if (warp.arrived != 0 && warp.mask != mask)
            abort(std::string(where) + " with other masks in one warp at a time");
        const unsigned first = current_ / warp_size * warp_size;
        for (unsigned other = 0; other < warp_size; other++)
            if ((mask >> other & 1) != 0 && (first + other >= size_ || threads_[first + other].state == State::done))
                abort(std::string(where) + ": lane " + std::to_string(other) + " is in the mask, but " + (first + other >= size_ ? "the block has no such thread" : "has ended"));
        const unsigned round = warp.round;
        warp.values[round % 2][own] = value;
        warp.mask = mask;
        warp.arrived |= 1u << own;
        release(&warp);
        if (warp.arrived == mask) {
            warp.arrived = 0;
            warp.round++;
            for (unsigned other = 0; other < warp_size; other++)
                if (other != own && (mask >> other & 1) != 0)
                    make_ready(first + other);
        } else {
            suspend(State::in_warp, where);
        }
        acquire(&warp);
        return warp.values[round % 2];
    }

    // Ends the block from within one of its threads, with that thread's position.
    [[noreturn]] void abort(const std::string& what)
    {
        error_ = launch_->kernel + ", block " + text(coordinates_.block) + ", thread " + text(index_of(current_, launch_->block)) + ": " + what;
        leave();
        __builtin_unreachable();
    }

private:
    void step()
    {
        if (ready_count_ > 0) {
            const unsigned thread = ready_[first_ready_];
            first_ready_ = (first_ready_ + 1) % size_;
            ready_count_--;
            threads_[thread].state = State::running;
            enter(thread);
            host_.switch_to(*threads_[thread].fiber);
        } else if (next_ < size_) {
            if (free_fibers_.empty()) {
                all_fibers_.push_back(new Fiber(&BlockRunner::run_threads, this));
                free_fibers_.reserve(all_fibers_.size());
                free_fibers_.push_back(all_fibers_.back());
            }
            fiber_ = free_fibers_.back();
            free_fibers_.pop_back();
            host_.switch_to(*fiber_);
        } else {
            explain_deadlock();
        }
    }

    // A fiber's life: threads one after the other for as long as none has to wait.
    static void run_threads(void* argument)
    {
        auto& self = *static_cast<BlockRunner*>(argument);
        for (;;) {
            Fiber* const own = self.fiber_;
            while (self.next_ < self.size_) {
                const auto number = static_cast<unsigned>((*self.order_)[self.next_++]);
                Thread& thread = self.threads_[number];
                thread.fiber = own;
                thread.state = State::running;
                self.enter(number);
                acquire(const_cast<Launch*>(self.launch_));
                self.launch_->body();
                release(const_cast<Launch*>(self.launch_));
                self.threads_[self.current_].state = State::done;
                self.finished_++;
                self.fiber_ = own;
            }
            self.free_fibers_.push_back(own);
            self.leave_fiber(own);
        }
    }

    void enter(unsigned number)
    {
        current_ = number;
        coordinates.thread = index_of(number, launch_->block);
        if (!__tsan_create_fiber)
            return;
        if (tsan_fibers_.size() <= number)
            tsan_fibers_.resize(number + 1);
        if (!tsan_fibers_[number])
            tsan_fibers_[number] = __tsan_create_fiber(0);
        __tsan_switch_to_fiber(tsan_fibers_[number], no_order);
    }

    void suspend(State state, const char* where)
    {
        Thread& thread = threads_[current_];
        thread.state = state;
        thread.where = where;
        leave_fiber(thread.fiber);
    }

    void leave_fiber(Fiber* own)
    {
        if (__tsan_switch_to_fiber)
            __tsan_switch_to_fiber(host_tsan_, no_order);
        own->switch_to(host_);
    }

    void leave()
    {
        Fiber* const own = threads_[current_].fiber;
        leave_fiber(own);
    }

    void make_ready(unsigned thread)
    {
        threads_[thread].state = State::ready;
        ready_[(first_ready_ + ready_count_++) % size_] = thread;
    }

    void explain_deadlock()
    {
        unsigned waiting = 0;
        std::string where;
        for (const Thread& thread : threads_) {
            if (thread.state == State::at_barrier || thread.state == State::in_warp) {
                waiting++;
                where = thread.where;
            }
        }
        error_ = launch_->kernel + ", block " + text(coordinates_.block) + ": " + std::to_string(waiting) + " of " + std::to_string(size_)
            + " threads wait (" + where + ") for others that have ended or wait elsewhere";
    }

    static thread_local BlockRunner* running_;

    const Launch* launch_ = nullptr;
    Coordinates coordinates_{};
    unsigned size_ = 0;
    std::vector<Thread> threads_;
    std::vector<Warp> warps_;
    std::unique_ptr<Order> order_;
    // Rings of fixed size: what a thread of the block allocates, ThreadSanitizer would take for its own.
    std::vector<unsigned> ready_;
    unsigned first_ready_ = 0, ready_count_ = 0;
    unsigned next_ = 0, finished_ = 0, at_barrier_ = 0, current_ = 0;
    Fiber host_;
    Fiber* fiber_ = nullptr;
    std::vector<Fiber*> all_fibers_, free_fibers_;
    std::vector<void*> tsan_fibers_;
    void* host_tsan_ = nullptr;
    std::string error_;
};

thread_local BlockRunner* BlockRunner::running_ = nullptr;

struct sigaction previous_handlers[2];

// A wild access of a kernel: the block ends here, without unwinding, as on a GPU.
void on_fault(int signal, siginfo_t* information, void* state)
{
    if (BlockRunner* const runner = BlockRunner::running())
        runner->abort("touched " + describe_address(information->si_addr));
    const struct sigaction& previous = previous_handlers[signal == SIGSEGV ? 0 : 1];
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(signal, information, state);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(signal);
    } else {
        sigaction(signal, &previous, nullptr);
    }
}

BlockRunner& own_runner()
{
    thread_local BlockRunner runner;
    return runner;
}

}

void install_fault_handler()
{
    static bool is_installed = false;
    if (is_installed)
        return;
    is_installed = true;
    struct sigaction action{};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_handlers[0]);
    sigaction(SIGBUS, &action, &previous_handlers[1]);
}

void synchronise_block(const char* where) { BlockRunner::running()->synchronise(where); }

unsigned lane() { return BlockRunner::running()->lane(); }

std::uint64_t exchange(unsigned mask, std::uint64_t value, unsigned source_lane, const char* where)
{
    BlockRunner& runner = *BlockRunner::running();
    if (source_lane >= warp_size || (mask >> source_lane & 1) == 0)
        runner.abort(std::string(where) + " reads lane " + std::to_string(source_lane) + ", which is not in the mask");
    return runner.exchange(mask, value, where)[source_lane];
}

unsigned ballot(unsigned mask, bool predicate, const char* where)
{
    const std::uint64_t* const values = BlockRunner::running()->exchange(mask, predicate, where);
    unsigned result = 0;
    for (unsigned lane_number = 0; lane_number < warp_size; lane_number++)
        if ((mask >> lane_number & 1) != 0 && values[lane_number] != 0)
            result |= 1u << lane_number;
    return result;
}

void execute(const Launch& launch)
{
    const auto blocks = static_cast<unsigned long>(launch.grid.x) * launch.grid.y * launch.grid.z;
    const unsigned long seed = options().seed == 0 ? 0 : context().random() | 1;
    const Order order(blocks, seed);
    std::atomic<unsigned long> next{0};
    std::atomic<bool> is_invalid{false};
    std::atomic<bool> has_failed{false};
    std::string error;
    std::mutex error_lock;
    release(const_cast<Launch*>(&launch));
    pool().run(blocks, [&] {
        std::feclearexcept(FE_INVALID);
        BlockRunner& runner = own_runner();
        for (unsigned long i = next++; i < blocks && !has_failed; i = next++) {
            const unsigned long block = order[i];
            const Index index{static_cast<unsigned>(block % launch.grid.x), static_cast<unsigned>(block / launch.grid.x % launch.grid.y),
                static_cast<unsigned>(block / launch.grid.x / launch.grid.y)};
            if (!runner.run(launch, index, seed)) {
                const std::lock_guard lock(error_lock);
                if (!has_failed.exchange(true))
                    error = runner.error();
            }
        }
        if (std::fetestexcept(FE_INVALID))
            is_invalid = true;
    });
    acquire(const_cast<Launch*>(&launch));
    if (has_failed)
        fail(error.find("touched") != std::string::npos ? illegal_address : launch_failed, error);
    else if (is_invalid)
        check_uninitialised_reads(launch.kernel.c_str());
}

}
