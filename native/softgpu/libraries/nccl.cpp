// NCCL of the software GPU: bytes between ranks that are processes, or threads, of one machine. A rank takes part in every operation of its communicator, on
// one stream and in one order; NCCL allows more.
#include "device_memory.h"
#include "failure.h"
#include "meeting.h"
#include "registry.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <random>
#include <set>
#include <vector>

using namespace softgpu;
using namespace softgpu::ranks;

namespace {

// Bytes between this rank and another, both ways.
struct Transfer {
    const unsigned char* source = nullptr;
    unsigned char* target = nullptr;
    std::size_t send_bytes = 0, receive_bytes = 0;
};

struct Call {
    const char* name;
    Announcement announcement;
    std::vector<Transfer> with;
    DeviceRanges ranges;
};

// The operation of a communicator that has begun; its stream has one at a time.
struct Progress {
    std::chrono::steady_clock::time_point not_before;
    bool is_announced = false;
    int agreed = 0;
    std::vector<std::size_t> sent, received;
};

// Lives as long as queued work or a graph needs it.
struct Communicator {
    Communicator(const ncclUniqueId& id, int ranks, int rank) : meeting(id, ranks, rank) {}

    Meeting meeting;
    std::atomic<bool> is_aborted = false;
    CUstream stream = nullptr;
    std::set<int> open_peers;
    bool is_open_for_collectives = false;
    std::uint64_t operations = 0;
    std::optional<Progress> progress;
    std::mt19937 delays;
    // How many queued operations and how many nodes of graphs use it.
    std::shared_ptr<const bool> queued = std::make_shared<bool>(), captured = std::make_shared<bool>();
};

}

struct ncclComm {
    softgpu::ContextOfHandle owner;
    std::shared_ptr<Communicator> own;
};

