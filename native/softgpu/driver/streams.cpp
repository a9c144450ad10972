#include "streams.h"
#include "capture.h"
#include "context.h"
#include "memory.h"
#include "options.h"
#include "pool.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <set>
#include <utility>

CUstream_st::CUstream_st(softgpu::Context& owner) : context(owner) {}
CUstream_st::~CUstream_st() = default;

namespace softgpu {
namespace {

// Calls that run ahead of their work by more than this wait for some of it.
constexpr std::size_t most_queued = 1024;

constexpr int least_priority = 0, greatest_priority = -5;

struct Streams {
    std::vector<CUstream> created;
    unsigned long tickets = 0;
    bool some_wait_for_others = false;
};

Streams& streams()
{
    static Streams& instance = *new Streams;
    return instance;
}

class SingleWork : public Operation {
public:
    explicit SingleWork(Work work) : work_(std::move(work)) {}

    bool can_go_on() const override { return has_arrived(work_.arrived); }
    const Work* work() const override { return &work_; }

    bool advance() override
    {
        if (work_.begin) {
            perform_begin(work_);
            work_.begin = nullptr;
            return false;
        }
        perform(work_);
        return true;
    }

private:
    Work work_;
};

// Runs work of a context with the checks of memory after it.
void run_checked(const std::string& what, const std::function<void()>& work)
{
    const InvalidOperations invalid;
    try {
        work();
    } catch (const std::exception& exception) {
        fail(launch_failed, what + ": " + exception.what());
    }
    check_canaries(what);
    if (invalid.any())
        check_uninitialised_reads(what);
}

void run_with_faults(const Work& work, const std::function<void()>& part)
{
    if (work.kind == Kind::kernel && is_due(&Options::fail_launch))
        return fail(launch_failed, work.what + ": SOFTGPU_FAIL_LAUNCH asked for it");
    if (work.kind == Kind::kernel && is_due(&Options::lose_device))
        return fail(device_unavailable, work.what + ": the device is lost, as SOFTGPU_LOSE_DEVICE asked");
    run_checked(work.what, part);
}

// Of the stream's first two operations.
bool begin_second_early(const CUstream_st& stream)
{
    if (stream.queue.size() < 2)
        return false;
    const Work* const first = stream.queue[0].operation->work();
    const Work* const second = stream.queue[1].operation->work();
    return first && second && begin_early(*first, *second);
}

void forget_queue(CUstream_st& stream)
{
    stream.context.queued -= stream.queue.size();
    stream.queue.clear();
}

// Destroyed streams whose work is done.
void sweep()
{
    std::erase_if(streams().created, [](CUstream stream) {
        if (!stream->is_destroyed || !stream->queue.empty())
            return false;
        delete stream;
        return true;
    });
}

// It may be gone altogether where another thread destroyed it.
bool is_known(CUstream stream)
{
    const auto& created = streams().created;
    return std::find(created.begin(), created.end(), stream) != created.end();
}

// With a seed, as a GPU does while the host does other things: mostly nothing of what is queued, sometimes much,
// so that some calls come long before their work and some just before it.
void run_some(Context& context)
{
    constexpr std::size_t seldom = 8, most = 16;
    if (options().seed == 0 || choose(context, seldom) != 0)
        return;
    for (std::size_t i = choose(context, most); i > 0 && run_one(context); i--) {
    }
}

}

const std::vector<CUstream>& all_streams() { return streams().created; }

bool is_stream(CUstream stream) { return is_known(stream) && !stream->is_destroyed; }

CUresult stream_status(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (!is_stream(stream))
        return explain(invalid_handle, "the handle is no stream");
    return check_owner(stream->context, "the stream");
}

CUresult check(CUstream stream)
{
    if (const CUresult status = ready(); status != success)
        return status;
    return stream_status(stream);
}

CUresult add(CUstream stream, Work work)
{
    if (const CUresult status = check(stream); status != success)
        return status;
    if (is_capturing(stream))
        return add_node(stream, std::move(work));
    if (work.begin_early && stream->ends_with_library)
        return explain(invalid_value, work.what + ", a dependent launch, " + behind_library);
    const bool is_of_library = work.is_of_library;
    const CUresult status = append(stream, std::make_unique<SingleWork>(std::move(work)));
    stream->ends_with_library = is_of_library;
    return status;
}

CUresult add(CUstream stream, Kind kind, const char* what, std::function<void()> run)
{
    return add(stream, {kind, what, std::move(run), {}, {}, {}, false});
}

CUresult enqueue(CUstream stream, const char* what, std::function<void()> work, std::function<bool()> arrived, std::function<void()> begin)
{
    const std::lock_guard lock(driver_lock());
    return add(stream, {Kind::kernel, what, std::move(work), std::move(arrived), std::move(begin), {}, true});
}

CUresult append(CUstream stream, std::unique_ptr<Operation> operation)
{
    stream->ends_with_library = false;
    stream->queue.push_back({++streams().tickets, std::move(operation)});
    Context& context = stream->context;
    context.queued++;
    while (context.queued > most_queued && run_one(context)) {
    }
    run_some(context);
    return sticky_error(context);
}

void perform(const Work& work) { run_with_faults(work, work.run); }

void perform_begin(const Work& work) { run_with_faults(work, work.begin); }

bool begin_early(const Work& before, const Work& kernel)
{
    Context& context = *acting_context();
    if (!kernel.begin_early || before.kind != Kind::kernel || options().seed == 0 || choose(context, 2) == 0)
        return false;
    run_checked(kernel.what, kernel.begin_early);
    return sticky_error(context) == success;
}

bool has_arrived(const std::function<bool()>& arrived)
{
    if (!arrived || arrived())
        return true;
    streams().some_wait_for_others = true;
    return false;
}

bool run_one(Context& context)
{
    streams().some_wait_for_others = false;
    std::vector<CUstream> busy;
    for (CUstream stream : streams().created)
        if (&stream->context == &context && !stream->queue.empty())
            busy.push_back(stream);
    if (busy.empty())
        return false;
    if (sticky_error(context) != success) {
        // Nothing runs any more in a context that failed.
        for (CUstream stream : busy)
            forget_queue(*stream);
        sweep();
        return false;
    }
    const Acting acting(&context);
    open_memory(context);
    std::vector<CUstream> candidates;
    std::copy_if(busy.begin(), busy.end(), std::back_inserter(candidates), [](CUstream stream) { return stream->queue.front().operation->can_go_on(); });
    if (candidates.empty())
        return false;

    // Without a seed in the order of the calls.
    std::sort(candidates.begin(), candidates.end(), [](auto* a, auto* b) { return a->queue.front().ticket < b->queue.front().ticket; });
    CUstream_st& chosen = *candidates[choose_next(context, candidates.size())];
    for (bool goes_on = true; goes_on;) {
        goes_on = begin_second_early(chosen);
        if (sticky_error(context) != success || !chosen.queue.front().operation->advance())
            break;
        chosen.queue.pop_front();
        context.queued--;
        goes_on = goes_on && sticky_error(context) == success;
    }
    sweep();
    return true;
}

CUresult wait_for(CUstream stream)
{
    Context& context = stream->context;
    while (is_known(stream) && !stream->queue.empty() && (run_one(context) || wait_for_others(context))) {
    }
    return sticky_error(context);
}

bool wait_for_others(const Context& context)
{
    if (!streams().some_wait_for_others || sticky_error(context) != success)
        return false;
    std::set<Context*> others;
    for (CUstream stream : streams().created)
        if (&stream->context != &context)
            others.insert(&stream->context);
    if (std::any_of(others.begin(), others.end(), [](Context* other) { return run_one(*other); }))
        return true;
    driver_lock().unlock();
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    driver_lock().lock();
    return true;
}

void drain(Context& context)
{
    const auto own_work_remains = [&context] {
        return std::any_of(streams().created.begin(), streams().created.end(), [&context](const CUstream_st* stream) {
            return &stream->context == &context && stream->creator == std::this_thread::get_id() && !stream->queue.empty();
        });
    };
    while (run_one(context) || (own_work_remains() && wait_for_others(context))) {
    }
}

std::size_t count_streams()
{
    return static_cast<std::size_t>(std::count_if(all_streams().begin(), all_streams().end(), [](CUstream stream) { return !stream->is_destroyed; }));
}

void forget_streams(const Context& context)
{
    std::erase_if(streams().created, [&context](CUstream stream) {
        if (&stream->context != &context)
            return false;
        forget_queue(*stream);
        delete stream;
        return true;
    });
}

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    *least = least_priority;
    *greatest = greatest_priority;
    return success;
}

