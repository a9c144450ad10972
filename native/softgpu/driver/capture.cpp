#include "capture.h"
#include "context.h"
#include "events.h"

#include <algorithm>

namespace softgpu {
namespace {

enum Mode { global_mode = 0, thread_local_mode = 1, relaxed_mode = 2 };

std::vector<std::unique_ptr<Capture>>& captures()
{
    static auto& instance = *new std::vector<std::unique_ptr<Capture>>;
    return instance;
}

void spoil(Capture& capture, const std::string& reason)
{
    if (capture.spoilt.empty())
        capture.spoilt = reason;
}

CUresult refuse(Capture& capture, const std::string& call)
{
    spoil(capture, call + " during the capture");
    return explain(capture_unsupported, call + " during a capture");
}

bool forbids_unsafe_calls(const Capture& capture)
{
    return capture.mode == global_mode || (capture.mode == thread_local_mode && capture.thread == std::this_thread::get_id());
}

// Whether the capture's end comes after all of its nodes.
bool is_joined(const Capture& capture)
{
    const auto& nodes = capture.graph->nodes;
    std::vector<bool> reached(nodes.size());
    std::vector<std::size_t> open(capture.origin->frontier.begin(), capture.origin->frontier.end());
    while (!open.empty()) {
        const std::size_t node = open.back();
        open.pop_back();
        if (reached[node])
            continue;
        reached[node] = true;
        open.insert(open.end(), nodes[node]->after.begin(), nodes[node]->after.end());
    }
    return std::all_of(reached.begin(), reached.end(), [](bool value) { return value; });
}

void leave(const Capture& capture)
{
    for (CUstream stream : capture.streams) {
        stream->capture = nullptr;
        stream->frontier.clear();
    }
    forget_captured(capture);
}

}

bool is_capturing(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    return resolve(stream)->capture != nullptr;
}

CUresult check_valid(CUstream stream)
{
    const Capture& capture = *stream->capture;
    return capture.spoilt.empty() ? success : explain(capture_invalidated, capture.spoilt);
}

CUresult add_node(CUstream stream, Kind kind, const char* what, std::function<void()> work)
{
    if (const CUresult status = check_valid(stream); status != success)
        return status;
    auto& nodes = stream->capture->graph->nodes;
    auto node = std::make_unique<CUgraphNode_st>();
    node->kind = kind;
    node->what = what;
    node->work = std::move(work);
    node->after.assign(stream->frontier.begin(), stream->frontier.end());
    stream->frontier = {nodes.size()};
    nodes.push_back(std::move(node));
    return success;
}

CUresult follow(CUstream stream, Capture* capture, const std::set<std::size_t>& frontier)
{
    CUstream_st& waiting = *resolve(stream);
    if (waiting.capture && waiting.capture != capture) {
        const std::string reason = capture ? "a wait for an event of another capture" : "a wait for an event that was recorded outside of the capture";
        spoil(*waiting.capture, reason);
        return explain(capture_isolation, reason);
    }
    if (!stream) {
        spoil(*capture, "the legacy stream waits for it");
        return explain(capture_implicit, "the legacy stream cannot join a capture");
    }
    if (!waiting.capture) {
        waiting.capture = capture;
        capture->streams.insert(stream);
    }
    if (const CUresult status = check_valid(stream); status != success)
        return status;
    waiting.frontier.insert(frontier.begin(), frontier.end());
    return success;
}

CUresult refuse_in_capture(const char* call)
{
    CUresult status = success;
    for (const auto& capture : captures())
        if (forbids_unsafe_calls(*capture))
            status = refuse(*capture, call);
    return status;
}

CUresult refuse_while_any_captures(const char* call)
{
    CUresult status = success;
    for (const auto& capture : captures())
        status = refuse(*capture, call);
    return status;
}

CUresult refuse(CUstream stream, const std::string& call) { return refuse(*resolve(stream)->capture, call); }

CUresult refuse_legacy(CUstream stream, const char* call)
{
    CUresult status = success;
    if (stream)
        return status;
    for (CUstream other : all_streams()) {
        if (other->blocking && other->capture) {
            spoil(*other->capture, std::string(call) + " on the legacy stream during the capture");
            status = explain(capture_implicit, std::string(call) + " on the legacy stream while a stream that synchronises with it captures");
        }
    }
    return status;
}

void forget_captures() { captures().clear(); }

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuStreamBeginCapture_v2(CUstream stream, int mode)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    if (!stream)
        return explain(capture_unsupported, "the legacy stream cannot be captured");
    if (mode < global_mode || mode > relaxed_mode)
        return explain(invalid_value, "there is no capture mode " + std::to_string(mode));
    if (stream->capture)
        return explain(illegal_state, "the stream captures already");
    auto capture = std::make_unique<Capture>();
    capture->origin = stream;
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    capture->streams.insert(stream);
    stream->capture = capture.get();
    captures().push_back(std::move(capture));
    return success;
}

SOFTGPU_EXPORT CUresult cuStreamIsCapturing(CUstream stream, int* answer)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    if (const CUresult status = refuse_legacy(stream, "cuStreamIsCapturing"); status != success)
        return status;
    enum { none, active, invalidated };
    const Capture* const capture = resolve(stream)->capture;
    *answer = !capture ? none : capture->spoilt.empty() ? active : invalidated;
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
    if (capture->mode != relaxed_mode && capture->thread != std::this_thread::get_id())
        return explain(capture_wrong_thread, "the capture began on another thread");
    CUresult status = success;
    if (!capture->spoilt.empty())
        status = explain(capture_invalidated, capture->spoilt);
    else if (!is_joined(*capture))
        status = explain(capture_unjoined, "the capturing stream does not wait for all the work of a stream that joined the capture");
    leave(*capture);
    if (status == success)
        *graph = adopt(std::move(capture->graph));
    std::erase_if(captures(), [&](const auto& other) { return other.get() == capture; });
    return status;
}

}
