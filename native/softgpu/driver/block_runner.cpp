#include "block_runner.h"
#include "memory.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace softgpu {

// The images reach for these all the time, and a signal handler too: no lazy allocation.
thread_local constinit Coordinates coordinates{};

namespace {

thread_local constinit __attribute__((tls_model("initial-exec"))) BlockRunner* running_on_this_thread = nullptr;

constexpr std::size_t signal_stack_bytes = 64 << 10;
constexpr unsigned everyone = 32; // as the source of an exchange: one bit of every lane

bool is_same_text(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }

bool operator==(const Site& a, const Site& b) { return a.line == b.line && is_same_text(a.call, b.call) && is_same_text(a.file, b.file); }

std::string to_string(const Site& site) { return std::string(site.call) + " at " + site.file + ":" + std::to_string(site.line); }

}

std::string to_string(const Index& index)
{
    std::string result = "(";
    return result.append(std::to_string(index.x)).append(", ").append(std::to_string(index.y)).append(", ").append(std::to_string(index.z)).append(")");
}

BlockRunner::BlockRunner()
{
    // A handler needs a stack of its own where a fiber's overflows.
    stack_t present{};
    if (sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0)
        return;
    signal_stack_ = mmap(nullptr, signal_stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (signal_stack_ == MAP_FAILED)
        std::abort();
    const stack_t own{signal_stack_, 0, signal_stack_bytes};
    sigaltstack(&own, nullptr);
}

BlockRunner::~BlockRunner()
{
    give_up();
    if (!signal_stack_)
        return;
    const stack_t none{nullptr, SS_DISABLE, 0};
    sigaltstack(&none, nullptr);
    munmap(signal_stack_, signal_stack_bytes);
}

BlockRunner* BlockRunner::running() { return running_on_this_thread; }

bool BlockRunner::run(const Launch& launch, const Index& block, const SharedMemory& shared_memory)
{
    prepare(launch, block, shared_memory);
    return go_on();
}

bool BlockRunner::begin(const Launch& launch, const Index& block, const SharedMemory& shared_memory)
{
    prepare(launch, block, shared_memory);
    is_early_ = true;
    return go_on();
}

bool BlockRunner::finish()
{
    is_early_ = false;
    behind_kernels_ = 0;
    for (const unsigned thread : launch_->order)
        if (threads_[thread].state == State::behind_kernels)
            make_ready(thread);
    return go_on();
}

bool BlockRunner::start(const Launch& launch, const Index& block, const SharedMemory& shared_memory)
{
    prepare(launch, block, shared_memory);
    return go_on();
}

bool BlockRunner::can_resume() const
{
    return ready_count_ > 0 || started_ < size_ || std::any_of(threads_.begin(), threads_.end(), [](const Thread& thread) { return thread.can_resume(); });
}

bool BlockRunner::resume()
{
    for (const unsigned thread : launch_->order)
        if (threads_[thread].can_resume()) {
            behind_blocks_--;
            make_ready(thread);
        }
    return go_on();
}

void BlockRunner::prepare(const Launch& launch, const Index& block, const SharedMemory& shared_memory)
{
    launch_ = &launch;
    shared_memory_ = shared_memory;
    block_ = block;
    size_ = static_cast<unsigned>(launch.threads.size());
    threads_.resize(size_);
    for (Thread& thread : threads_) {
        thread.state = State::unstarted;
        thread.has_waited = false;
    }
    warps_.resize((size_ + warp_size - 1) / warp_size);
    for (unsigned i = 0; i < warps_.size(); i++) {
        const unsigned lanes = size_ - i * warp_size;
        warps_[i].living = lanes >= warp_size ? ~0u : (1u << lanes) - 1;
        warps_[i].waiting = 0;
    }
    if (copies_.size() < size_)
        copies_.resize(size_);
    if (some_copied_)
        for (Copies& copies : copies_) {
            copies.issued.clear();
            copies.made = copies.committed = 0;
        }
    some_copied_ = false;
    ready_.resize(size_);
    first_ready_ = ready_count_ = 0;
    started_ = ended_ = at_barrier_ = behind_kernels_ = behind_blocks_ = 0;
    yields_ = false;
    dynamic_memory_.resize((launch.shared_bytes + sizeof(Sixteen) - 1) / sizeof(Sixteen));
    fill_with_never_written(dynamic_memory_.data(), dynamic_memory_.size() * sizeof(Sixteen));
    is_early_ = false;
    error_.clear();
    if (is_under_thread_sanitizer()) {
        host_identity_ = __tsan_get_current_fiber();
        while (identities_.size() < size_)
            identities_.push_back(__tsan_create_fiber(0));
    }
}

// Runs threads until all have ended, or none can go on.
bool BlockRunner::go_on()
{
    coordinates = {{}, block_, launch_->block, launch_->grid};
    release(&started_mark_);
    running_on_this_thread = this;
    host_.switch_to(next());
    running_on_this_thread = nullptr;
    acquire(&ended_mark_);

    if (error_.empty() && ended_ < size_ && behind_kernels_ == 0 && (behind_blocks_ == 0 || !launch_->is_cooperative)) {
        error_code_ = launch_failed;
        error_ = launch_->kernel + ", block " + to_string(block_) + ": no thread can go on: " + describe_waits()
            + (behind_blocks_ > 0 ? ", for other blocks, which need not run beside this one: the launch is not cooperative" : "");
    }
    if (error_.empty())
        return true;
    give_up();
    return false;
}

void BlockRunner::run_threads(void* argument)
{
    auto& self = *static_cast<BlockRunner*>(argument);
    for (;;) {
        do {
            self.start_thread();
            self.launch_->body();
            self.end_thread();
        } while (!is_under_thread_sanitizer() && self.started_ < self.size_);
        Fiber& own = *self.fiber_;
        if (!is_under_thread_sanitizer())
            self.free_fibers_.push_back(&own);
        own.switch_to(self.next());
    }
}

void BlockRunner::start_thread()
{
    const unsigned number = launch_->order[started_++];
    threads_[number].state = State::started;
    threads_[number].fiber = fiber_;
    enter(number);
    acquire(&started_mark_);
}

void BlockRunner::end_thread()
{
    if (some_copied_ && copies_[current_].made < copies_[current_].issued.size())
        abort(launch_failed, [] { return std::string("ended with copies to shared memory that it had not waited for"); });
    if (launch_->is_dependent && !threads_[current_].has_waited)
        abort(launch_failed, [] { return std::string("ended without a wait for the kernels before it, which may run still"); });
    release(&ended_mark_);
    threads_[current_].state = State::ended;
    warps_[current_ / warp_size].living &= ~(1u << lane());
    ended_++;
}

void BlockRunner::enter(unsigned thread)
{
    current_ = thread;
    coordinates.thread = launch_->threads[thread];
    if (is_under_thread_sanitizer())
        become(identities_[thread]);
}

// Begins to load the stack of the thread that comes after the one that goes on now: most of the time of a switch is waiting for it.
void BlockRunner::fetch_next()
{
    const unsigned place = launch_->latest_first ? first_ready_ + ready_count_ - 1 : first_ready_;
    threads_[ready_[place < size_ ? place : place - size_]].fiber->fetch();
}

// Where to go on: with a thread that can, with a new one, or at the end.
Fiber& BlockRunner::next()
{
    const bool goes_on = error_.empty() && !yields_;
    yields_ = false;
    if (goes_on && ready_count_ > 0) {
        ready_count_--;
        unsigned place = first_ready_;
        if (launch_->latest_first)
            place += ready_count_;
        else
            first_ready_ = first_ready_ + 1 == size_ ? 0 : first_ready_ + 1;
        const unsigned thread = ready_[place < size_ ? place : place - size_];
        if (ready_count_ > 0)
            fetch_next();
        fiber_ = threads_[thread].fiber;
        enter(thread);
        return *fiber_;
    }
    return start_or_end(goes_on);
}

Fiber& BlockRunner::start_or_end(bool goes_on)
{
    if (goes_on && started_ < size_) {
        fiber_ = is_under_thread_sanitizer() ? &fiber_of(launch_->order[started_]) : &take_fiber();
        return *fiber_;
    }
    fiber_ = nullptr;
    become(host_identity_);
    return host_;
}

Fiber& BlockRunner::add_fiber()
{
    become(host_identity_);
    fibers_.push_back(std::make_unique<Fiber>(&BlockRunner::run_threads, this, fibers_.size()));
    free_fibers_.reserve(fibers_.size());
    return *fibers_.back();
}

Fiber& BlockRunner::take_fiber()
{
    if (free_fibers_.empty())
        return add_fiber();
    Fiber& fiber = *free_fibers_.back();
    free_fibers_.pop_back();
    return fiber;
}

// ThreadSanitizer takes it for a race where threads follow each other on a stack with nothing between that it knows: each has one of its own.
Fiber& BlockRunner::fiber_of(unsigned thread)
{
    while (fibers_.size() <= thread)
        add_fiber();
    return *fibers_[thread];
}

void BlockRunner::suspend(State state, const Site& site)
{
    threads_[current_].state = state;
    suspend(site);
}

void BlockRunner::suspend(const Site& site)
{
    threads_[current_].site = site;
    release(&ended_mark_); // where it never goes on
    Fiber& own = *fiber_;
    own.switch_to(next());
}

void BlockRunner::make_ready(unsigned thread)
{
    threads_[thread].state = State::started;
    const unsigned place = first_ready_ + ready_count_++;
    ready_[place < size_ ? place : place - size_] = thread;
}

void BlockRunner::synchronise(const Site& site)
{
    if (at_barrier_ == 0)
        barrier_ = site;
    else if (!(site == barrier_))
        abort(launch_failed, [&] { return to_string(site) + " while other threads of the block are in " + to_string(barrier_); });
    release(&at_barrier_);
    if (++at_barrier_ < size_) {
        suspend(State::at_barrier, site);
    } else {
        at_barrier_ = 0;
        for (const unsigned thread : launch_->order)
            if (threads_[thread].state == State::at_barrier)
                make_ready(thread);
    }
    acquire(&at_barrier_);
}

std::uint64_t BlockRunner::exchange(unsigned mask, std::uint64_t value, unsigned source_lane, const Site& site)
{
    if (source_lane >= warp_size || (mask >> source_lane & 1) == 0)
        abort(launch_failed, [&] { return to_string(site) + " reads lane " + std::to_string(source_lane) + ", which is not in the mask"; });
    return meet(mask, value, source_lane, site);
}

unsigned BlockRunner::ballot(unsigned mask, bool predicate, const Site& site) { return static_cast<unsigned>(meet(mask, predicate, everyone, site)); }

// Brings a value to the lanes of the mask, and returns what this one asked for when all have come.
std::uint64_t BlockRunner::meet(unsigned mask, std::uint64_t value, unsigned source, const Site& site)
{
    const unsigned own = lane();
    Warp& warp = warps_[current_ / warp_size];
    if ((mask >> own & 1) == 0 || (mask & ~warp.living) != 0)
        refuse_meeting(mask, site);
    if (warp.waiting == 0) {
        warp.are_alike = true;
        warp.mask = mask;
        warp.site = site;
    } else if (mask != warp.mask || !(site == warp.site)) {
        warp.are_alike = false;
    }
    warp.masks[own] = mask;
    warp.values[own] = value;
    warp.sources[own] = source;
    warp.waiting |= 1u << own;
    if ((warp.waiting & mask) != mask)
        suspend(site);
    else
        end_meeting(mask, site);
    return warp.results[own];
}

void BlockRunner::refuse_meeting(unsigned mask, const Site& site)
{
    if ((mask >> lane() & 1) == 0)
        abort(launch_failed, [&] { return to_string(site) + " by a lane that its own mask leaves out"; });
    const unsigned missing = mask & ~warps_[current_ / warp_size].living;
    abort(launch_failed, [&] { return to_string(site) + ": lane " + std::to_string(__builtin_ctz(missing)) + " of the mask has ended or never was"; });
}

// By the last lane to come: gives each what it asked for.
void BlockRunner::end_meeting(unsigned mask, const Site& site)
{
    const unsigned own = lane(), first = current_ - own;
    Warp& warp = warps_[current_ / warp_size];
    if (!warp.are_alike)
        require_likeness(mask, site);
    std::uint64_t votes = 0;
    if (warp.sources[own] == everyone)
        for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1) {
            const auto other = static_cast<unsigned>(__builtin_ctz(lanes));
            votes |= (warp.values[other] & 1) << other;
        }
    for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1) {
        const auto other = static_cast<unsigned>(__builtin_ctz(lanes));
        warp.results[other] = warp.sources[other] == everyone ? votes : warp.values[warp.sources[other]];
        if (other != own)
            make_ready(first + other);
    }
    warp.waiting &= ~mask;
}

