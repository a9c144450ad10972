// The part of the CUDA language that the kernels use, for a host compiler. Every thread of a block runs on its own; warps do not run in lockstep.
#pragma once

#include <cstdint>
#include <cstring>
#include <math.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __constant__ static
// A block runs on one thread of the host, which runs one block at a time.
#define __shared__ static thread_local

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(16) uint4 { unsigned x, y, z, w; };

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

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
SOFTGPU_DRIVER void synchronise_warp(unsigned mask, const Site& site);
SOFTGPU_DRIVER std::uint64_t exchange(unsigned mask, std::uint64_t value, unsigned source_lane, const Site& site);
SOFTGPU_DRIVER unsigned ballot(unsigned mask, bool predicate, const Site& site);
SOFTGPU_DRIVER unsigned lane();

template <typename T>
inline T shuffle(unsigned mask, T value, unsigned source_lane, const Site& site)
{
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = exchange(mask, bits, source_lane, site);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// A lane outside of the thread's own group of `width` reads its own value.
inline unsigned within(unsigned source, unsigned own, unsigned width) { return source / width == own / width ? source : own; }

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

constexpr int warpSize = 32;

// The caller's position comes by default arguments.
#define SOFTGPU_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(SOFTGPU_SITE) { softgpu::synchronise_block({"__syncthreads", file, line}); }
inline void __syncwarp(unsigned mask = 0xffffffffu, SOFTGPU_SITE) { softgpu::synchronise_warp(mask, {"__syncwarp", file, line}); }

template <typename T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, SOFTGPU_SITE)
{
    const unsigned own = softgpu::lane(), group = static_cast<unsigned>(width);
    return softgpu::shuffle(mask, value, own / group * group + static_cast<unsigned>(source) % group, {"__shfl_sync", file, line});
}

template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, SOFTGPU_SITE)
{
    const unsigned own = softgpu::lane(), other = own ^ static_cast<unsigned>(bits), group = static_cast<unsigned>(width);
    // As on a GPU, groups before the own one may be read, later ones not.
    return softgpu::shuffle(mask, value, other / group <= own / group ? other : own, {"__shfl_xor_sync", file, line});
}

template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32, SOFTGPU_SITE)
{
    const unsigned own = softgpu::lane();
    return softgpu::shuffle(mask, value, softgpu::within(own + distance, own, static_cast<unsigned>(width)), {"__shfl_down_sync", file, line});
}

template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32, SOFTGPU_SITE)
{
    const unsigned own = softgpu::lane();
    const unsigned source = own < distance ? own : softgpu::within(own - distance, own, static_cast<unsigned>(width));
    return softgpu::shuffle(mask, value, source, {"__shfl_up_sync", file, line});
}

inline unsigned __ballot_sync(unsigned mask, int predicate, SOFTGPU_SITE) { return softgpu::ballot(mask, predicate != 0, {"__ballot_sync", file, line}); }

#undef SOFTGPU_SITE

inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

inline int atomicAdd(int* address, int value) { return __atomic_fetch_add(address, value, __ATOMIC_RELAXED); }
inline unsigned atomicAdd(unsigned* address, unsigned value) { return __atomic_fetch_add(address, value, __ATOMIC_RELAXED); }
inline float atomicAdd(float* address, float value)
{
    float old, sum;
    __atomic_load(address, &old, __ATOMIC_RELAXED);
    do
        sum = old + value;
    while (!__atomic_compare_exchange(address, &old, &sum, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
}

inline int __ffs(int value) { return __builtin_ffs(value); }
inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((static_cast<std::uint64_t>(a) * b) >> 32); }

// Single operations, never contracted: the host compiles kernels with -ffp-contract=off.
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __int2float_rn(int a) { return static_cast<float>(a); }
inline float __uint2float_rn(unsigned a) { return static_cast<float>(a); }
inline float __expf(float a) { return expf(a); }
inline float rsqrtf(float a) { return 1.0f / sqrtf(a); }

inline int __float_as_int(float value) { return softgpu::bits_of<int>(value); }
inline float __int_as_float(int value) { return softgpu::bits_of<float>(value); }
inline unsigned __float_as_uint(float value) { return softgpu::bits_of<unsigned>(value); }
inline float __uint_as_float(unsigned value) { return softgpu::bits_of<float>(value); }

template <typename T>
inline T __ldg(const T* address) { return *address; }

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
inline long long min(long long a, long long b) { return a < b ? a : b; }
inline long long max(long long a, long long b) { return a > b ? a : b; }
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
