#include "streams.h"
#include "context.h"
#include "memory.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

using softgpu::Kind;

struct Node {
    Kind kind;
    std::string what;
    std::function<void()> work;
    std::vector<std::size_t> after;
};

struct CUgraph_st {
    std::vector<std::unique_ptr<Node>> nodes;
};

struct CUgraphExec_st {
    std::vector<Node> nodes;
};

namespace softgpu {
namespace {

struct Capture {
    CUstream origin;
    int mode;
    std::thread::id thread;
    bool valid = true;
    std::string reason;
    std::unique_ptr<CUgraph_st> graph = std::make_unique<CUgraph_st>();
    std::set<CUstream> streams;
};

using Frontier = std::set<std::size_t>;

constexpr int global_mode = 0;
constexpr int relaxed_mode = 2;

}
}

struct CUevent_st {
    bool timed;
    long recorded = 0;  // how often cuEventRecord was called
    long completed = 0; // how many of those have run
    std::chrono::steady_clock::time_point at;
    softgpu::Capture* capture = nullptr;
    softgpu::Frontier frontier;
};

struct CUstream_st {
    struct Operation {
        std::string what;
        std::function<void()> work;
        CUevent_st* waits_for = nullptr;
        long version = 0;
    };

    bool blocking = true;
    std::deque<Operation> queue;
    softgpu::Capture* capture = nullptr;
    softgpu::Frontier frontier;
};

typedef CUevent_st* CUevent;
typedef CUgraph_st* CUgraph;
typedef CUgraphExec_st* CUgraphExec;
typedef Node* CUgraphNode;