void BlockRunner::require_likeness(unsigned mask, const Site& site)
{
    const unsigned own = lane(), first = current_ - own;
    const Warp& warp = warps_[current_ / warp_size];
    for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1) {
        const auto other = static_cast<unsigned>(__builtin_ctz(lanes));
        const Thread& thread = threads_[first + other];
        if (other != own && (warp.masks[other] != mask || !(thread.site == site)))
            abort(launch_failed, [&] { return to_string(site) + ": lane " + std::to_string(other) + " of the mask is in " + to_string(thread.site)
                + (warp.masks[other] != mask ? " with another mask" : ""); });
    }
}

// A lane that comes back from the meeting first has been the last to come, and begins the next turn.
const std::uint64_t* BlockRunner::exchange_all(const std::uint64_t* words, unsigned count, void (*combine)(std::uint64_t* all), const Site& site)
{
    Warp& warp = warps_[current_ / warp_size];
    const unsigned turn = warp.turn;
    std::uint64_t* const all = warp.words[turn % 2];
    for (unsigned i = 0; i < count; i++)
        all[lane() * count + i] = words[i];
    if (combine && (warp.waiting | 1u << lane()) == ~0u)
        combine(all);
    meet(~0u, 0, everyone, site);
    if (warp.turn == turn)
        warp.turn++;
    return all;
}

