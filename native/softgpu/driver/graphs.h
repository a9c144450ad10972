// Graphs of captured work, and their launches.
#pragma once

#include "streams.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

struct CUgraphNode_st {
    softgpu::Kind kind;
    std::string what;
    std::function<void()> work;
    std::vector<std::size_t> after;
};

struct CUgraph_st {
    std::vector<std::unique_ptr<CUgraphNode_st>> nodes; // each after those that it follows
};

typedef CUgraphNode_st* CUgraphNode;
typedef CUgraph_st* CUgraph;

namespace softgpu {

// Makes a graph known by its handle.
CUgraph adopt(std::unique_ptr<CUgraph_st> graph);

void forget_graphs();

}
