// How a row [mean; log-variance] of 2N columns is read as a diagonal Gaussian.
#pragma once

#include "elements.cuh"

constexpr float log_two_pi = 1.8378770664093453f;

struct GaussianHead
{
    float log_variance_min;
    float log_variance_max;
    bool tanh_mean; // the forward pass has applied tanh to the mean in place

    // cl of model.md section 1. Comparisons, not fminf and fmaxf: a NaN must show in the loss.
    __device__ float clamp(float log_variance) const
    {
        if (log_variance < log_variance_min)
            return log_variance_min;
        return log_variance > log_variance_max ? log_variance_max : log_variance;
    }

    // k of model.md section 1: passes a gradient only where the clamp did not act.
    __device__ float gate(float gradient, float log_variance) const
    {
        return log_variance >= log_variance_min && log_variance <= log_variance_max ? gradient : 0.0f;
    }
};

static_assert(sizeof(GaussianHead) == 12, "the managed side passes these bytes");
