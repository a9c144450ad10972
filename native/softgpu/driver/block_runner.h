// Runs the threads of a block as fibers that take turns on one thread of the operating system. A thread that needs no other one runs
// from its begin to its end at once; only a barrier, a warp's exchange or the wait for earlier kernels suspends it.
#pragma once

#include "../cuda_on_cpu.h"
#include "../kernel_registration.h"
#include "errors.h"
#include "fiber.h"
#include "thread_sanitizer.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace softgpu {

class BlockRunner;

// A block that has begun before the kernels before its own, with its shared memory while others of the same thread of the host run.
struct EarlyBlock {
    unsigned long number;
    std::unique_ptr<BlockRunner> runner;
    std::vector<unsigned char> shared_memory;
};

// A launch, with what is the same for all of its blocks.
struct Launch {
    std::string kernel;
    Index grid;
    Index block;
    std::function<void()> body; // one thread
    SharedMemory (*shared_memory)(); // of the thread of the host that calls
    std::vector<Index> threads; // by their number in the block
    std::vector<unsigned> order; // in which they start
    bool latest_first = false; // of those that can go on: one warp runs ahead of the others, which otherwise take turns
    unsigned shared_bytes = 0; // beside the kernel's own
    bool is_cooperative = false; // all blocks run beside each other
    bool is_dependent = false; // may start before the kernel before it has ended
    bool can_wait = true; // its code is for compute capability 9.0 or later
    std::vector<EarlyBlock> early;
};

std::string to_string(const Index& index);

class BlockRunner {
public:
    BlockRunner();
    ~BlockRunner();
    BlockRunner(const BlockRunner&) = delete;
    BlockRunner& operator=(const BlockRunner&) = delete;

    // False where a thread did what a GPU would not.
    bool run(const Launch& launch, const Index& block, const SharedMemory& shared_memory);

    // The same in two parts, on one thread of the host: up to the threads' waits for the kernels before, and the rest when those have run.
    bool begin(const Launch& launch, const Index& block, const SharedMemory& shared_memory);
    bool finish();

    // The same of a block that may wait for others of its launch, on one thread of the host: until a thread waits for a word to change, or none can go on, and
    // on from there once some can. Each block has shared memory of its own but for what the image has, which it may not use.
    bool start(const Launch& launch, const Index& block, const SharedMemory& shared_memory);
    bool can_resume() const;
    bool resume();
    bool has_ended() const { return ended_ == size_; }

    // Where its threads are, once none can go on.
    std::string describe_waits() const;

    // Why it was false.
    CUresult error_code() const { return error_code_; }
    const std::string& error() const { return error_; }

    // The runner whose CUDA thread runs on this thread, or null.
    static BlockRunner* running();

    // For the thread that runs: what the intrinsics do.
    unsigned lane() const { return current_ % warp_size; }
    void synchronise(const Site& site);
    std::uint64_t exchange(unsigned mask, std::uint64_t value, unsigned source_lane, const Site& site);
    unsigned ballot(unsigned mask, bool predicate, const Site& site);
    const std::uint64_t* exchange_all(const std::uint64_t* words, unsigned count, void (*combine)(std::uint64_t* all), const Site& site);
    void issue_copy(const Copy& copy, const Site& site);
    void commit_copies()
    {
        some_copied_ = true;
        copies_[current_].committed++;
    }
    bool next_copy(unsigned groups_left, Copy* copy);
    void require_shared(const void* address, const Site& site);
    void wait_for_earlier_kernels(const Site& site);
    void let_next_kernel_start(const Site& site);
    void* dynamic_shared_memory() { return dynamic_memory_.empty() ? nullptr : dynamic_memory_.data(); }
    void wait_for_change(const unsigned long long* word, unsigned long long seen, const Site& site);

    // Ends the block from within one of its threads, without unwinding, and names the thread. Not the thread itself makes the text:
    // ThreadSanitizer would take its allocations for the kernel's, and what is on its stack is never destroyed.
    template <typename Describe>
    [[noreturn]] void abort(CUresult code, Describe&& describe)
    {
        release(&ended_mark_);
        become(host_identity_);
        error_code_ = code;
        error_ = name_thread() + describe();
        leave();
    }

