// The part of the CUDA language that the kernels use, for a host compiler. Every thread of a block runs on its own; warps do not run in lockstep.
#pragma once

#include <cstdint>
#include <cstring>
#include <math.h>

#define __global__
#define __device__
#define __launch_bounds__(...)
// A block runs on one thread of the host, which runs one block at a time.
#define __shared__ static thread_local

struct alignas(16) float4 { float x, y, z, w; };

inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace softgpu {

struct Index {
    unsigned x, y, z;
};

// Of the thread that runs now.
struct Coordinates {
    Index thread, block, block_size, grid_size;
};

#define SOFTGPU_DRIVER __attribute__((visibility("default")))

// In the driver, which is loaded before any image: reached without a call.
extern SOFTGPU_DRIVER thread_local constinit __attribute__((tls_model("initial-exec"))) Coordinates coordinates;

// Where a kernel waits, for error messages.
struct Site {
    const char* call;
    const char* file;
    int line;
};

SOFTGPU_DRIVER void synchronise_block(const Site& site);
SOFTGPU_DRIVER std::uint64_t exchange(unsigned mask, std::uint64_t value, unsigned source_lane, const Site& site);
SOFTGPU_DRIVER unsigned ballot(unsigned mask, bool predicate, const Site& site);
SOFTGPU_DRIVER unsigned lane();

// Up to this many words of every lane of a full warp, lane by lane, after `combine`, where there is one, has made of them what the warp computes; valid until
// the lane's next but one exchange of this kind.
constexpr unsigned most_words_of_lane = 5;
SOFTGPU_DRIVER const std::uint64_t* exchange_all(const std::uint64_t* words, unsigned count, void (*combine)(std::uint64_t* all), const Site& site);

// Asynchronous copies to 16 bytes of shared memory, zeros behind what is copied, as this thread issued them. A GPU may make one at any time between its
// issue and the wait for its group.
struct Copy {
    void* to;
    const void* from;
    unsigned bytes;
};

SOFTGPU_DRIVER void issue_copy(const Copy& copy, const Site& site);
SOFTGPU_DRIVER void commit_copies();
// The next copy to make for this many groups to be left; false where no more are.
SOFTGPU_DRIVER bool next_copy(unsigned groups_left, Copy* copy);

// Programmatic dependent launch. Before the first returns, the kernels before this one may not have run; the second, before the first, ends the block.
SOFTGPU_DRIVER void wait_for_earlier_kernels(const Site& site);
SOFTGPU_DRIVER void let_next_kernel_start(const Site& site);

// What the launch asked for beside the kernel's own, on a multiple of 16; null where it asked for none.
SOFTGPU_DRIVER void* dynamic_shared_memory();

// Suspends the thread while the word is what it has seen: another block of the same cooperative launch must change it.
SOFTGPU_DRIVER void wait_for_change(const unsigned long long* word, unsigned long long seen, const Site& site);

// Ends the block where the 16 bytes do not lie in shared memory, or not on a multiple of 16.
SOFTGPU_DRIVER void require_shared(const void* address, const Site& site);

template <typename To, typename From>
inline To bits_of(From value)
{
    static_assert(sizeof(To) == sizeof(From));
    To result;
    std::memcpy(&result, &value, sizeof result);
    return result;
}

}

#define threadIdx (softgpu::coordinates.thread)
#define blockIdx (softgpu::coordinates.block)
#define blockDim (softgpu::coordinates.block_size)
#define gridDim (softgpu::coordinates.grid_size)

// The caller's position comes by default arguments.
#define SOFTGPU_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(SOFTGPU_SITE) { softgpu::synchronise_block({"__syncthreads", file, line}); }

template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, SOFTGPU_SITE)
{
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t word = 0;
    std::memcpy(&word, &value, sizeof value);
    word = softgpu::exchange(mask, word, softgpu::lane() ^ static_cast<unsigned>(bits), {"__shfl_xor_sync", file, line});
    std::memcpy(&value, &word, sizeof value);
    return value;
}

inline void __syncwarp(unsigned mask = ~0u, SOFTGPU_SITE) { softgpu::ballot(mask, false, {"__syncwarp", file, line}); }

inline unsigned __ballot_sync(unsigned mask, int predicate, SOFTGPU_SITE) { return softgpu::ballot(mask, predicate != 0, {"__ballot_sync", file, line}); }

#undef SOFTGPU_SITE

inline int __ffs(int value) { return __builtin_ffs(value); }

// Single operations, never contracted: the host compiles kernels with -ffp-contract=off.
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fsqrt_rn(float a) { return sqrtf(a); }

inline int __float_as_int(float value) { return softgpu::bits_of<int>(value); }
inline float __int_as_float(int value) { return softgpu::bits_of<float>(value); }