namespace {

Registry<ncclComm> communicators(LibraryKind::nccl);

struct Request {
    bool is_send;
    const void* buffer;
    std::size_t count;
    ncclDataType_t type;
    int peer;
    ncclComm_t communicator;
    CUstream stream;
};

struct Group {
    int depth = 0;
    std::vector<Request> requests;
};

thread_local Group group;
thread_local std::string last_error;

[[noreturn]] void invalid_argument(const std::string& reason) { throw Failure(ncclInvalidArgument, reason); }
[[noreturn]] void invalid_usage(const std::string& reason) { throw Failure(ncclInvalidUsage, reason); }

template <typename Work>
ncclResult_t answer(const char* call, Work&& work)
{
    try {
        work();
        return ncclSuccess;
    } catch (const Failure& failure) {
        last_error = std::string(call) + ": " + failure.what();
        return failure.status();
    } catch (const std::bad_alloc&) {
        last_error = std::string(call) + ": out of host memory";
        return ncclSystemError;
    }
}

std::size_t size_of(ncclDataType_t type)
{
    switch (type) {
    case ncclInt8:
    case ncclUint8: return 1;
    case ncclInt32:
    case ncclFloat32: return 4;
    default: invalid_argument("datatype is " + std::to_string(type) + "; the software GPU has ncclInt8, ncclUint8, ncclInt32 and ncclFloat32 only");
    }
}

Communicator& require_communicator(ncclComm_t handle)
{
    const ncclComm* const found = communicators.find(handle);
    if (!found)
        invalid_argument(handle ? "comm is not a live communicator" : "comm is null");
    return *found->own;
}

void require_no_group(const char* what)
{
    if (group.depth > 0)
        invalid_usage(std::string(what) + " within a group that ncclGroupStart began and no ncclGroupEnd has ended");
}

void require_stream(CUstream stream)
{
    if (!has_current_context())
        throw Failure(ncclUnhandledCudaError, "this thread has no current context");
    if (const CUresult status = stream_status(stream); status != 0)
        invalid_argument("the driver refuses the stream: " + driver_error(status));
}

void require_device(DeviceRanges& ranges, const char* name, const void* address, std::size_t bytes, std::size_t alignment)
{
    if (bytes == 0)
        return;
    if (const std::string why = ranges.add(name, address, bytes, alignment); !why.empty())
        invalid_argument(why);
}

bool overlap(const unsigned char* a, std::size_t a_bytes, const unsigned char* b, std::size_t b_bytes)
{
    return a_bytes != 0 && b_bytes != 0 && a < b + b_bytes && b < a + a_bytes;
}

std::string text(const Announcement::Amount& amount)
{
    return std::to_string(amount.count) + " of type " + std::to_string(amount.type);
}

const char* name_of(int call) { return call == Announcement::all_gather ? "ncclAllGather" : "ncclSend and ncclRecv"; }

// Throws where another rank is in another operation, or has other ideas of it.
void compare(const Meeting& meeting, const Announcement& own, int rank, const Announcement& other)
{
    const auto me = static_cast<std::size_t>(meeting.rank()), they = static_cast<std::size_t>(rank);
    const std::string own_name = "rank " + std::to_string(meeting.rank()), name = "rank " + std::to_string(rank);
    if (own.call != other.call)
        invalid_usage(own_name + " calls " + name_of(own.call) + " where " + name + " calls " + name_of(other.call));
    if (own.sends[they] != other.receives[me])
        invalid_usage(own_name + " sends " + text(own.sends[they]) + " to " + name + ", which receives " + text(other.receives[me]));
    if (own.receives[they] != other.sends[me])
        invalid_usage(own_name + " receives " + text(own.receives[they]) + " from " + name + ", which sends " + text(other.sends[me]));
}

Progress begin(Communicator& communicator, const Call& call)
{
    Progress progress;
    progress.sent.resize(call.with.size());
    progress.received.resize(call.with.size());
    progress.not_before = std::chrono::steady_clock::now();
    communicator.operations++;

    // With a seed ranks come late, each at other operations.
    if (options().seed != 0) {
        if (communicator.operations == 1)
            communicator.delays.seed(static_cast<unsigned>(options().seed * most_ranks + communicator.meeting.rank()));
        constexpr unsigned seldom = 4, most_microseconds = 2000;
        if (communicator.delays() % seldom == 0)
            progress.not_before += std::chrono::microseconds(communicator.delays() % most_microseconds);
    }
    return progress;
}

// Moves what can be moved; whether all is there. Throws what a real GPU would hang on.
bool advance(Communicator& communicator, const Call& call)
{
    Meeting& meeting = communicator.meeting;
    const int ranks = meeting.ranks();
    if (!communicator.progress)
        communicator.progress = begin(communicator, call);
    Progress& progress = *communicator.progress;
    if (!progress.is_announced) {
        if (std::chrono::steady_clock::now() < progress.not_before)
            return false;
        if (!call.ranges.usable(call.name))
            return false;
        meeting.announce(communicator.operations, call.announcement);
        progress.is_announced = true;
    }
    for (; progress.agreed < ranks; progress.agreed++) {
        const int rank = progress.agreed;
        if (rank == meeting.rank())
            continue;

        // What has gone may have come before: asked in this order.
        const std::string gone = meeting.gone(rank);
        const Announcement* const other = meeting.announced(rank, communicator.operations);
        if (!other && !gone.empty())
            throw Failure(ncclRemoteError, gone);
        if (!other)
            return false;
        compare(meeting, call.announcement, rank, *other);
    }
    bool is_complete = true;
    for (int rank = 0; rank < ranks; rank++) {
        if (rank == meeting.rank())
            continue;
        const auto index = static_cast<std::size_t>(rank);
        const Transfer& transfer = call.with[index];
        std::size_t &sent = progress.sent[index], &received = progress.received[index];
        const auto move = [&] {
            std::size_t moved = 0, all = 0;
            do {
                moved = 0;
                if (sent < transfer.send_bytes)
                    moved += meeting.send(rank, transfer.source + sent, transfer.send_bytes - sent);
                sent += moved;
                if (received < transfer.receive_bytes) {
                    const std::size_t come = meeting.receive(rank, transfer.target + received, transfer.receive_bytes - received);
                    received += come;
                    moved += come;
                }
                all += moved;
            } while (moved != 0);
            return all;
        };
        const auto is_done = [&] { return sent == transfer.send_bytes && received == transfer.receive_bytes; };
        if (move() == 0 && !is_done()) {
            const std::string gone = meeting.gone(rank);
            if (!gone.empty() && move() == 0)
                throw Failure(ncclRemoteError, gone);
        }
        is_complete = is_complete && is_done();
    }
    return is_complete;
}

bool arrived(Communicator& communicator, const Call& call)
{
    if (communicator.is_aborted)
        return true;
    try {
        return advance(communicator, call);
    } catch (const Failure& failure) {
        // A real GPU waits for ever, or computes with what it did not get.
        constexpr CUresult launch_failed = 719;
        fail(launch_failed, std::string(call.name) + ", when it ran: " + failure.what());
        return false;
    }
}

void finish(Communicator& communicator, const Call& call)
{
    if (communicator.is_aborted)
        return;
    const Transfer& own = call.with[static_cast<std::size_t>(communicator.meeting.rank())];
    if (own.send_bytes != 0 && own.source != own.target)
        std::memcpy(own.target, own.source, own.send_bytes);
    communicator.progress.reset();
}

void put(ncclComm_t handle, CUstream stream, Call&& made)
{
    const ncclComm& usable = *communicators.find(handle);
    if (const std::string why = usable.owner.why_not_current(); !why.empty())
        invalid_usage(why);
    const std::shared_ptr<Communicator> communicator = usable.own;
    const bool captures = is_capturing(stream);
    if (communicator->stream && communicator->stream != stream)
        invalid_usage("the communicator was used with another stream; the software GPU has one stream a communicator");

    // Connections are opened by the first use, and that allocates.
    const bool is_collective = made.announcement.call == Announcement::all_gather;
    for (int rank = 0; rank < communicator->meeting.ranks(); rank++) {
        const Transfer& transfer = made.with[static_cast<std::size_t>(rank)];
        if (is_collective || rank == communicator->meeting.rank() || transfer.send_bytes + transfer.receive_bytes == 0)
            continue;
        if (captures && !communicator->open_peers.contains(rank))
            invalid_usage("the connection to rank " + std::to_string(rank) + " would be opened in a capture; use it once before");
        communicator->open_peers.insert(rank);
    }
    if (is_collective && captures && !communicator->is_open_for_collectives)
        invalid_usage("the connections of collectives would be opened in a capture; use one once before");
    communicator->is_open_for_collectives |= is_collective;
    communicator->stream = stream;
    const auto call = std::make_shared<const Call>(std::move(made));
    const auto use = captures ? communicator->captured : communicator->queued;
    const CUresult result = enqueue(
        stream, call->name, [communicator, call, use] { finish(*communicator, *call); }, [communicator, call] { return arrived(*communicator, *call); });
    if (result != 0)
        throw Failure(ncclUnhandledCudaError, "the driver refused the work: " + driver_error(result));
}

// One send to and one receive from each rank at most.
Call call_of(const std::vector<Request>& requests, const Meeting& meeting)
{
    const auto ranks = static_cast<std::size_t>(meeting.ranks());
    Call call{.name = "ncclGroupEnd", .announcement = {}, .with = std::vector<Transfer>(ranks), .ranges = {}};
    call.announcement.call = Announcement::point_to_point;
    for (const Request& request : requests) {
        if (request.communicator != requests.front().communicator || request.stream != requests.front().stream)
            invalid_usage("the group has several communicators or streams; the software GPU has one of each in a group");
        const auto peer = static_cast<std::size_t>(request.peer);
        const std::size_t bytes = request.count * size_of(request.type);
        Transfer& transfer = call.with[peer];
        if (request.is_send ? transfer.source != nullptr : transfer.target != nullptr)
            invalid_usage(std::string("the group ") + (request.is_send ? "sends to" : "receives from") + " rank " + std::to_string(request.peer)
                + " twice; the software GPU does so once in a group");
        (request.is_send ? call.announcement.sends : call.announcement.receives)[peer] = {request.count, request.type};
        if (request.is_send) {
            transfer.source = static_cast<const unsigned char*>(request.buffer);
            transfer.send_bytes = bytes;
        } else {
            transfer.target = static_cast<unsigned char*>(const_cast<void*>(request.buffer));
            transfer.receive_bytes = bytes;
        }
        require_device(call.ranges, request.is_send ? "sendbuff" : "recvbuff", request.buffer, bytes, size_of(request.type));
    }
    const Transfer& own = call.with[static_cast<std::size_t>(meeting.rank())];
    if (own.send_bytes != own.receive_bytes)
        invalid_usage("the rank sends itself " + std::to_string(own.send_bytes) + " bytes and receives " + std::to_string(own.receive_bytes));
    for (std::size_t i = 0; i < ranks; i++)
        for (std::size_t j = 0; j < ranks; j++) {
            const Transfer &target = call.with[i], &other = call.with[j];
            if (overlap(target.target, target.receive_bytes, other.source, other.send_bytes)
                || (i != j && overlap(target.target, target.receive_bytes, other.target, other.receive_bytes)))
                invalid_argument("what is received from rank " + std::to_string(i) + " lies where other bytes of the group do");
        }
    return call;
}

void end_group()
{
    const std::vector<Request> requests = std::move(group.requests);
    group = {};
    if (!requests.empty())
        put(requests.front().communicator, requests.front().stream, call_of(requests, require_communicator(requests.front().communicator).meeting));
}

void request(const Request& request)
{
    const Communicator& communicator = require_communicator(request.communicator);
    require_stream(request.stream);
    size_of(request.type);
    if (request.peer < 0 || request.peer >= communicator.meeting.ranks())
        invalid_argument("peer is " + std::to_string(request.peer) + " of " + std::to_string(communicator.meeting.ranks()) + " ranks");
    if (!request.buffer)
        invalid_argument(request.is_send ? "sendbuff is null" : "recvbuff is null");
    group.requests.push_back(request);
    if (group.depth == 0)
        end_group();
}

}

