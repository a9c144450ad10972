// Graphs of captured work, and their launches.
#pragma once

#include "streams.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

struct CUgraphNode_st : softgpu::Work {};

struct CUgraph_st {
    const softgpu::Context* context = nullptr; // where it was captured
    std::vector<std::shared_ptr<const CUgraphNode_st>> nodes; // each after the one before it, by a programmatic edge where it may begin early
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