namespace softgpu {
namespace {

std::set<CUstream> streams;
std::set<CUevent> events;
std::set<CUgraph> graphs;
std::set<CUgraphExec> executables;
std::vector<std::unique_ptr<Capture>> captures;

// The legacy stream: everything on it is done when the call returns.
CUstream_st legacy;

CUstream resolve(CUstream stream) { return stream ? stream : &legacy; }

bool can_go_on(const CUstream_st& stream)
{
    if (stream.queue.empty())
        return false;
    const auto& next = stream.queue.front();
    return !next.waits_for || next.waits_for->completed >= next.version;
}

void run_work(const char* what, const std::function<void()>& work)
{
    if (context().error != success)
        return;
    work();
    check_canaries(what);
}

void run_next(CUstream_st& stream)
{
    // The work may call back into the driver: take it out of the queue first.
    auto operation = std::move(stream.queue.front());
    stream.queue.pop_front();
    if (operation.work)
        run_work(operation.what.c_str(), operation.work);
}

// One operation of a stream that can go on; false where there is none.
bool run_one()
{
    std::vector<CUstream> candidates;
    for (CUstream stream : streams)
        if (can_go_on(*stream))
            candidates.push_back(stream);
    if (candidates.empty())
        return false;
    run_next(*candidates[choose(candidates.size())]);
    return true;
}

// After each call some of the work runs, as on a GPU that is busy meanwhile; without a seed, all that can.
void burst()
{
    if (options().seed == 0) {
        while (run_one()) {
        }
        return;
    }
    for (std::size_t i = choose(4); i > 0 && run_one(); i--) {
    }
}

void invalidate(Capture& capture, const std::string& reason)
{
    capture.valid = false;
    capture.reason = reason;
}

bool forbids(const Capture& capture)
{
    return capture.mode == global_mode || (capture.mode != relaxed_mode && capture.thread == std::this_thread::get_id());
}

void leave(Capture& capture)
{
    for (CUstream stream : capture.streams) {
        stream->capture = nullptr;
        stream->frontier.clear();
    }
    for (CUevent event : events) {
        if (event->capture == &capture) {
            event->capture = nullptr;
            event->frontier.clear();
        }
    }
}

void run_graph(const std::vector<Node>& nodes)
{
    std::vector<std::size_t> waiting(nodes.size());
    std::vector<std::vector<std::size_t>> next(nodes.size());
    std::vector<std::size_t> free;
    for (std::size_t i = 0; i < nodes.size(); i++) {
        waiting[i] = nodes[i].after.size();
        for (const std::size_t before : nodes[i].after)
            next[before].push_back(i);
        if (nodes[i].after.empty())
            free.push_back(i);
    }
    while (!free.empty() && context().error == success) {
        const std::size_t chosen = choose(free.size());
        const std::size_t node = free[chosen];
        free.erase(free.begin() + static_cast<std::ptrdiff_t>(chosen));
        run_work(nodes[node].what.c_str(), nodes[node].work);
        for (const std::size_t later : next[node])
            if (--waiting[later] == 0)
                free.push_back(later);
    }
}

CUresult check(CUstream stream)
{
    if (const CUresult status = ready(); status != success)
        return status;
    return stream_status(stream);
}

CUresult append(CUstream stream, const char* what, std::function<void()> work)
{
    if (resolve(stream) == &legacy) {
        for (CUstream other : streams)
            if (other->blocking && other->capture)
                return explain(capture_implicit, std::string(what) + " on the legacy stream while a blocking stream captures");
        for (CUstream other : streams)
            if (other->blocking)
                wait_for(other);
        run_work(what, work);
        return context().error;
    }
    stream->queue.push_back({what, std::move(work), nullptr, 0});
    burst();
    return context().error;
}

}

bool is_capturing(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    return resolve(stream)->capture != nullptr;
}

CUresult stream_status(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    return !stream || streams.contains(stream) ? success : explain(invalid_handle, "the handle is no stream");
}

CUresult refuse(CUstream stream, const std::string& call)
{
    if (Capture* capture = resolve(stream)->capture)
        invalidate(*capture, call);
    return explain(capture_unsupported, call + " while the stream captures");
}

CUresult refuse_in_capture(const char* call)
{
    CUresult status = success;
    for (const auto& capture : captures) {
        if (forbids(*capture)) {
            invalidate(*capture, call);
            status = explain(capture_unsupported, std::string(call) + " during a capture");
        }
    }
    return status;
}

CUresult add(CUstream stream, Kind kind, const char* what, std::function<void()> work)
{
    if (const CUresult status = check(stream); status != success)
        return status;
    Capture* const capture = resolve(stream)->capture;
    if (!capture)
        return append(stream, what, std::move(work));
    if (!capture->valid)
        return explain(capture_invalidated, capture->reason);
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->what = what;
    node->work = std::move(work);
    node->after.assign(stream->frontier.begin(), stream->frontier.end());
    stream->frontier = {capture->graph->nodes.size()};
    capture->graph->nodes.push_back(std::move(node));
    return success;
}

CUresult enqueue(CUstream stream, const char* what, std::function<void()> work)
{
    const std::lock_guard lock(driver_lock());
    return add(stream, Kind::kernel, what, std::move(work));
}

CUresult wait_for(CUstream stream)
{
    while (!resolve(stream)->queue.empty()) {
        if (!run_one()) {
            fail(launch_failed, "the streams wait for each other: no operation can go on");
            break;
        }
    }
    return context().error;
}

void drain()
{
    while (run_one()) {
    }
}

void forget_streams()
{
    for (CUstream stream : streams)
        delete stream;
    for (CUevent event : events)
        delete event;
    for (CUgraph graph : graphs)
        delete graph;
    for (CUgraphExec executable : executables)
        delete executable;
    streams.clear();
    events.clear();
    graphs.clear();
    executables.clear();
    captures.clear();
}

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuCtxSynchronize()
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_in_capture("cuCtxSynchronize"); status != success)
        return status;
    drain();
    return context().error;
}

SOFTGPU_EXPORT CUresult cuStreamCreate(CUstream* result, unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (flags > 1)
        return explain(invalid_value, "the flags of cuStreamCreate are 0 or 1");
    *result = new CUstream_st;
    (*result)->blocking = flags == 0;
    streams.insert(*result);
    return success;
}

