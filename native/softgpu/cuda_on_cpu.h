// The part of the CUDA language that the kernels use, for a host compiler. Every thread of a block runs on its own; warps do not run in lockstep.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static thread_local

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(16) uint4 { unsigned x, y, z, w; };

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace softgpu {

struct Index {
    unsigned x, y, z;
};

// Of the thread that runs now.
struct Coordinates {
    Index thread, block, block_size, grid_size;
};

extern __attribute__((visibility("default"))) thread_local constinit Coordinates coordinates;

__attribute__((visibility("default"))) void synchronise_block(const char* where);
__attribute__((visibility("default"))) std::uint64_t exchange(unsigned mask, std::uint64_t value, unsigned source_lane, const char* where);
__attribute__((visibility("default"))) unsigned ballot(unsigned mask, bool predicate, const char* where);
__attribute__((visibility("default"))) unsigned lane();

template <typename T>
inline T shuffle(unsigned mask, T value, unsigned source_lane, const char* where)
{
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = exchange(mask, bits, source_lane, where);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// A lane outside of the thread's own group of `width` reads its own value.
inline unsigned within(unsigned source, unsigned own, unsigned width) { return source / width == own / width ? source : own; }

}

#define threadIdx (softgpu::coordinates.thread)
#define blockIdx (softgpu::coordinates.block)
#define blockDim (softgpu::coordinates.block_size)
#define gridDim (softgpu::coordinates.grid_size)

#define SOFTGPU_TEXT_OF(x) #x
#define SOFTGPU_TEXT(x) SOFTGPU_TEXT_OF(x)
#define SOFTGPU_WHERE(call) call " at " __FILE__ ":" SOFTGPU_TEXT(__LINE__)

#define __syncthreads() softgpu::synchronise_block(SOFTGPU_WHERE("__syncthreads"))
#define __syncwarp(...) ((void)softgpu::ballot(softgpu::mask_or_all(__VA_ARGS__), true, SOFTGPU_WHERE("__syncwarp")))

namespace softgpu {
inline unsigned mask_or_all(unsigned mask = 0xffffffffu) { return mask; }
}

template <typename T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32)
{
    const unsigned own = softgpu::lane(), group = static_cast<unsigned>(width);
    return softgpu::shuffle(mask, value, own / group * group + static_cast<unsigned>(source) % group, "__shfl_sync");
}

template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32)
{
    const unsigned own = softgpu::lane();
    return softgpu::shuffle(mask, value, softgpu::within(own ^ static_cast<unsigned>(bits), own, static_cast<unsigned>(width)), "__shfl_xor_sync");
}

template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32)
{
    const unsigned own = softgpu::lane();
    return softgpu::shuffle(mask, value, softgpu::within(own + distance, own, static_cast<unsigned>(width)), "__shfl_down_sync");
}

template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32)
{
    const unsigned own = softgpu::lane();
    return softgpu::shuffle(mask, value, own < distance ? own : softgpu::within(own - distance, own, static_cast<unsigned>(width)), "__shfl_up_sync");
}

inline unsigned __ballot_sync(unsigned mask, int predicate) { return softgpu::ballot(mask, predicate != 0, "__ballot_sync"); }
inline int __ffs(int value) { return __builtin_ffs(value); }
inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((static_cast<std::uint64_t>(a) * b) >> 32); }

// Single operations, never contracted: the host compiles kernels with -ffp-contract=off.
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline float __int2float_rn(int a) { return static_cast<float>(a); }
inline float __uint2float_rn(unsigned a) { return static_cast<float>(a); }

template <typename To, typename From>
inline To softgpu_bits(From value)
{
    To result;
    static_assert(sizeof result == sizeof value);
    std::memcpy(&result, &value, sizeof result);
    return result;
}

inline int __float_as_int(float value) { return softgpu_bits<int>(value); }
inline float __int_as_float(int value) { return softgpu_bits<float>(value); }
inline unsigned __float_as_uint(float value) { return softgpu_bits<unsigned>(value); }
inline float __uint_as_float(unsigned value) { return softgpu_bits<float>(value); }

template <typename T>
inline T __ldg(const T* address) { return *address; }

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline long long min(long long a, long long b) { return a < b ? a : b; }
inline long long max(long long a, long long b) { return a > b ? a : b; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
