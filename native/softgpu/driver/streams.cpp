#include "streams.h"
#include "capture.h"
#include "context.h"
#include "memory.h"
#include "options.h"
#include "pool.h"

#include <algorithm>
#include <chrono>
#include <exception>

CUstream_st::CUstream_st() = default;
CUstream_st::~CUstream_st() = default;

namespace softgpu {
namespace {

// Calls that run ahead of their work by more than this wait for some of it.
constexpr std::size_t most_queued = 1024;

struct Streams {
    std::vector<CUstream> created;
    unsigned long tickets = 0;
    std::size_t queued = 0;
    bool some_wait_for_others = false;
};

Streams& streams()
{
    static Streams& instance = *new Streams;
    return instance;
}

class Work : public Operation {
public:
    Work(Kind kind, const char* what, std::function<void()> work, std::function<bool()> arrived)
        : kind_(kind), what_(what), work_(std::move(work)), arrived_(std::move(arrived))
    {
    }

    bool can_go_on() const override { return has_arrived(arrived_); }

    bool advance() override
    {
        perform(kind_, what_, work_);
        return true;
    }

private:
    Kind kind_;
    std::string what_;
    std::function<void()> work_;
    std::function<bool()> arrived_;
};

bool can_go_on(const CUstream_st& stream) { return !stream.queue.empty() && stream.queue.front().operation->can_go_on(); }

void forget_queue(CUstream_st& stream)
{
    streams().queued -= stream.queue.size();
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

// Whether the stream has work; it may be gone altogether where another thread destroyed it.
bool has_work(CUstream stream)
{
    const auto& created = streams().created;
    return std::find(created.begin(), created.end(), stream) != created.end() && !stream->queue.empty();
}

// With a seed, as a GPU does while the host does other things: mostly nothing of what is queued, sometimes much,
// so that some calls come long before their work and some just before it.
void run_some()
{
    constexpr std::size_t seldom = 8, most = 16;
    if (options().seed == 0 || choose(seldom) != 0)
        return;
    for (std::size_t i = choose(most); i > 0 && run_one(); i--) {
    }
}

}

const std::vector<CUstream>& all_streams() { return streams().created; }

CUresult stream_status(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    const auto& created = streams().created;
    const auto found = std::find(created.begin(), created.end(), stream);
    return found != created.end() && !stream->is_destroyed ? success : explain(invalid_handle, "the handle is no stream");
}

CUresult check(CUstream stream)
{
    if (const CUresult status = ready(); status != success)
        return status;
    return stream_status(stream);
}

CUresult add(CUstream stream, Kind kind, const char* what, std::function<void()> work, std::function<bool()> arrived)
{
    if (const CUresult status = check(stream); status != success)
        return status;
    if (is_capturing(stream))
        return add_node(stream, kind, what, std::move(work), std::move(arrived));
    return append(stream, std::make_unique<Work>(kind, what, std::move(work), std::move(arrived)));
}

CUresult enqueue(CUstream stream, const char* what, std::function<void()> work, std::function<bool()> arrived)
{
    const std::lock_guard lock(driver_lock());
    return add(stream, Kind::kernel, what, std::move(work), std::move(arrived));
}

CUresult append(CUstream stream, std::unique_ptr<Operation> operation)
{
    stream->queue.push_back({++streams().tickets, std::move(operation)});
    streams().queued++;
    while (streams().queued > most_queued && run_one()) {
    }
    run_some();
    return sticky_error();
}

void perform(Kind kind, const std::string& what, const std::function<void()>& work)
{
    if (kind == Kind::kernel && is_due(&Options::fail_launch))
        return fail(launch_failed, what + ": SOFTGPU_FAIL_LAUNCH asked for it");
    if (kind == Kind::kernel && is_due(&Options::lose_device))
        return fail(device_unavailable, what + ": the device is lost, as SOFTGPU_LOSE_DEVICE asked");
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

bool has_arrived(const std::function<bool()>& arrived)
{
    if (!arrived || arrived())
        return true;
    streams().some_wait_for_others = true;
    return false;
}

bool run_one()
{
    streams().some_wait_for_others = false;
    if (sticky_error() != success) {
        // Nothing runs any more in a context that failed.
        for (CUstream stream : streams().created)
            forget_queue(*stream);
        sweep();
        return false;
    }
    std::vector<CUstream> candidates;
    for (CUstream stream : streams().created)
        if (can_go_on(*stream))
            candidates.push_back(stream);
    if (candidates.empty())
        return false;

    // Without a seed in the order of the calls.
    CUstream_st& chosen = options().seed != 0
        ? *candidates[choose(candidates.size())]
        : **std::min_element(candidates.begin(), candidates.end(), [](auto* a, auto* b) { return a->queue.front().ticket < b->queue.front().ticket; });
    if (chosen.queue.front().operation->advance()) {
        chosen.queue.pop_front();
        streams().queued--;
        sweep();
    }
    return true;
}

CUresult wait_for(CUstream stream)
{
    while (has_work(stream) && (run_one() || wait_for_others())) {
    }
    return sticky_error();
}

bool wait_for_others()
{
    if (!streams().some_wait_for_others || sticky_error() != success)
        return false;
    driver_lock().unlock();
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    driver_lock().lock();
    return true;
}

void drain()
{
    const auto own_work_remains = [] {
        return std::any_of(streams().created.begin(), streams().created.end(),
            [](const CUstream_st* stream) { return stream->creator == std::this_thread::get_id() && !stream->queue.empty(); });
    };
    while (run_one() || (own_work_remains() && wait_for_others())) {
    }
}

std::size_t count_streams()
{
    return static_cast<std::size_t>(std::count_if(all_streams().begin(), all_streams().end(), [](CUstream stream) { return !stream->is_destroyed; }));
}

void forget_streams()
{
    for (CUstream stream : streams().created)
        delete stream;
    streams().created.clear();
    streams().queued = 0;
}

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuStreamCreate(CUstream* result, unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    constexpr unsigned non_blocking = 1;
    if (flags != non_blocking)
        return explain(invalid_value, "the software GPU's streams are made with CU_STREAM_NON_BLOCKING");
    streams().created.push_back(new CUstream_st);
    *result = streams().created.back();
    return success;
}

SOFTGPU_EXPORT CUresult cuStreamDestroy_v2(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = stream_status(stream); status != success)
        return status;
    if (is_capturing(stream))
        return refuse(stream, "cuStreamDestroy");
    stream->is_destroyed = true;
    sweep();
    return sticky_error();
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
