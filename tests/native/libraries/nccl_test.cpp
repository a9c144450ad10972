#include "../testing/device.h"
#include "nccl_interface.h"

#include <functional>
#include <thread>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace {

// Two ranks: this process, and a child or a thread of it.
class Nccl : public DeviceTest {
protected:
    void SetUp() override
    {
        DeviceTest::SetUp();
        ASSERT_EQ(ncclGetUniqueId(&id), ncclSuccess);
    }

    ncclComm_t join(int rank, int ranks = 2)
    {
        ncclComm_t made = nullptr;
        EXPECT_EQ(cuCtxSetCurrent(context), 0);
        EXPECT_EQ(ncclCommInitRank(&made, ranks, id, rank), ncclSuccess) << ncclGetLastError(nullptr);
        return made;
    }

    // The second rank does this on a stream of its own.
    std::thread other_rank(std::function<void(ncclComm_t, CUstream)> body)
    {
        return std::thread([this, body] {
            const ncclComm_t own = join(1);
            CUstream its = nullptr;
            constexpr unsigned non_blocking = 1;
            EXPECT_EQ(cuStreamCreate(&its, non_blocking), 0);
            body(own, its);
            cuStreamDestroy_v2(its);
        });
    }

    // A process with a rank, which ends without destroying its communicator.
    pid_t process(int rank, std::function<void(ncclComm_t)> body)
    {
        const pid_t child = fork();
        if (child == 0) {
            body(join(rank));
            _exit(::testing::Test::HasFailure() ? 1 : 0);
        }
        return child;
    }

    static void expect_refused(ncclResult_t actual, ncclResult_t expected, const char* reason)
    {
        EXPECT_EQ(actual, expected) << reason;
        const std::string text = ncclGetLastError(nullptr);
        EXPECT_NE(text.find(reason), std::string::npos) << text;
    }

    static void expect_failure(const std::string& text, const char* reason) { EXPECT_NE(text.find(reason), std::string::npos) << text; }

    ncclUniqueId id{};
};

// This rank's two values to and from the other.
ncclResult_t swap(const DeviceArray<float>& values, const DeviceArray<float>& received, std::size_t count, int peer, ncclComm_t comm, CUstream stream)
{
    ncclGroupStart();
    ncclSend(values.data(), count, ncclFloat32, peer, comm, stream);
    ncclRecv(received.data(), count, ncclFloat32, peer, comm, stream);
    return ncclGroupEnd();
}

