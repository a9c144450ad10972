// Standard normals from random words, with the same bits on every device: single operations in a fixed order, which no compiler contracts.
#pragma once

#include "tensor.cuh"

struct NormalPair
{
    float cosine, sine;
};

// ln u by a polynomial on [sqrt(1/2), sqrt(2)).
__device__ inline float natural_logarithm(float u)
{
    const int sqrt_half = 0x3f3504f3;
    const int bits = __float_as_int(u) - sqrt_half;
    const float e = static_cast<float>(bits >> 23);
    const float m = __fadd_rn(__int_as_float((bits & 0x007fffff) + sqrt_half), -1.0f);
    const float square = __fmul_rn(m, m);
    float p = __fmaf_rn(7.0376836292e-2f, m, -1.1514610310e-1f);
    p = __fmaf_rn(p, m, 1.1676998740e-1f);
    p = __fmaf_rn(p, m, -1.2420140846e-1f);
    p = __fmaf_rn(p, m, 1.4249322787e-1f);
    p = __fmaf_rn(p, m, -1.6668057665e-1f);
    p = __fmaf_rn(p, m, 2.0000714765e-1f);
    p = __fmaf_rn(p, m, -2.4999993993e-1f);
    p = __fmaf_rn(p, m, 3.3333331174e-1f);
    p = __fmul_rn(__fmul_rn(p, m), square);
    p = __fmaf_rn(e, -2.12194440e-4f, p);
    p = __fmaf_rn(-0.5f, square, p);
    return __fmaf_rn(e, 0.693359375f, __fadd_rn(m, p));
}

// radius = sqrt(-2 ln u) with u = ((w0 >> 9) + 1/2) / 2^23, which is exact; angle = 2 pi w1 / 2^32, reduced to a quarter turn in integers.
__device__ inline NormalPair box_muller(unsigned radius_word, unsigned angle_word)
{
    const float two_to_minus_23 = 1.1920928955078125e-7f;
    const float quarter_turn = 1.4629180792671596e-9f; // pi / 2 / 2^30
    const float u = __fmul_rn(__fadd_rn(static_cast<float>(static_cast<int>(radius_word >> 9)), 0.5f), two_to_minus_23);
    const float squared_radius = __fmul_rn(-2.0f, natural_logarithm(u));
    const float radius = __fsqrt_rn(squared_radius > 0.0f ? squared_radius : 0.0f);

    const unsigned quadrant = (angle_word + 0x20000000u) >> 30;
    const float x = __fmul_rn(static_cast<float>(static_cast<int>(angle_word - (quadrant << 30))), quarter_turn);
    const float z = __fmul_rn(x, x);
    float s = __fmaf_rn(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = __fmaf_rn(s, z, -1.6666654611e-1f);
    s = __fmaf_rn(__fmul_rn(s, z), x, x);
    float c = __fmaf_rn(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = __fmaf_rn(c, z, 4.166664568298827e-2f);
    c = __fmaf_rn(__fmul_rn(c, z), z, __fmaf_rn(-0.5f, z, 1.0f));
    const bool swap = (quadrant & 1u) != 0;
    const float cosine = __fmul_rn(radius, swap ? s : c);
    const float sine = __fmul_rn(radius, swap ? c : s);
    return {quadrant == 1 || quadrant == 2 ? -cosine : cosine, quadrant >= 2 ? -sine : sine};
}