// A priority is checked and has no effect: nothing may rely on one, for it orders nothing.
SOFTGPU_EXPORT CUresult cuStreamCreateWithPriority(CUstream* result, unsigned flags, int priority)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (priority > least_priority || priority < greatest_priority)
        return explain(invalid_value, "a priority of " + std::to_string(priority) + " is outside the range of cuCtxGetStreamPriorityRange");
    constexpr unsigned non_blocking = 1;
    if (flags != non_blocking)
        return explain(invalid_value, "the software GPU's streams are made with CU_STREAM_NON_BLOCKING");
    streams().created.push_back(new CUstream_st(current_context()));
    *result = streams().created.back();
    return success;
}

SOFTGPU_EXPORT CUresult cuStreamCreate(CUstream* result, unsigned flags) { return cuStreamCreateWithPriority(result, flags, least_priority); }

SOFTGPU_EXPORT CUresult cuStreamDestroy_v2(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (!is_stream(stream))
        return explain(invalid_handle, "the handle is no stream");
    if (is_capturing(stream))
        return refuse(stream, "cuStreamDestroy");
    const Context& context = stream->context;
    stream->is_destroyed = true;
    sweep();
    return sticky_error(context);
}

SOFTGPU_EXPORT CUresult cuStreamSynchronize(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    if (is_capturing(stream))
        return refuse(stream, "cuStreamSynchronize");
    return wait_for(stream);
}

}
