// The non-linear functions of the model (model.md section 1), safe at any argument; a NaN comes through.
#pragma once

#include "tensor.cuh"

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// log(1 + e^x), which neither overflows nor cancels.
__device__ inline float softplus(float x) { return (x < 0.0f ? 0.0f : x) + log1pf(expf(-fabsf(x))); }

// Hidden activation: slope r for negative arguments, clipped to [-C, C]; C is +infinity for no clipping.
struct LeakyRelu
{
    float slope;
    float clip;

    // Comparisons, not fminf and fmaxf, which would lose a NaN.
    __device__ float operator()(float a) const
    {
        const float value = a <= 0.0f ? slope * a : a;
        if (value > clip)
            return clip;
        return value < -clip ? -clip : value;
    }

    // The derivative times dy, from the output y. An output at C or -C was clipped: it is reached exactly only so.
    __device__ float backward(float dy, float y) const
    {
        if (fabsf(y) >= clip)
            return 0.0f;
        return y > 0.0f ? dy : slope * dy;
    }
};
