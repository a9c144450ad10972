// The arguments of the kernels, written down once more: the bytes that the managed side passes.
#pragma once

struct Tensor
{
    float* data = nullptr;
    int rows = 0, columns = 0, stride = 0;
    unsigned short* operand = nullptr; // the elements as bf16
};

struct IdTensor
{
    int* data = nullptr;
    int count = 0;
};

struct LeakyRelu
{
    float slope, clip;
};

struct GaussianHead
{
    float log_variance_min, log_variance_max;
    bool tanh_mean;
};

struct NoiseSource
{
    IdTensor key, row_ids;
    int stream;
};

struct AdamArguments
{
    Tensor norm, objective, rate, correction1, correction2, halted;
    float beta1, beta2, epsilon, clip;
    bool halt_on_non_finite;
};

static_assert(sizeof(Tensor) == 32 && sizeof(IdTensor) == 16 && sizeof(GaussianHead) == 12 && sizeof(NoiseSource) == 40 && sizeof(AdamArguments) == 216);