    // The stack of the thread that runs, for what comes after a fault. Callable in a signal handler.
    void* abandon_stack() { return fiber_->clear(); }

private:
    static constexpr unsigned warp_size = 32;

    // Of no interest is whether it runs, can go on or waits for its warp.
    enum class State : unsigned char { unstarted, started, at_barrier, behind_kernels, behind_blocks, ended };

    struct Thread {
        State state = State::unstarted;
        Fiber* fiber = nullptr;
        Site site{};
        bool has_waited = false; // for the kernels before
        const unsigned long long* word = nullptr; // that another block must change
        unsigned long long seen = 0;

        bool can_resume() const { return state == State::behind_blocks && __atomic_load_n(word, __ATOMIC_RELAXED) != seen; }
    };

    struct Warp {
        unsigned living = 0;
        unsigned waiting = 0;
        bool are_alike = true; // the waiting: same place, same mask
        unsigned mask = 0; // of the first
        Site site{};
        unsigned masks[warp_size];
        unsigned sources[warp_size];
        std::uint64_t values[warp_size];
        std::uint64_t results[warp_size];
        // Of two exchanges of all words, by turns: a lane may be in the next one while others still read.
        std::uint64_t words[2][warp_size * most_words_of_lane];
        unsigned turn = 0;
    };

    struct IssuedCopy {
        Copy copy;
        unsigned group;
        bool is_read; // already, before the kernels before have run
        alignas(16) unsigned char bytes[16];
    };

    struct alignas(16) Sixteen {
        unsigned char bytes[16];
    };

    // Of a thread, in the order of their issue; those before `made` are made.
    struct Copies {
        std::vector<IssuedCopy> issued;
        std::size_t made = 0;
        unsigned committed = 0;
    };

    void prepare(const Launch& launch, const Index& block, const SharedMemory& shared_memory);
    bool go_on();
    static void run_threads(void* self);
    void start_thread();
    void end_thread();
    __attribute__((always_inline)) inline void enter(unsigned thread);
    __attribute__((always_inline)) inline Fiber& next();
    Fiber& start_or_end(bool goes_on);
    __attribute__((always_inline)) inline void fetch_next();
    Fiber& add_fiber();
    Fiber& take_fiber();
    Fiber& fiber_of(unsigned thread);
    std::string name_thread() const;
    [[noreturn]] void leave();
    __attribute__((always_inline)) inline void suspend(const Site& site);
    void suspend(State state, const Site& site);
    __attribute__((always_inline)) inline void make_ready(unsigned thread);
    __attribute__((always_inline)) inline std::uint64_t meet(unsigned mask, std::uint64_t value, unsigned source, const Site& site);
    [[noreturn]] __attribute__((noinline)) void refuse_meeting(unsigned mask, const Site& site);
    void end_meeting(unsigned mask, const Site& site);
    void require_likeness(unsigned mask, const Site& site);
    void give_up();

    const Launch* launch_ = nullptr;
    Index block_{};
    unsigned size_ = 0;
    std::vector<Thread> threads_;
    std::vector<Warp> warps_;
    std::vector<Copies> copies_;
    bool some_copied_ = false; // in this block, so that its copies are not as they were at its begin
    SharedMemory shared_memory_{};
    std::vector<Sixteen> dynamic_memory_;
    std::vector<unsigned> ready_; // a ring of as many places as threads: allocations on behalf of a thread would look like the kernel's
    unsigned first_ready_ = 0, ready_count_ = 0;
    unsigned started_ = 0, ended_ = 0, at_barrier_ = 0, behind_kernels_ = 0, behind_blocks_ = 0, current_ = 0;
    bool is_early_ = false; // the kernels before have not run
    bool yields_ = false; // to other blocks, though threads of this one could go on
    Site barrier_{};
    CUresult error_code_ = success;
    std::string error_;

    Fiber host_;
    Fiber* fiber_ = nullptr; // that runs now
    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<Fiber*> free_fibers_;

    void* host_identity_ = nullptr; // for ThreadSanitizer
    std::vector<void*> identities_; // by the threads' numbers
    char started_mark_ = 0, ended_mark_ = 0;

    void* signal_stack_ = nullptr;
};

}
