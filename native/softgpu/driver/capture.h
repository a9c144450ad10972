// Capture: calls on a stream become nodes of a graph instead of running. One stream captures by itself: events, which would let others join, are refused.
#pragma once

#include "graphs.h"
#include "streams.h"

#include <memory>
#include <string>
#include <thread>

namespace softgpu {

struct Capture {
    std::thread::id thread;
    std::string spoilt; // why it is invalid, where it is
    std::unique_ptr<CUgraph_st> graph = std::make_unique<CUgraph_st>();
};

// Behind what a library has added, which may not wait itself for what is before it.
constexpr const char* behind_library = "would start behind a library's kernel, of which nobody knows whether it has waited for those before it";

CUresult add_node(CUstream stream, Work work);

// All of a context's, because of a call of any thread.
void invalidate_captures(const Context& context, const std::string& call);

// Calls that a thread must not make while it captures.
CUresult refuse_in_capture(const char* call);

// Calls on a capturing stream that cannot become nodes.
CUresult refuse(CUstream stream, const std::string& call);

}
