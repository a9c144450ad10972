// The upper half of a float32: operands of products on tensor cores. Rounded to the nearest, ties to even; by bits, so that every architecture agrees.
#pragma once

#ifndef __CUDACC__
#include "cuda_on_cpu.h"
#endif

struct bfloat16
{
    unsigned short bits;
};

__device__ inline bfloat16 to_bfloat16(float value)
{
    const unsigned word = static_cast<unsigned>(__float_as_int(value));
    if ((word & 0x7fffffffu) > 0x7f800000u)
        return {static_cast<unsigned short>(word >> 16 | 0x40u)}; // a NaN stays one
    return {static_cast<unsigned short>((word + 0x7fffu + (word >> 16 & 1u)) >> 16)};
}

__device__ inline float to_float(bfloat16 value) { return __int_as_float(static_cast<int>(static_cast<unsigned>(value.bits) << 16)); }
