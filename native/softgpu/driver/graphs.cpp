#include "graphs.h"
#include "capture.h"
#include "context.h"
#include "options.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace softgpu {
namespace {

// An executable graph: the nodes as they were when it was made.
struct Program {
    std::vector<std::shared_ptr<const CUgraphNode_st>> nodes;
    const void* running = nullptr; // the launch that has begun
};

}
}

struct CUgraphExec_st {
    const softgpu::Context* context;
    std::shared_ptr<softgpu::Program> program;
};

typedef CUgraphExec_st* CUgraphExec;

namespace softgpu {
namespace {

struct Graphs {
    std::map<CUgraph, std::unique_ptr<CUgraph_st>> graphs;
    std::map<CUgraphExec, std::unique_ptr<CUgraphExec_st>> executables;
    std::set<CUgraphNode> nodes;
};

Graphs& all()
{
    static Graphs& instance = *new Graphs;
    return instance;
}

CUresult no_graph() { return explain(invalid_handle, "the handle is no graph"); }

CUresult no_executable() { return explain(invalid_handle, "the handle is no executable graph"); }

void forget_nodes(const CUgraph_st& graph)
{
    for (const auto& node : graph.nodes)
        all().nodes.erase(node.get());
}

// Whether the handle is an executable graph of the current context.
CUresult check_executable(CUgraphExec executable)
{
    return all().executables.contains(executable) ? check_owner(*executable->context, "the executable graph") : no_executable();
}

// One launch. A node may run once those before it are done, and a seed chooses among such nodes, so that a missing edge shows; without a seed they run in the
// order of the capture. Other streams may work between two of them.
class GraphLaunch : public Operation {
public:
    explicit GraphLaunch(std::shared_ptr<Program> program)
        : program_(std::move(program)), waits_for_(program_->nodes.size()), followers_(program_->nodes.size()), has_begun_(program_->nodes.size())
    {
        for (std::size_t i = 0; i < program_->nodes.size(); i++) {
            waits_for_[i] = program_->nodes[i]->after.size();
            for (const std::size_t before : program_->nodes[i]->after)
                followers_[before].push_back(i);
            if (waits_for_[i] == 0)
                ready_.insert(i);
        }
    }

    ~GraphLaunch() override
    {
        if (program_->running == this)
            program_->running = nullptr;
    }

    // Launches of one executable graph come one after the other.
    bool can_go_on() const override
    {
        if (program_->running && program_->running != this)
            return false;
        return ready_.empty() || std::any_of(ready_.begin(), ready_.end(), [this](std::size_t i) { return has_arrived(node(i).arrived); });
    }

    bool advance() override
    {
        program_->running = this;
        std::vector<std::size_t> candidates;
        std::copy_if(ready_.begin(), ready_.end(), std::back_inserter(candidates), [this](std::size_t i) { return has_arrived(node(i).arrived); });
        if (!candidates.empty())
            run(candidates[choose_next(*acting_context(), candidates.size())]);
        return ready_.empty();
    }

private:
    const CUgraphNode_st& node(std::size_t place) const { return *program_->nodes[place]; }

    void run(std::size_t place)
    {
        for (bool goes_on = true; goes_on;) {
            if (node(place).begin && !has_begun_[place]) {
                has_begun_[place] = true;
                return perform_begin(node(place));
            }
            const std::size_t next = follower_with_early_begin(place);
            goes_on = next < program_->nodes.size() && begin_early(node(place), node(next));
            if (sticky_error(*acting_context()) != success)
                return;
            perform(node(place));
            ready_.erase(place);
            for (const std::size_t follower : followers_[place])
                if (--waits_for_[follower] == 0)
                    ready_.insert(follower);
            goes_on = goes_on && sticky_error(*acting_context()) == success;
            place = next;
        }
    }

