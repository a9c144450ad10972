// Where the ranks of a communicator meet: memory that their processes share, which has no name and goes with the last of them, however they end.
#pragma once

#include "nccl_interface.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace softgpu::ranks {

constexpr int most_ranks = 64;

// What a rank says of an operation before any byte moves: what it will send to each and wants from each.
struct Announcement {
    enum Call : int { point_to_point = 1, all_gather = 2 };
    struct Amount {
        std::uint64_t count;
        int type;

        bool operator==(const Amount&) const = default;
    };

    int call = 0;
    std::array<Amount, most_ranks> sends{};
    std::array<Amount, most_ranks> receives{};
};

// Bytes on their way from one rank to another.
struct Channel {
    static constexpr std::uint64_t capacity = 1 << 16;

    alignas(64) std::atomic<std::uint64_t> written;
    alignas(64) std::atomic<std::uint64_t> read;
    alignas(64) std::array<unsigned char, capacity> bytes;
};

class Meeting {
public:
    // Makes a place to meet; this process must live until all have come.
    static ncclUniqueId create();

    // Waits until all have come. Throws Failure.
    Meeting(const ncclUniqueId& id, int ranks, int rank);
    ~Meeting();

    Meeting(const Meeting&) = delete;
    Meeting& operator=(const Meeting&) = delete;

    int ranks() const { return ranks_; }
    int rank() const { return rank_; }

    // Announces this rank's operation number n, from 1. Nobody is ahead of another by more than one.
    void announce(std::uint64_t n, const Announcement& announcement);

    // The announcement of a rank's operation n; null where it has not come to it.
    const Announcement* announced(int rank, std::uint64_t n) const;

    // Moves what fits; returns how many bytes.
    std::size_t send(int to, const unsigned char* bytes, std::size_t count);
    std::size_t receive(int from, unsigned char* bytes, std::size_t count);

    // Why nothing more will come from a rank; empty where it lives and has the communicator.
    std::string gone(int rank) const;

    // Says that this rank is done, and waits for the others. Throws Failure where one did not come to its end.
    void leave();

    // Leaves at once.
    void abort();

private:
    struct Member;
    struct Shared;

    Member& member(int rank) const;
    Channel& channel(int from, int to) const;
    void map(std::size_t bytes);
    void take_place();
    void wait_for_all() const;
    bool lives(int rank) const;

    int ranks_;
    int rank_;
    int file_ = -1;
    Shared* shared_ = nullptr;
    std::size_t bytes_ = 0;
};

}