void BlockRunner::issue_copy(const Copy& copy, const Site& site)
{
    require_shared(copy.to, site);
    if (reinterpret_cast<std::uintptr_t>(copy.from) % 16 != 0)
        abort(launch_failed, [&] { return to_string(site) + " from an address that is no multiple of 16"; });
    if (copy.bytes > sizeof(IssuedCopy::bytes))
        abort(launch_failed, [&] { return to_string(site) + " of " + std::to_string(copy.bytes) + " bytes"; });
    some_copied_ = true;
    Copies& copies = copies_[current_];
    if (copies.issued.size() == copies.issued.capacity()) {
        become(host_identity_);
        copies.issued.reserve(copies.issued.empty() ? 32 : 2 * copies.issued.size());
        if (is_under_thread_sanitizer())
            become(identities_[current_]);
    }
    copies.issued.push_back({copy, copies.committed, is_early_, {}});
    // Not memcpy of a number of bytes, which is a call that ThreadSanitizer takes for the thread's own.
    if (is_early_)
        for (unsigned i = 0; i < copy.bytes; i++)
            static_cast<volatile unsigned char*>(copies.issued.back().bytes)[i] = static_cast<const unsigned char*>(copy.from)[i];
}

bool BlockRunner::next_copy(unsigned groups_left, Copy* copy)
{
    Copies& copies = copies_[current_];
    if (copies.made == copies.issued.size()) {
        copies.issued.clear();
        copies.made = 0;
        return false;
    }
    const IssuedCopy& next = copies.issued[copies.made];
    if (next.group + groups_left >= copies.committed)
        return false;
    *copy = {next.copy.to, next.is_read ? next.bytes : next.copy.from, next.copy.bytes};
    copies.made++;
    return true;
}

