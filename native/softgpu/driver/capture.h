// Capture: calls on a stream become nodes of a graph instead of running.
#pragma once

#include "graphs.h"
#include "streams.h"

#include <memory>
#include <set>
#include <string>
#include <thread>

namespace softgpu {

struct Capture {
    CUstream origin;
    int mode;
    std::thread::id thread;
    std::string spoilt; // why it is invalid, where it is
    std::unique_ptr<CUgraph_st> graph = std::make_unique<CUgraph_st>();
    std::set<CUstream> streams;
};

// CUDA_ERROR_STREAM_CAPTURE_INVALIDATED where the stream's capture is invalid.
CUresult check_valid(CUstream stream);

CUresult add_node(CUstream stream, Kind kind, const char* what, std::function<void()> work);

// The stream's next node follows these of the capture too; a stream that does not capture joins it.
CUresult follow(CUstream stream, Capture* capture, const std::set<std::size_t>& frontier);

// Calls that no thread may make during a capture in global mode, nor its own thread in thread-local mode.
CUresult refuse_in_capture(const char* call);

// Calls that wait for the whole device: they would wait for any capture.
CUresult refuse_while_any_captures(const char* call);

// Calls on a capturing stream that cannot become nodes.
CUresult refuse(CUstream stream, const std::string& call);

// Calls on the legacy stream while a blocking stream captures; success for other streams.
CUresult refuse_legacy(CUstream stream, const char* call);

void forget_captures();

}
