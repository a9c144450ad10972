// Events: marks in streams to wait for.
#pragma once

#include "streams.h"

#include <chrono>
#include <set>

struct CUevent_st {
    bool timed;
    long recorded = 0;  // how often cuEventRecord was called
    long completed = 0; // how many of those have run
    std::chrono::steady_clock::time_point at;
    softgpu::Capture* capture = nullptr; // of its last record, and what to follow there
    std::set<std::size_t> frontier;
};

namespace softgpu {

// For the end of a capture: its events are as if never recorded.
void forget_captured(const Capture& capture);

void forget_events();

}
