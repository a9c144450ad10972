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

    // exp(lambda / 2) noise: how far a sample lies from mu.
    __device__ float deviation(float log_variance, float noise) const { return expf(0.5f * clamp(log_variance)) * noise; }

    // With ds of a sample: d_mu, already that of the moments, takes ds and goes through the tanh; mu as the forward pass left it.
    __device__ float mean_backward(float d_mu, float ds, float mu) const
    {
        const float d = d_mu + ds;
        return tanh_mean ? d * (1.0f - mu * mu) : d;
    }

    // As mean_backward of the log-variance, whose d_lambda takes ds deviation / 2 where there was noise.
    __device__ float log_variance_backward(float d_lambda, float ds, float log_variance, float noise) const
    {
        return gate(d_lambda + 0.5f * ds * noise * expf(0.5f * clamp(log_variance)), log_variance);
    }
};

static_assert(sizeof(GaussianHead) == 12, "the managed side passes these bytes");
