// Capture: calls on streams become nodes of a graph instead of running. One stream begins; others join it by waiting for an event that was recorded in the
// capture, and must have been waited for in turn where it ends.
#pragma once

#include "graphs.h"
#include "streams.h"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace softgpu {

// How much of each stream's part of a capture comes before a point of it.
typedef std::map<CUstream, unsigned long> Progress;

struct Capture {
    CUstream origin;
    std::thread::id thread;
    std::string spoilt; // why it is invalid, where it is
    std::unique_ptr<CUgraph_st> graph = std::make_unique<CUgraph_st>();
};

// A point of a capture: where a stream stands, and what an event recorded there stands for.
struct CapturePoint {
    std::shared_ptr<Capture> capture;
    std::vector<std::size_t> nodes; // what the next node comes after
    Progress progress;
    bool has_waited = false; // for an event since the stream's last node
};

// Behind what a library has added, which may not wait itself for what is before it.
constexpr const char* behind_library = "would start behind a library's kernel, of which nobody knows whether it has waited for those before it";

CUresult add_node(CUstream stream, Work work);

// cuStreamWaitEvent where the stream captures, or the event was last recorded in a capture; its point is null where it was not.
CUresult wait_in_capture(CUstream stream, const CapturePoint* point);

// All of a context's, because of a call of any thread.
void invalidate_captures(const Context& context, const std::string& call);

// Calls that a thread must not make while it captures.
CUresult refuse_in_capture(const char* call);

// Calls on a capturing stream that cannot become nodes.
CUresult refuse(CUstream stream, const std::string& call);

}
