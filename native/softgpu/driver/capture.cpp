#include "capture.h"
#include "context.h"
#include "options.h"

namespace softgpu {
namespace {

void spoil(Capture& capture, const std::string& call)
{
    if (capture.spoilt.empty())
        capture.spoilt = call + " during the capture";
}

}

bool is_capturing(CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    return is_stream(stream) && stream->capture;
}

CUresult add_node(CUstream stream, Work work)
{
    Capture& capture = *stream->capture;
    if (!capture.spoilt.empty())
        return explain(capture_invalidated, capture.spoilt);
    auto& nodes = capture.graph->nodes;
    if (work.begin_early && !nodes.empty() && nodes.back()->is_of_library)
        return explain(invalid_value, work.what + ", a dependent launch, " + behind_library);
    if (work.begin_early && (nodes.empty() || nodes.back()->kind != Kind::kernel))
        return explain(invalid_value, work.what + ", a dependent launch, is captured behind no kernel, for which there is no programmatic edge");
    constexpr long with_programmatic_edges = 12030;
    if (work.begin_early && options().driver_version < with_programmatic_edges)
        return refuse(stream, "a dependent launch, for whose edge the driver is too old,");
    nodes.push_back(std::make_shared<CUgraphNode_st>(CUgraphNode_st{std::move(work)}));
    return success;
}

void invalidate_captures(const Context& context, const std::string& call)
{
    for (CUstream stream : all_streams())
        if (&stream->context == &context && stream->capture)
            spoil(*stream->capture, call);
}

CUresult refuse_in_capture(const char* call)
{
    CUresult status = success;
    for (CUstream stream : all_streams())
        if (stream->capture && stream->capture->thread == std::this_thread::get_id())
            status = refuse(stream, call);
    return status;
}

CUresult refuse(CUstream stream, const std::string& call)
{
    spoil(*stream->capture, call);
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
    stream->capture = std::make_unique<Capture>();
    stream->capture->thread = std::this_thread::get_id();
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
    if (stream->capture->thread != std::this_thread::get_id())
        return explain(capture_wrong_thread, "the capture began on another thread");
    const auto capture = std::move(stream->capture);
    if (!capture->spoilt.empty())
        return explain(capture_invalidated, capture->spoilt);
    *graph = adopt(std::move(capture->graph), stream->context);
    return success;
}

}
