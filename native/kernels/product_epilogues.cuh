// What follows a product, for one element of it or one unit of several: the same in a kernel of its own and in a loop that stays resident. Each returns
// what later products read.
#pragma once

#include "gaussian.cuh"
#include "lstm_cell.cuh"

__device__ inline float load_element(const Tensor& source, int row, int column) { return load<1>(source, row, column, 1)[0]; }

__device__ inline void store_element(const Tensor& target, int row, int column, float value) { store(Elements<1>{{value}}, target, row, column, 1); }

__device__ inline float element_or(const Tensor& tensor, int row, int column, float otherwise)
{
    return tensor.is_empty() ? otherwise : load_element(tensor, row, column);
}

// Of a bias [1, N], an addend [B, N], or 0 of an empty one.
__device__ inline float addend_at(const Tensor& addend, int row, int column) { return element_or(addend, addend.rows == 1 ? 0 : row, column, 0.0f); }

// y = phi(a).
__device__ inline float end_leaky_relu(int row, int column, float a, const Tensor& y, const LeakyRelu& phi)
{
    const float value = phi(a);
    store_element(y, row, column, value);
    return value;
}

// sample_gaussian_forward of [mean, log_variance], which go into output.
__device__ inline float end_sample_gaussian(int row, int column, float mean, float log_variance, const Tensor& output, const Tensor& noise,
    const Tensor& sample, const GaussianHead& head)
{
    const float mu = head.tanh_mean ? tanhf(mean) : mean;
    store_element(output, row, column, mu);
    store_element(output, row, output.columns / 2 + column, log_variance);
    if (sample.is_empty())
        return mu;
    const float value = noise.is_empty() ? mu : mu + head.deviation(log_variance, load_element(noise, row, column));
    store_element(sample, row, column, value);
    return value;
}

// lstm_cell_forward of these pre-activations.
__device__ inline float end_lstm_cell_forward(int row, int column, LstmGates activations, const Tensor& gates, const Tensor& c_previous,
    const Tensor& validity, const Tensor& c, const Tensor& tanh_c, const Tensor& h, const Tensor& update_mask)
{
    const int n = c.columns;
    const LstmState state
        = lstm_forward(activations, c_previous.row(row)[column], element_or(validity, row, 0, 1.0f), element_or(update_mask, row, column, 1.0f));
    store_element(gates, row, column, activations.i);
    store_element(gates, row, n + column, activations.f);
    store_element(gates, row, 2 * n + column, activations.u);
    store_element(gates, row, 3 * n + column, activations.o);
    store_element(c, row, column, state.c);
    store_element(tanh_c, row, column, state.tanh_c);
    store_element(h, row, column, state.h);
    return state.h;
}

struct GaussianGradient
{
    float mean, log_variance;
};

// sample_gaussian_backward from the sample's gradient: output becomes its own.
__device__ inline GaussianGradient end_sample_gaussian_backward(int row, int column, float d_sample, const Tensor& noise, const Tensor& d_moments,
    const Tensor& output, const GaussianHead& head)
{
    const int n = output.columns / 2;
    const float* const moments = d_moments.row(row) + column;
    const float* const values = output.row(row) + column;
    float d_log_variance = moments[n];
    if (!noise.is_empty())
        d_log_variance += head.deviation_backward(d_sample, values[n], load_element(noise, row, column));
    const GaussianGradient d = {head.mean_backward(moments[0] + d_sample, values[0]), head.gate(d_log_variance, values[n])};
    store_element(output, row, column, d.mean);
    store_element(output, row, n + column, d.log_variance);
    return d;
}

// dx = dy phi', from the output y.
__device__ inline float end_leaky_relu_backward(int row, int column, float dy, const Tensor& y, const Tensor& dx, const LeakyRelu& phi)
{
    const float d = phi.backward(dy, load_element(y, row, column));
    store_element(dx, row, column, d);
    return d;
}

// lstm_cell_backward: gates become da, dc that of the previous cell.
__device__ inline LstmGates end_lstm_cell_backward(int row, int column, float dh, const Tensor& gates, const Tensor& c_previous, const Tensor& tanh_c,
    const Tensor& validity, const Tensor& dc, const Tensor& update_mask)
{
    const int n = dc.columns;
    const float* const a = gates.row(row) + column;
    LstmGates d = {a[0], a[n], a[2 * n], a[3 * n]};
    float d_cell = dc.row(row)[column];
    lstm_backward(d, d_cell, dh, c_previous.row(row)[column], tanh_c.row(row)[column], element_or(validity, row, 0, 1.0f),
        element_or(update_mask, row, column, 1.0f));
    store_element(gates, row, column, d.i);
    store_element(gates, row, n + column, d.f);
    store_element(gates, row, 2 * n + column, d.u);
    store_element(gates, row, 3 * n + column, d.o);
    store_element(dc, row, column, d_cell);
    return d;
}