ncclResult_t ncclGetVersion(int* version)
{
    return answer("ncclGetVersion", [&] {
        if (!version)
            invalid_argument("version is null");
        *version = static_cast<int>(options().nccl_version);
    });
}

const char* ncclGetErrorString(ncclResult_t result)
{
    switch (result) {
    case ncclSuccess: return "no error";
    case ncclUnhandledCudaError: return "a call of CUDA failed";
    case ncclSystemError: return "a call of the system failed";
    case ncclInternalError: return "internal error";
    case ncclInvalidArgument: return "invalid argument";
    case ncclInvalidUsage: return "invalid usage";
    case ncclRemoteError: return "another rank's process has ended, or the network failed";
    default: return "unknown result code";
    }
}

const char* ncclGetLastError(ncclComm_t)
{
    return last_error.c_str();
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* uniqueId)
{
    return answer("ncclGetUniqueId", [&] {
        if (!uniqueId)
            invalid_argument("uniqueId is null");
        *uniqueId = Meeting::create();
    });
}

ncclResult_t ncclCommInitRank(ncclComm_t* comm, int nranks, ncclUniqueId commId, int rank)
{
    return answer("ncclCommInitRank", [&] {
        if (!comm)
            invalid_argument("the place for the new communicator is null");
        require_no_group("ncclCommInitRank");
        if (!has_current_context())
            throw Failure(ncclUnhandledCudaError, "this thread has no current context");
        if (nranks < 1 || nranks > most_ranks)
            invalid_argument("nranks is " + std::to_string(nranks) + "; the software GPU has 1 to " + std::to_string(most_ranks));
        if (rank < 0 || rank >= nranks)
            invalid_argument("rank is " + std::to_string(rank) + " of " + std::to_string(nranks));
        auto communicator = std::make_shared<Communicator>(commId, nranks, rank);
        *comm = communicators.create();
        (*comm)->own = std::move(communicator);
    });
}

