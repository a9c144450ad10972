#include "meeting.h"
#include "failure.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace softgpu::ranks {

struct Meeting::Member {
    enum State : int { absent = 0, present = 1, has_left = 2, has_aborted = 3 };

    std::atomic<int> state;
    std::atomic<int> process;
    alignas(64) std::atomic<std::uint64_t> announced;
    // Nobody reads the one before the last any more.
    std::array<Announcement, 2> announcements;
};

struct Meeting::Shared {
    std::atomic<std::uint64_t> number; // of the meeting: a file descriptor may have become another file
    std::atomic<int> ranks;
    std::array<Member, most_ranks> members;
    // Behind it a channel from each rank to each.
};

namespace {

constexpr const char* kind = "softgpu-nccl";
constexpr auto moment = std::chrono::microseconds(100);

// Files of meetings that this process has made, until all have come.
std::map<std::uint64_t, int>& open_meetings()
{
    static auto& instance = *new std::map<std::uint64_t, int>;
    return instance;
}

std::mutex open_meetings_lock;

[[noreturn]] void fail_system(const std::string& what) { throw Failure(ncclSystemError, what + ": " + std::strerror(errno)); }

std::size_t in_pages(std::size_t bytes)
{
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

struct Invitation {
    int process;
    int file;
    std::uint64_t number;
};

Invitation read(const ncclUniqueId& id)
{
    Invitation invitation{};
    const char* const begin = id.internal;
    const char* const end = begin + strnlen(begin, sizeof id.internal);
    const char* at = begin + std::strlen(kind);
    const auto next = [&](auto& value) {
        if (at >= end || *at != '/')
            return false;
        const auto [stop, error] = std::from_chars(at + 1, end, value);
        at = stop;
        return error == std::errc();
    };
    if (std::strncmp(begin, kind, std::strlen(kind)) != 0 || !next(invitation.process) || !next(invitation.file) || !next(invitation.number) || at != end)
        throw Failure(ncclInvalidArgument, "commId is none of ncclGetUniqueId's");
    return invitation;
}

struct flock place_of(int rank)
{
    struct flock place {};
    place.l_type = F_WRLCK;
    place.l_whence = SEEK_SET;
    place.l_start = rank;
    place.l_len = 1;
    return place;
}

}

ncclUniqueId Meeting::create()
{
    const int file = memfd_create(kind, MFD_CLOEXEC);
    if (file < 0)
        fail_system("memory for the ranks cannot be had");
    std::random_device random;
    const std::uint64_t number = (static_cast<std::uint64_t>(random()) << 32 | random()) | 1;
    if (ftruncate(file, static_cast<off_t>(in_pages(sizeof(Shared)))) != 0 || pwrite(file, &number, sizeof number, offsetof(Shared, number)) != sizeof number)
        fail_system("memory for the ranks cannot be had");
    {
        const std::lock_guard lock(open_meetings_lock);
        open_meetings()[number] = file;
    }
    ncclUniqueId id{};
    const std::string text = std::string(kind) + "/" + std::to_string(getpid()) + "/" + std::to_string(file) + "/" + std::to_string(number);
    text.copy(id.internal, sizeof id.internal - 1);
    return id;
}

Meeting::Meeting(const ncclUniqueId& id, int ranks, int rank) : ranks_(ranks), rank_(rank)
{
    const auto [process, file, number] = read(id);
    file_ = open(("/proc/" + std::to_string(process) + "/fd/" + std::to_string(file)).c_str(), O_RDWR | O_CLOEXEC);
    if (file_ < 0)
        throw Failure(ncclRemoteError, "process " + std::to_string(process) + ", which made the unique id, has ended, or all of its ranks have come already");
    try {
        map(in_pages(sizeof(Shared)));
        if (shared_->number != number)
            throw Failure(ncclInvalidUsage, "the ranks of this unique id have met already");
        int agreed = 0;
        if (!shared_->ranks.compare_exchange_strong(agreed, ranks) && agreed != ranks)
            throw Failure(ncclInvalidUsage, "nranks is " + std::to_string(ranks) + " here and " + std::to_string(agreed) + " on another rank");
        const std::size_t all = in_pages(sizeof(Shared)) + static_cast<std::size_t>(ranks) * static_cast<std::size_t>(ranks) * sizeof(Channel);
        if (ftruncate(file_, static_cast<off_t>(all)) != 0)
            fail_system("memory for the ranks cannot be had");
        map(all);
        take_place();
        wait_for_all();
    } catch (...) {
        if (shared_)
            munmap(shared_, bytes_);
        close(file_);
        throw;
    }
    const std::lock_guard lock(open_meetings_lock);
    if (const auto made = open_meetings().find(number); made != open_meetings().end()) {
        close(made->second);
        open_meetings().erase(made);
    }
}

Meeting::~Meeting()
{
    munmap(shared_, bytes_);
    close(file_);
}

void Meeting::map(std::size_t bytes)
{
    if (shared_)
        munmap(shared_, bytes_);
    void* const mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    shared_ = mapped == MAP_FAILED ? nullptr : static_cast<Shared*>(mapped);
    bytes_ = bytes;
    if (!shared_)
        fail_system("the ranks' memory cannot be mapped");
}

// A lock on a byte of the file, which the system takes away with the process: also with one that was killed and that nobody has waited for.
void Meeting::take_place()
{
    struct flock place = place_of(rank_);
    if (fcntl(file_, F_OFD_SETLK, &place) != 0 || member(rank_).state != Member::absent)
        throw Failure(ncclInvalidUsage, "rank " + std::to_string(rank_) + " has come already");
    member(rank_).process = getpid();
    member(rank_).state = Member::present;
}

void Meeting::wait_for_all() const
{
    for (int rank = 0; rank < ranks_; rank++)
        while (member(rank).state == Member::absent)
            std::this_thread::sleep_for(moment);
}

bool Meeting::lives(int rank) const
{
    struct flock place = place_of(rank);
    return fcntl(file_, F_OFD_GETLK, &place) != 0 || place.l_type != F_UNLCK;
}

std::string Meeting::gone(int rank) const
{
    const std::string name = "rank " + std::to_string(rank) + " of " + std::to_string(ranks_);
    const bool is_alive = lives(rank);
    switch (member(rank).state) {
    case Member::has_left: return name + " has destroyed the communicator";
    case Member::has_aborted: return name + " has aborted the communicator";
    default: return is_alive ? "" : name + " (process " + std::to_string(member(rank).process) + ") has died";
    }
}

Meeting::Member& Meeting::member(int rank) const { return shared_->members[static_cast<std::size_t>(rank)]; }

Channel& Meeting::channel(int from, int to) const
{
    auto* const channels = reinterpret_cast<Channel*>(reinterpret_cast<unsigned char*>(shared_) + in_pages(sizeof(Shared)));
    return channels[from * ranks_ + to];
}

void Meeting::announce(std::uint64_t n, const Announcement& announcement)
{
    member(rank_).announcements[n % 2] = announcement;
    member(rank_).announced = n;
}

const Announcement* Meeting::announced(int rank, std::uint64_t n) const
{
    const Member& other = member(rank);
    return other.announced >= n ? &other.announcements[n % 2] : nullptr;
}

std::size_t Meeting::send(int to, const unsigned char* bytes, std::size_t count)
{
    Channel& way = channel(rank_, to);
    const std::uint64_t at = way.written;
    const std::uint64_t place = at % Channel::capacity;
    const auto moved = static_cast<std::size_t>(std::min({Channel::capacity - (at - way.read), Channel::capacity - place, std::uint64_t{count}}));
    std::memcpy(way.bytes.data() + place, bytes, moved);
    way.written = at + moved;
    return moved;
}

std::size_t Meeting::receive(int from, unsigned char* bytes, std::size_t count)
{
    Channel& way = channel(from, rank_);
    const std::uint64_t at = way.read;
    const std::uint64_t place = at % Channel::capacity;
    const auto moved = static_cast<std::size_t>(std::min({way.written - at, Channel::capacity - place, std::uint64_t{count}}));
    std::memcpy(bytes, way.bytes.data() + place, moved);
    way.read = at + moved;
    return moved;
}

void Meeting::leave()
{
    member(rank_).state = Member::has_left;
    for (int rank = 0; rank < ranks_; rank++) {
        while (member(rank).state == Member::present) {
            if (const std::string why = gone(rank); !why.empty() && member(rank).state != Member::has_left)
                throw Failure(ncclRemoteError, why);
            std::this_thread::sleep_for(moment);
        }
        if (member(rank).state == Member::has_aborted)
            throw Failure(ncclRemoteError, gone(rank));
    }
}

void Meeting::abort() { member(rank_).state = Member::has_aborted; }

}
