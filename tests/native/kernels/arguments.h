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

struct Exchange
{
    unsigned short* elements = nullptr;
    int fragments = 0;
};

struct VariationalLoopForward
{
    unsigned long long* arrivals;
    const int* plan;
    Exchange h, q, z, s, latent;
    Tensor hidden_stack, posterior_weight, psi_hidden_weight, psi_weight, latent_stack;
    Tensor posterior_bias, psi_hidden_bias, psi_bias;
    Tensor states, cells, gates, tanh_c, update_mask, hidden_product;
    Tensor posterior_hidden, posterior_output, epsilon_z, latents;
    Tensor psi_hidden, psi_output, epsilon_b, b_tilde;
    LeakyRelu phi;
    GaussianHead latent_head, reconstruction_head;
    int steps;
};

struct VariationalLoopBackward
{
    unsigned long long* arrivals;
    const int* plan;
    Exchange a, o, s, p, q;
    Tensor recurrent_stack, psi_weight, psi_hidden_weight, posterior_weight, posterior_hidden_weight;
    Tensor d_states, cells, gates, tanh_c, update_mask, dc, product;
    Tensor d_b_tilde, epsilon_b, d_psi_moments, psi_output, psi_hidden, d_psi_hidden;
    Tensor dz, epsilon_z, d_posterior_moments, posterior_output, posterior_hidden, d_posterior_hidden, skip_mask;
    LeakyRelu phi;
    GaussianHead latent_head, reconstruction_head;
    int steps;
};

static_assert(sizeof(Tensor) == 32 && sizeof(IdTensor) == 16 && sizeof(GaussianHead) == 12 && sizeof(NoiseSource) == 40 && sizeof(AdamArguments) == 216);