ncclResult_t ncclCommDestroy(ncclComm_t comm)
{
    return answer("ncclCommDestroy", [&] {
        const Communicator& communicator = require_communicator(comm);
        require_no_group("ncclCommDestroy");
        if (communicator.captured.use_count() > 1)
            invalid_usage("a graph that captured operations of the communicator is alive; NCCL would wait for its end");
        if (communicator.queued.use_count() > 1)
            invalid_usage("operations of the communicator are still queued; wait for its stream first");
        const std::shared_ptr<Communicator> own = communicators.find(comm)->own;
        communicators.destroy(comm);
        own->meeting.leave();
    });
}

ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    return answer("ncclCommAbort", [&] {
        Communicator& communicator = require_communicator(comm);
        communicator.is_aborted = true;
        communicator.meeting.abort();
        communicators.destroy(comm);
    });
}

ncclResult_t ncclGroupStart(void)
{
    group.depth++;
    return ncclSuccess;
}

ncclResult_t ncclGroupEnd(void)
{
    return answer("ncclGroupEnd", [&] {
        if (group.depth == 0)
            invalid_usage("no ncclGroupStart came before");
        if (--group.depth == 0)
            end_group();
    });
}

ncclResult_t ncclSend(const void* sendbuff, size_t count, ncclDataType_t datatype, int peer, ncclComm_t comm, CUstream stream)
{
    return answer("ncclSend", [&] { request({true, sendbuff, count, datatype, peer, comm, stream}); });
}