SOFTGPU_EXPORT CUresult cuStreamDestroy_v2(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (!stream || !streams.contains(stream))
        return explain(invalid_handle, "the handle is no stream");
    if (stream->capture)
        return refuse(stream, "cuStreamDestroy");
    const CUresult status = wait_for(stream);
    streams.erase(stream);
    delete stream;
    return status;
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

SOFTGPU_EXPORT CUresult cuStreamQuery(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    if (is_capturing(stream))
        return refuse(stream, "cuStreamQuery");
    burst();
    if (context().error != success)
        return context().error;
    return resolve(stream)->queue.empty() ? success : not_ready;
}

SOFTGPU_EXPORT CUresult cuEventCreate(CUevent* result, unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    constexpr unsigned disable_timing = 2;
    *result = new CUevent_st{(flags & disable_timing) == 0, 0, 0, {}, nullptr, {}};
    events.insert(*result);
    return success;
}

SOFTGPU_EXPORT CUresult cuEventDestroy_v2(CUevent event)
{
    const std::lock_guard lock(driver_lock());
    if (!events.contains(event))
        return explain(invalid_handle, "the handle is no event");
    drain();
    events.erase(event);
    delete event;
    return context().error;
}

SOFTGPU_EXPORT CUresult cuEventRecord(CUevent event, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    if (!events.contains(event))
        return explain(invalid_handle, "the handle is no event");
    if (Capture* capture = resolve(stream)->capture) {
        event->capture = capture;
        event->frontier = stream->frontier;
        return success;
    }
    event->capture = nullptr;
    const long version = ++event->recorded;
    return append(stream, "cuEventRecord", [event, version] {
        event->completed = version;
        event->at = std::chrono::steady_clock::now();
    });
}

SOFTGPU_EXPORT CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    if (!events.contains(event))
        return explain(invalid_handle, "the handle is no event");
    CUstream_st& waiting = *resolve(stream);
    if (event->capture) {
        if (waiting.capture && waiting.capture != event->capture)
            return explain(capture_isolation, "the event belongs to another capture");
        if (&waiting == &legacy)
            return explain(capture_implicit, "the legacy stream cannot join a capture");
        if (!waiting.capture) {
            waiting.capture = event->capture;
            event->capture->streams.insert(stream);
        }
        waiting.frontier.insert(event->frontier.begin(), event->frontier.end());
        return success;
    }
    if (waiting.capture) {
        invalidate(*waiting.capture, "a wait for an event that was not captured");
        return explain(capture_isolation, "the capturing stream waits for an event recorded outside of the capture");
    }
    if (&waiting == &legacy) {
        while (event->completed < event->recorded && run_one()) {
        }
        return context().error;
    }
    waiting.queue.push_back({"cuStreamWaitEvent", {}, event, event->recorded});
    burst();
    return context().error;
}

SOFTGPU_EXPORT CUresult cuEventSynchronize(CUevent event)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (!events.contains(event))
        return explain(invalid_handle, "the handle is no event");
    if (const CUresult status = refuse_in_capture("cuEventSynchronize"); status != success)
        return status;
    while (event->completed < event->recorded) {
        if (!run_one()) {
            fail(launch_failed, "the streams wait for each other: no operation can go on");
            break;
        }
    }
    return context().error;
}

SOFTGPU_EXPORT CUresult cuEventQuery(CUevent event)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (!events.contains(event))
        return explain(invalid_handle, "the handle is no event");
    if (const CUresult status = refuse_in_capture("cuEventQuery"); status != success)
        return status;
    burst();
    if (context().error != success)
        return context().error;
    return event->completed < event->recorded ? not_ready : success;
}

SOFTGPU_EXPORT CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (!events.contains(start) || !events.contains(end) || !start->timed || !end->timed || start->recorded == 0 || end->recorded == 0)
        return explain(invalid_handle, "both events must be recorded and made for timing");
    if (start->completed < start->recorded || end->completed < end->recorded)
        return not_ready;
    *milliseconds = std::chrono::duration<float, std::milli>(end->at - start->at).count();
    return success;
}

SOFTGPU_EXPORT CUresult cuStreamBeginCapture_v2(CUstream stream, int mode)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    if (!stream)
        return explain(capture_unsupported, "the legacy stream cannot be captured");
    if (stream->capture)
        return explain(illegal_state, "the stream captures already");
    auto capture = std::make_unique<Capture>();
    capture->origin = stream;
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    capture->streams.insert(stream);
    stream->capture = capture.get();
    stream->frontier.clear();
    captures.push_back(std::move(capture));
    return success;
}