void BlockRunner::require_shared(const void* address, const Site& site)
{
    const auto is_within = [address](const void* begin, std::size_t bytes) {
        const auto offset = reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(begin);
        return offset < bytes && bytes - offset >= 16;
    };
    if (!is_within(shared_memory_.begin, shared_memory_.bytes) && !is_within(dynamic_memory_.data(), dynamic_memory_.size() * sizeof(Sixteen)))
        abort(launch_failed, [&] { return to_string(site) + " of an address outside shared memory"; });
    if (reinterpret_cast<std::uintptr_t>(address) % 16 != 0)
        abort(launch_failed, [&] { return to_string(site) + " of an address that is no multiple of 16"; });
}

void BlockRunner::wait_for_earlier_kernels(const Site& site)
{
    if (!launch_->can_wait)
        return;
    threads_[current_].has_waited = true;
    if (!is_early_)
        return;
    behind_kernels_++;
    suspend(State::behind_kernels, site);
    acquire(&started_mark_);
}

void BlockRunner::let_next_kernel_start(const Site& site)
{
    if (launch_->can_wait && launch_->is_dependent && !threads_[current_].has_waited)
        abort(launch_failed, [&] { return to_string(site) + " before its own wait: the next kernel would start before those that this one waits for"; });
}

// What it sees of other blocks afterwards, the kernel's own loads and stores order, not this. Other blocks come first: what threads of its own have yet to do,
// nobody may rely upon.
void BlockRunner::wait_for_change(const unsigned long long* word, unsigned long long seen, const Site& site)
{
    if (__atomic_load_n(word, __ATOMIC_RELAXED) != seen)
        return;
    threads_[current_].word = word;
    threads_[current_].seen = seen;
    behind_blocks_++;
    yields_ = launch_->is_cooperative;
    suspend(State::behind_blocks, site);
}

