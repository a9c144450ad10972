// Streams. Work waits in its stream's queue until something needs it, and a seed chooses among the streams that could go on,
// so that what only a wait would put in order comes out of order. There is no legacy stream: the product's streams are non-blocking, and a null stream is a
// mistake.
#pragma once

#include "errors.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace softgpu {

// The values of CUgraphNodeType.
enum class Kind { kernel = 0, copy = 1, set = 2 };

// What a stream does in one piece, and what a node of a graph is.
struct Work {
    Kind kind;
    std::string what; // in errors
    std::function<void()> run;
    std::function<bool()> arrived; // empty where it waits for nobody
    std::function<void()> begin; // done before it as a kernel of its own: others may run in between; mostly empty
    std::function<void()> begin_early; // of a kernel that may start before the one before it has ended, what comes before its wait
    bool is_of_library = false;
};

// Something in a stream's queue.
class Operation {
public:
    virtual ~Operation() = default;
    virtual bool can_go_on() const { return true; }
    // Where it is no more than that.
    virtual const Work* work() const { return nullptr; }
    // Does a part of the work; true when it was the last.
    virtual bool advance() = 0;
};

struct CapturePoint;
struct Context;

struct Queued {
    unsigned long ticket; // in the order of the calls
    std::unique_ptr<Operation> operation;
};

}

struct CUstream_st {
    explicit CUstream_st(softgpu::Context& owner);
    ~CUstream_st();

    softgpu::Context& context;
    std::deque<softgpu::Queued> queue;
    std::unique_ptr<softgpu::CapturePoint> capture; // where it stands in one
    std::thread::id creator = std::this_thread::get_id();
    bool is_destroyed = false; // its work still runs, as a GPU's does; then it goes
    bool ends_with_library = false; // what was added last
};

namespace softgpu {

// Of all contexts, oldest first.
const std::vector<CUstream>& all_streams();

// Whether the handle is a stream that was not destroyed, of whatever context.
bool is_stream(CUstream stream);

// ready(), and whether the handle is a stream of the current context.
CUresult check(CUstream stream);

// Appends work to a stream, or a node to the graph that it captures.
CUresult add(CUstream stream, Work work);
CUresult add(CUstream stream, Kind kind, const char* what, std::function<void()> run);

// Appends to a stream that does not capture.
CUresult append(CUstream stream, std::unique_ptr<Operation> operation);

// Runs work, with the faults to inject before it and the checks of memory after it.
void perform(const Work& work);

// The same of what is done before it.
void perform_begin(const Work& work);

// Where the seed has it, begins a kernel before the one before it, which then must run next, and it itself next on the same thread.
bool begin_early(const Work& before, const Work& kernel);

// Whether work that may wait for others can go on; remembers where it cannot.
bool has_arrived(const std::function<bool()>& arrived);

// Lets one of the context's streams that can go on do a part of its work; false where there is none.
bool run_one(Context& context);

// Runs everything that the stream must do, and whatever of the others the seed chooses.
CUresult wait_for(CUstream stream);

// Where run_one found nothing: false unless work waits for others. Other contexts get a turn, or else other processes and threads a moment without the
// driver's lock, which is held once.
bool wait_for_others(const Context& context);

// Runs everything of the context; of what waits for others, the streams of this thread: those of another may be another rank's, which waits for this one.
void drain(Context& context);

std::size_t count_streams();

void forget_streams(const Context& context);

}