    // By a programmatic edge, of which a node has one at most.
    std::size_t follower_with_early_begin(std::size_t place) const
    {
        const auto& followers = followers_[place];
        const auto found = std::find_if(followers.begin(), followers.end(), [this](std::size_t i) { return node(i).begin_early != nullptr; });
        return found == followers.end() ? program_->nodes.size() : *found;
    }

    std::shared_ptr<Program> program_;
    std::vector<std::size_t> waits_for_; // how many nodes each still comes after
    std::vector<std::vector<std::size_t>> followers_;
    std::vector<bool> has_begun_;
    std::set<std::size_t> ready_;
};

}

CUgraph adopt(std::unique_ptr<CUgraph_st> graph, const Context& context)
{
    graph->context = &context;
    for (const auto& node : graph->nodes)
        all().nodes.insert(node.get());
    const CUgraph handle = graph.get();
    all().graphs[handle] = std::move(graph);
    return handle;
}

std::size_t count_graphs() { return all().graphs.size(); }

std::size_t count_executable_graphs() { return all().executables.size(); }

void forget_graphs(const Context& context)
{
    std::erase_if(all().executables, [&context](const auto& executable) { return executable.second->context == &context; });
    std::erase_if(all().graphs, [&context](const auto& graph) {
        if (graph.second->context != &context)
            return false;
        forget_nodes(*graph.second);
        return true;
    });
}

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, std::size_t* count)
{
    const std::lock_guard lock(driver_lock());
    const auto found = all().graphs.find(graph);
    if (found == all().graphs.end())
        return no_graph();
    const auto& own = found->second->nodes;
    if (!nodes) {
        *count = own.size();
        return success;
    }
    for (std::size_t i = 0; i < *count; i++)
        nodes[i] = i < own.size() ? own[i].get() : nullptr;
    *count = std::min(*count, own.size());
    return success;
}

SOFTGPU_EXPORT CUresult cuGraphNodeGetType(CUgraphNode node, int* type)
{
    const std::lock_guard lock(driver_lock());
    if (!all().nodes.contains(node))
        return explain(invalid_value, "the handle is no node");
    *type = static_cast<int>(node->kind);
    return success;
}

SOFTGPU_EXPORT CUresult cuGraphDestroy(CUgraph graph)
{
    const std::lock_guard lock(driver_lock());
    const auto found = all().graphs.find(graph);
    if (found == all().graphs.end())
        return no_graph();
    forget_nodes(*found->second);
    all().graphs.erase(found);
    return success;
}

SOFTGPU_EXPORT CUresult cuGraphInstantiateWithFlags(CUgraphExec* result, CUgraph graph, unsigned long long flags)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (!all().graphs.contains(graph))
        return no_graph();
    if (const CUresult status = check_owner(*graph->context, "the graph"); status != success)
        return status;
    constexpr unsigned long long use_node_priority = 8;
    if ((flags & ~use_node_priority) != 0)
        return explain(invalid_value, "the software GPU knows no flag of cuGraphInstantiate but CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY");
    if (is_due(&Options::fail_graph))
        return explain(invalid_value, "SOFTGPU_FAIL_GRAPH asked for it");
    auto executable = std::make_unique<CUgraphExec_st>(CUgraphExec_st{graph->context, std::make_shared<Program>(Program{graph->nodes})});
    *result = executable.get();
    all().executables[*result] = std::move(executable);
    return success;
}

SOFTGPU_EXPORT CUresult cuGraphUpload(CUgraphExec executable, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    return check_executable(executable);
}

SOFTGPU_EXPORT CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    if (const CUresult status = check_executable(executable); status != success)
        return status;
    if (is_capturing(stream))
        return refuse(stream, "cuGraphLaunch, which the software GPU does not capture,");
    return append(stream, std::make_unique<GraphLaunch>(executable->program));
}

SOFTGPU_EXPORT CUresult cuGraphExecDestroy(CUgraphExec executable)
{
    const std::lock_guard lock(driver_lock());
    return all().executables.erase(executable) == 1 ? success : no_executable();
}

}
