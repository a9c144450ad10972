#include "capture.h"
#include "context.h"
#include "options.h"

#include <algorithm>

namespace softgpu {
namespace {

void spoil(Capture& capture, const std::string& call)
{
    if (capture.spoilt.empty())
        capture.spoilt = call + " during the capture";
}

// The point comes after the other too.
void merge(CapturePoint& point, const CapturePoint& other)
{
    for (const std::size_t node : other.nodes)
        if (std::find(point.nodes.begin(), point.nodes.end(), node) == point.nodes.end())
            point.nodes.push_back(node);
    for (const auto& [stream, steps] : other.progress)
        point.progress[stream] = std::max(point.progress[stream], steps);
}

// Whether a dependent launch gets a programmatic edge: directly behind a kernel of the same stream, and behind nothing else.
CUresult check_early_begin(CUstream stream, const Work& work, const std::vector<std::shared_ptr<const CUgraphNode_st>>& nodes)
{
    const CapturePoint& point = *stream->capture;
    if (point.has_waited)
        return explain(invalid_value, work.what + ", a dependent launch, is captured behind a wait for an event, and nobody says whether it waits for that");
    if (point.nodes.size() == 1 && nodes[point.nodes[0]]->is_of_library)
        return explain(invalid_value, work.what + ", a dependent launch, " + behind_library);
    if (point.nodes.size() != 1 || nodes[point.nodes[0]]->kind != Kind::kernel)
        return explain(invalid_value, work.what + ", a dependent launch, is captured behind no kernel, for which there is no programmatic edge");
    constexpr long with_programmatic_edges = 12030;
    if (options().driver_version < with_programmatic_edges)
        return refuse(stream, "a dependent launch, for whose edge the driver is too old,");
    return success;
}

// Whether all that the capture's other streams did comes before where its first stream stands.
bool is_joined(const Capture& capture)
{
    const Progress& joined = capture.origin->capture->progress;
    const auto& streams = all_streams();
    return std::all_of(streams.begin(), streams.end(), [&](CUstream stream) {
        if (stream == capture.origin || !stream->capture || stream->capture->capture.get() != &capture)
            return true;
        const auto found = joined.find(stream);
        return found != joined.end() && found->second == stream->capture->progress.at(stream);
    });
}

}

bool is_capturing(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    return is_stream(stream) && stream->capture;
}

CUresult add_node(CUstream stream, Work work)
{
    CapturePoint& point = *stream->capture;
    Capture& capture = *point.capture;
    if (!capture.spoilt.empty())
        return explain(capture_invalidated, capture.spoilt);
    auto& nodes = capture.graph->nodes;
    if (work.begin_early) {
        if (const CUresult status = check_early_begin(stream, work, nodes); status != success)
            return status;
    }
    nodes.push_back(std::make_shared<CUgraphNode_st>(CUgraphNode_st{std::move(work), std::move(point.nodes)}));
    point.has_waited = false;
    point.nodes = {nodes.size() - 1};
    point.progress[stream]++;
    return success;
}

CUresult wait_in_capture(CUstream stream, const CapturePoint* point)
{
    if (!point) {
        spoil(*stream->capture->capture, "cuStreamWaitEvent for an event of outside");
        return explain(capture_isolation, "the event was recorded outside the capture");
    }
    Capture& capture = *point->capture;
    if (stream->capture && stream->capture->capture.get() != &capture) {
        if (capture.graph)
            spoil(capture, "cuStreamWaitEvent by another capture");
        spoil(*stream->capture->capture, "cuStreamWaitEvent for an event of another capture");
        return explain(capture_merge, "the event was recorded in another capture");
    }
    if (!capture.graph)
        return explain(captured_event, "the capture that the event was recorded in has ended");
    if (!capture.spoilt.empty())
        return explain(capture_invalidated, capture.spoilt);
    if (!stream->capture)
        stream->capture = std::make_unique<CapturePoint>(CapturePoint{point->capture, {}, {}, false});
    merge(*stream->capture, *point);
    stream->capture->progress[stream]++;
    stream->capture->has_waited = true;
    return success;
}

void invalidate_captures(const Context& context, const std::string& call)
{
    for (CUstream stream : all_streams())
        if (&stream->context == &context && stream->capture)
            spoil(*stream->capture->capture, call);
}

CUresult refuse_in_capture(const char* call)
{
    CUresult status = success;
    for (CUstream stream : all_streams())
        if (stream->capture && stream->capture->capture->thread == std::this_thread::get_id())
            status = refuse(stream, call);
    return status;
}

CUresult refuse(CUstream stream, const std::string& call)
{
    spoil(*stream->capture->capture, call);
    return explain(capture_unsupported, call + " during a capture");
}

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuStreamBeginCapture_v2(CUstream stream, int mode)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    constexpr int thread_local_mode = 1;
    if (mode != thread_local_mode)
        return explain(invalid_value, "the software GPU captures in CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, not in mode " + std::to_string(mode));
    if (stream->capture)
        return explain(illegal_state, "the stream captures already");
    auto capture = std::make_shared<Capture>();
    capture->origin = stream;
    capture->thread = std::this_thread::get_id();
    stream->capture = std::make_unique<CapturePoint>(CapturePoint{std::move(capture), {}, {}, false});
    return success;
}

SOFTGPU_EXPORT CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph)
{
    const std::lock_guard lock(driver_lock());
    *graph = nullptr;
    if (const CUresult status = check(stream); status != success)
        return status;
    if (!stream->capture)
        return explain(illegal_state, "the stream does not capture");
    const std::shared_ptr<Capture> capture = stream->capture->capture;
    if (capture->thread != std::this_thread::get_id())
        return explain(capture_wrong_thread, "the capture began on another thread");
    if (capture->origin != stream) {
        spoil(*capture, "cuStreamEndCapture of another stream than began it");
        return explain(capture_unmatched, "another stream began the capture");
    }
    const bool joined = is_joined(*capture);
    auto captured = std::move(capture->graph);
    for (CUstream other : all_streams())
        if (other->capture && other->capture->capture == capture)
            other->capture.reset();
    if (!capture->spoilt.empty())
        return explain(capture_invalidated, capture->spoilt);
    if (!joined)
        return explain(capture_unjoined, "a stream took part in the capture whose work the first one has not waited for at its end");
    *graph = adopt(std::move(captured), stream->context);
    return success;
}

}