std::string BlockRunner::name_thread() const
{
    return launch_->kernel + ", block " + to_string(block_) + ", thread " + to_string(launch_->threads[current_]) + ": ";
}

void BlockRunner::leave()
{
    Fiber& own = *fiber_;
    own.switch_to(next());
    std::abort();
}

std::string BlockRunner::describe_waits() const
{
    const auto describe = [](const Thread& thread) { return thread.state == State::ended ? std::string("ended") : "wait in " + to_string(thread.site); };
    std::string result;
    constexpr int most_groups = 8;
    unsigned begin = 0;
    for (int group = 0; begin < size_ && group < most_groups; group++) {
        const std::string what = describe(threads_[begin]);
        unsigned end = begin + 1;
        while (end < size_ && describe(threads_[end]) == what)
            end++;
        result += (group == 0 ? "threads " : "; ") + std::to_string(begin) + (end - begin > 1 ? " to " + std::to_string(end - 1) : "") + " " + what;
        begin = end;
    }
    return begin < size_ ? result + "; and so on" : result;
}

// After an error, fibers and identities have half-finished work on them.
void BlockRunner::give_up()
{
    fibers_.clear();
    free_fibers_.clear();
    for (void* const identity : identities_)
        __tsan_destroy_fiber(identity);
    identities_.clear();
}

namespace {

BlockRunner& runner() { return *BlockRunner::running(); }

}

unsigned lane() { return runner().lane(); }

void synchronise_block(const Site& site) { runner().synchronise(site); }

std::uint64_t exchange(unsigned mask, std::uint64_t value, unsigned source_lane, const Site& site) { return runner().exchange(mask, value, source_lane, site); }

unsigned ballot(unsigned mask, bool predicate, const Site& site) { return runner().ballot(mask, predicate, site); }

const std::uint64_t* exchange_all(const std::uint64_t* words, unsigned count, void (*combine)(std::uint64_t* all), const Site& site)
{
    return runner().exchange_all(words, count, combine, site);
}

void issue_copy(const Copy& copy, const Site& site) { runner().issue_copy(copy, site); }

void commit_copies() { runner().commit_copies(); }

bool next_copy(unsigned groups_left, Copy* copy) { return runner().next_copy(groups_left, copy); }

void require_shared(const void* address, const Site& site) { runner().require_shared(address, site); }

void wait_for_earlier_kernels(const Site& site) { runner().wait_for_earlier_kernels(site); }

void let_next_kernel_start(const Site& site) { runner().let_next_kernel_start(site); }

void* dynamic_shared_memory() { return runner().dynamic_shared_memory(); }

void wait_for_change(const unsigned long long* word, unsigned long long seen, const Site& site) { runner().wait_for_change(word, seen, site); }

}
