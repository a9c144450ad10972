// Streams, events and graphs. Work waits in its stream's queue until something needs it, and a seed chooses among the streams that could go on,
// so that what only a wait would put in order comes out of order.
#pragma once

#include "errors.h"

#include <cstddef>
#include <functional>
#include <string>

namespace softgpu {

// The values of CUgraphNodeType.
enum class Kind { kernel = 0, copy = 1, set = 2 };

// Appends work to a stream, or a node to the graph that it captures.
CUresult add(CUstream stream, Kind kind, const char* what, std::function<void()> work);

// Runs everything that the stream must do, and whatever of the others the seed chooses.
CUresult wait_for(CUstream stream);

// Runs everything.
void drain();

// Not permitted while the calling thread captures, or any thread in global mode: makes those captures invalid.
CUresult refuse_in_capture(const char* call);

// The same for a call on a capturing stream.
CUresult refuse(CUstream stream, const std::string& call);

void forget_streams();

}