TEST_F(Nccl, ProcessesGetWhatTheOtherSends)
{
    constexpr std::size_t count = 50000;
    const std::vector<float> first = random_values(count, 1), second = random_values(count, 2);
    const auto exchange = [&](ncclComm_t comm, const std::vector<float>& own, const std::vector<float>& others, int peer) {
        const DeviceArray<float> values(own), received(count), all(2 * count);
        for (int repeat = 0; repeat < 3; repeat++) {
            EXPECT_EQ(swap(values, received, count, peer, comm, stream), ncclSuccess) << ncclGetLastError(comm);
            EXPECT_EQ(received.download(), others);
            EXPECT_EQ(ncclAllGather(values.data(), all.data(), count, ncclFloat32, comm, stream), ncclSuccess) << ncclGetLastError(comm);
            std::vector<float> expected = first;
            expected.insert(expected.end(), second.begin(), second.end());
            EXPECT_EQ(all.download(), expected);
        }
        EXPECT_EQ(ncclCommDestroy(comm), ncclSuccess) << ncclGetLastError(comm);
    };
    const pid_t child = process(1, [&](ncclComm_t comm) { exchange(comm, second, first, 0); });
    exchange(join(0), first, second, 1);
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST_F(Nccl, AGraphExchangesAgainAndAgain)
{
    const auto replay = [this](ncclComm_t comm, CUstream its, float own, float others, int peer) {
        DeviceArray<float> values(1), received(1);
        EXPECT_EQ(cuMemsetD8Async(reinterpret_cast<unsigned long long>(received.data()), 0, sizeof(float), its), 0);
        EXPECT_EQ(cuMemcpyHtoDAsync_v2(reinterpret_cast<unsigned long long>(values.data()), &own, sizeof own, its), 0);
        EXPECT_EQ(swap(values, received, 1, peer, comm, its), ncclSuccess);
        EXPECT_EQ(cuStreamSynchronize(its), 0);
        void *graph = nullptr, *executable = nullptr;
        constexpr int thread_local_mode = 1;
        EXPECT_EQ(cuStreamBeginCapture_v2(its, thread_local_mode), 0);
        EXPECT_EQ(swap(values, received, 1, peer, comm, its), ncclSuccess) << ncclGetLastError(comm);
        EXPECT_EQ(cuStreamEndCapture(its, &graph), 0);
        EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
        EXPECT_EQ(cuGraphDestroy(graph), 0);
        for (int i = 1; i < 4; i++) {
            const float next = own + static_cast<float>(i);
            float actual = 0;
            EXPECT_EQ(cuMemcpyHtoDAsync_v2(reinterpret_cast<unsigned long long>(values.data()), &next, sizeof next, its), 0);
            EXPECT_EQ(cuGraphLaunch(executable, its), 0);
            EXPECT_EQ(cuMemcpyDtoHAsync_v2(&actual, reinterpret_cast<unsigned long long>(received.data()), sizeof actual, its), 0);
            EXPECT_EQ(actual, others + static_cast<float>(i));
        }
        EXPECT_EQ(ncclCommDestroy(comm), ncclInvalidUsage);
        expect_refused(ncclCommDestroy(comm), ncclInvalidUsage, "a graph that captured operations of the communicator is alive");
        EXPECT_EQ(cuGraphExecDestroy(executable), 0);
        EXPECT_EQ(ncclCommDestroy(comm), ncclSuccess) << ncclGetLastError(comm);
    };
    for (const char* seed : {"0", "1", "2"}) {
        softgpu_configure("SOFTGPU_SEED", seed);
        std::thread other = other_rank([&](ncclComm_t comm, CUstream its) { replay(comm, its, 20, 10, 0); });
        replay(join(0), stream, 10, 20, 1);
        other.join();
        ASSERT_EQ(ncclGetUniqueId(&id), ncclSuccess);
    }
    softgpu_configure("SOFTGPU_SEED", "0");
}

TEST_F(Nccl, UnlikeCountsTypesAndOrderFailBothDevices)
{
    struct Case {
        std::function<void(ncclComm_t, CUstream)> first, second;
        const char* reason;
    };
    const DeviceArray<float> a(8), b(8), c(8), d(8);
    EXPECT_EQ(cuMemsetD8Async(reinterpret_cast<unsigned long long>(a.data()), 0, a.bytes(), stream), 0);
    EXPECT_EQ(synchronize(), "");
    const Case cases[] = {
        {[&](ncclComm_t comm, CUstream its) { swap(a, b, 2, 1, comm, its); },
            [&](ncclComm_t comm, CUstream its) { swap(c, d, 3, 0, comm, its); }, "2 of type 7"},
        {[&](ncclComm_t comm, CUstream its) { ncclAllGather(a.data(), b.data(), 4, ncclUint8, comm, its); },
            [&](ncclComm_t comm, CUstream its) { ncclAllGather(c.data(), d.data(), 1, ncclFloat32, comm, its); }, "of type 1"},
        {[&](ncclComm_t comm, CUstream its) { ncclAllGather(a.data(), b.data(), 1, ncclFloat32, comm, its); },
            [&](ncclComm_t comm, CUstream its) { swap(c, d, 1, 0, comm, its); }, "calls ncclAllGather"},
        {[&](ncclComm_t comm, CUstream its) { ncclSend(a.data(), 1, ncclFloat32, 1, comm, its); },
            [&](ncclComm_t comm, CUstream its) { ncclSend(c.data(), 1, ncclFloat32, 0, comm, its); }, "which receives 0"},
    };

    // One failure is all that a context has: every rank of every case is a child.
    for (const Case& it : cases) {
        ASSERT_EQ(ncclGetUniqueId(&id), ncclSuccess);
        const pid_t first = process(0, [&](ncclComm_t comm) {
            it.first(comm, stream);
            const std::string text = synchronize();
            expect_failure(text, it.reason);
            expect_failure(text, "unspecified launch failure");
        });
        const pid_t second = process(1, [&](ncclComm_t comm) {
            it.second(comm, stream);
            expect_failure(synchronize(), "when it ran: rank 1 ");
        });
        for (const pid_t child : {first, second}) {
            int status = -1;
            waitpid(child, &status, 0);
            EXPECT_EQ(status, 0) << it.reason;
        }
    }
}

TEST_F(Nccl, ADeadPeerIsFoundAndASlowOneIsWaitedFor)
{
    DeviceArray<float> values(std::vector<float>{1, 2}), received(2);
    const auto swap_with = [&](ncclComm_t comm, int peer) { return swap(values, received, 2, peer, comm, stream); };
    const pid_t slow = process(1, [&](ncclComm_t comm) {
        usleep(200'000);
        EXPECT_EQ(swap_with(comm, 0), ncclSuccess);
        EXPECT_EQ(synchronize(), "");
        pause();
    });
    const ncclComm_t comm = join(0);
    EXPECT_EQ(swap_with(comm, 1), ncclSuccess);
    EXPECT_EQ(synchronize(), "");

    // Nobody waits for the child before: it is a zombie.
    kill(slow, SIGKILL);
    EXPECT_EQ(swap_with(comm, 1), ncclSuccess);
    const std::string text = synchronize();
    expect_failure(text, ("rank 1 of 2 (process " + std::to_string(slow) + ") has died").c_str());
    waitpid(slow, nullptr, 0);
    EXPECT_EQ(ncclCommAbort(comm), ncclSuccess);
}

TEST_F(Nccl, DestroyingIsForAllRanks)
{
    const pid_t child = process(1, [](ncclComm_t) {});
    const ncclComm_t comm = join(0);
    waitpid(child, nullptr, 0);
    expect_refused(ncclCommDestroy(comm), ncclRemoteError, "has died");
    expect_refused(ncclCommDestroy(comm), ncclInvalidArgument, "not a live communicator");
}

TEST_F(Nccl, CallsAreChecked)
{
    int version = 0;
    EXPECT_EQ(ncclGetVersion(&version), ncclSuccess);
    EXPECT_EQ(version, 22704);
    EXPECT_STREQ(ncclGetErrorString(ncclInvalidUsage), "invalid usage");
    ncclComm_t comm = nullptr;
    expect_refused(ncclCommInitRank(&comm, 2, ncclUniqueId{}, 0), ncclInvalidArgument, "none of ncclGetUniqueId's");
    expect_refused(ncclCommInitRank(&comm, 2, id, 2), ncclInvalidArgument, "rank is 2 of 2");
    expect_refused(ncclCommInitRank(&comm, 0, id, 0), ncclInvalidArgument, "nranks is 0");
    expect_refused(ncclGroupEnd(), ncclInvalidUsage, "no ncclGroupStart");
    comm = join(0, 1);
    ncclComm_t again = nullptr;
    expect_refused(ncclCommInitRank(&again, 1, id, 0), ncclRemoteError, "have come already");

    const DeviceArray<float> values(std::vector<float>{1, 2, 3, 4});
    float host = 0;
    expect_refused(ncclSend(&host, 1, ncclFloat32, 0, comm, stream), ncclInvalidArgument, "sendbuff is not 4 bytes of device memory");
    expect_refused(ncclSend(values.data(), 5, ncclFloat32, 0, comm, stream), ncclInvalidArgument, "past the end");
    expect_refused(ncclSend(values.data(), 1, ncclFloat32, 1, comm, stream), ncclInvalidArgument, "peer is 1 of 1");
    expect_refused(ncclSend(values.data(), 1, 99, 0, comm, stream), ncclInvalidArgument, "datatype is 99");
    expect_refused(ncclSend(values.data(), 1, ncclFloat32, 0, comm, nullptr), ncclInvalidArgument, "the driver refuses the stream");
    expect_refused(ncclSend(values.data(), 1, ncclFloat32, 0, comm, stream), ncclInvalidUsage, "sends itself 4 bytes and receives 0");
    EXPECT_EQ(ncclGroupStart(), ncclSuccess);
    EXPECT_EQ(ncclSend(values.data(), 2, ncclFloat32, 0, comm, stream), ncclSuccess);
    EXPECT_EQ(ncclRecv(values.data() + 1, 2, ncclFloat32, 0, comm, stream), ncclSuccess);
    expect_refused(ncclGroupEnd(), ncclInvalidArgument, "lies where other bytes of the group do");
    EXPECT_EQ(ncclGroupStart(), ncclSuccess);
    expect_refused(ncclCommDestroy(comm), ncclInvalidUsage, "no ncclGroupEnd has ended");
    EXPECT_EQ(ncclGroupEnd(), ncclSuccess);

    void* const graph = capture([&] {
        expect_refused(ncclAllGather(values.data(), values.data(), 4, ncclFloat32, comm, stream), ncclInvalidUsage, "opened in a capture");
    });
    EXPECT_EQ(cuGraphDestroy(graph), 0);
    EXPECT_EQ(ncclAllGather(values.data(), values.data(), 4, ncclFloat32, comm, stream), ncclSuccess);
    expect_refused(ncclCommDestroy(comm), ncclInvalidUsage, "still queued");
    EXPECT_EQ(synchronize(), "");
    EXPECT_EQ(ncclCommDestroy(comm), ncclSuccess);
}

TEST_F(Nccl, MemoryThatIsFreedBeforeTheExchangeIsFound)
{
    const ncclComm_t comm = join(0, 1);
    DeviceArray<float> values(std::vector<float>{1, 2});
    const DeviceArray<float> all(2);
    EXPECT_EQ(ncclAllGather(values.data(), all.data(), 2, ncclFloat32, comm, stream), ncclSuccess);
    EXPECT_EQ(synchronize(), "");
    void *executable = nullptr, *graph = capture([&] {
        EXPECT_EQ(ncclAllGather(values.data(), all.data(), 2, ncclFloat32, comm, stream), ncclSuccess);
    });
    EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    values.release();
    EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
    expect_failure(synchronize(), "sendbuff is not 8 bytes of device memory");
    EXPECT_EQ(ncclCommAbort(comm), ncclSuccess);
}

}
