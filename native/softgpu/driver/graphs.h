// Graphs of captured work, and their launches.
#pragma once

#include "streams.h"

#include <cstddef>
#include <memory>
#include <vector>

struct CUgraphNode_st : softgpu::Work {
    std::vector<std::size_t> after; // the places in the graph of those that must be done before it
};

struct CUgraph_st {
    const softgpu::Context* context = nullptr; // where it was captured
    std::vector<std::shared_ptr<const CUgraphNode_st>> nodes; // in the order of the capture
};

typedef const CUgraphNode_st* CUgraphNode;
typedef CUgraph_st* CUgraph;

namespace softgpu {

// Makes a graph known by its handle.
CUgraph adopt(std::unique_ptr<CUgraph_st> graph, const Context& context);

std::size_t count_graphs();
std::size_t count_executable_graphs();

void forget_graphs(const Context& context);

}