SOFTGPU_EXPORT CUresult cuStreamIsCapturing(CUstream stream, int* status)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult result = check(stream); result != success)
        return result;
    const Capture* const capture = resolve(stream)->capture;
    *status = !capture ? 0 : capture->valid ? 1 : 2;
    return success;
}

SOFTGPU_EXPORT CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph)
{
    const std::lock_guard lock(driver_lock());
    *graph = nullptr;
    if (const CUresult status = check(stream); status != success)
        return status;
    Capture* const capture = resolve(stream)->capture;
    if (!capture)
        return explain(illegal_state, "the stream does not capture");
    if (capture->origin != stream)
        return explain(capture_unmatched, "the capture began on another stream");

    // Everything that other streams did must come before where the capture ends.
    auto& nodes = capture->graph->nodes;
    std::vector<bool> reached(nodes.size());
    std::vector<std::size_t> open(stream->frontier.begin(), stream->frontier.end());
    while (!open.empty()) {
        const std::size_t node = open.back();
        open.pop_back();
        if (reached[node])
            continue;
        reached[node] = true;
        open.insert(open.end(), nodes[node]->after.begin(), nodes[node]->after.end());
    }
    const bool is_joined = std::all_of(reached.begin(), reached.end(), [](bool value) { return value; });
    const bool is_valid = capture->valid;
    const std::string reason = capture->reason;
    leave(*capture);
    if (is_valid && is_joined) {
        *graph = capture->graph.release();
        graphs.insert(*graph);
    }
    captures.erase(std::find_if(captures.begin(), captures.end(), [&](const auto& other) { return other.get() == capture; }));
    if (!is_valid)
        return explain(capture_invalidated, reason);
    return is_joined ? success : explain(capture_unjoined, "work of another stream is not waited for");
}

SOFTGPU_EXPORT CUresult cuGraphInstantiateWithFlags(CUgraphExec* result, CUgraph graph, unsigned long long)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (!graphs.contains(graph))
        return explain(invalid_handle, "the handle is no graph");
    if (++context().graphs == options().fail_graph)
        return explain(invalid_value, "SOFTGPU_FAIL_GRAPH asked for it");
    *result = new CUgraphExec_st;
    for (const auto& node : graph->nodes)
        (*result)->nodes.push_back(*node);
    executables.insert(*result);
    return success;
}

SOFTGPU_EXPORT CUresult cuGraphUpload(CUgraphExec executable, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    return executables.contains(executable) ? success : explain(invalid_handle, "the handle is no executable graph");
}

SOFTGPU_EXPORT CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    if (!executables.contains(executable))
        return explain(invalid_handle, "the handle is no executable graph");
    if (is_capturing(stream))
        return refuse(stream, "cuGraphLaunch of this software GPU");
    return append(stream, "cuGraphLaunch", [executable] { run_graph(executable->nodes); });
}

SOFTGPU_EXPORT CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, std::size_t* count)
{
    const std::lock_guard lock(driver_lock());
    if (!graphs.contains(graph))
        return explain(invalid_handle, "the handle is no graph");
    if (nodes)
        for (std::size_t i = 0; i < *count && i < graph->nodes.size(); i++)
            nodes[i] = graph->nodes[i].get();
    *count = graph->nodes.size();
    return success;
}

SOFTGPU_EXPORT CUresult cuGraphNodeGetType(CUgraphNode node, int* type)
{
    if (!node)
        return explain(invalid_value, "no node");
    *type = static_cast<int>(node->kind);
    return success;
}

SOFTGPU_EXPORT CUresult cuGraphDestroy(CUgraph graph)
{
    const std::lock_guard lock(driver_lock());
    if (graphs.erase(graph) == 0)
        return explain(invalid_handle, "the handle is no graph");
    delete graph;
    return success;
}

SOFTGPU_EXPORT CUresult cuGraphExecDestroy(CUgraphExec executable)
{
    const std::lock_guard lock(driver_lock());
    if (!executables.contains(executable))
        return explain(invalid_handle, "the handle is no executable graph");
    drain();
    executables.erase(executable);
    delete executable;
    return success;
}

}