ncclResult_t ncclRecv(void* recvbuff, size_t count, ncclDataType_t datatype, int peer, ncclComm_t comm, CUstream stream)
{
    return answer("ncclRecv", [&] { request({false, recvbuff, count, datatype, peer, comm, stream}); });
}

ncclResult_t ncclAllGather(const void* sendbuff, void* recvbuff, size_t sendcount, ncclDataType_t datatype, ncclComm_t comm, CUstream stream)
{
    return answer("ncclAllGather", [&] {
        const Meeting& meeting = require_communicator(comm).meeting;
        require_stream(stream);
        require_no_group("ncclAllGather, which the software GPU has by itself only,");
        const auto ranks = static_cast<std::size_t>(meeting.ranks());
        const std::size_t bytes = sendcount * size_of(datatype);
        Call call{.name = "ncclAllGather", .announcement = {}, .with = std::vector<Transfer>(ranks), .ranges = {}};
        call.announcement.call = Announcement::all_gather;
        require_device(call.ranges, "sendbuff", sendbuff, bytes, size_of(datatype));
        require_device(call.ranges, "recvbuff", recvbuff, ranks * bytes, size_of(datatype));
        const auto* const source = static_cast<const unsigned char*>(sendbuff);
        auto* const target = static_cast<unsigned char*>(recvbuff);
        if (overlap(source, bytes, target, ranks * bytes) && source != target + static_cast<std::size_t>(meeting.rank()) * bytes)
            invalid_argument("sendbuff lies in recvbuff, but not at this rank's place");
        for (std::size_t rank = 0; rank < ranks; rank++) {
            call.announcement.sends[rank] = call.announcement.receives[rank] = {sendcount, datatype};
            call.with[rank] = {source, target + rank * bytes, bytes, bytes};
        }
        put(comm, stream, std::move(call));
    });
}
