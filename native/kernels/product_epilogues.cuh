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

// sample_gaussian_forward of [mean, log_variance], which go into output; noise or sample may be absent.
__device__ inline float end_sample_gaussian(int row, int column, float mean, float log_variance, const Tensor& output, bool has_noise, float noise,
    const Tensor& sample, const GaussianHead& head)
{
    const float mu = head.tanh_mean ? tanhf(mean) : mean;
    store_element(output, row, column, mu);
    store_element(output, row, output.columns / 2 + column, log_variance);
    if (sample.is_empty())
        return mu;
    const float value = has_noise ? mu + head.deviation(log_variance, noise) : mu;
    store_element(sample, row, column, value);
    return value;
}

__device__ inline LstmGates gates_at(const Tensor& gates, int row, int column)
{
    const int n = gates.columns / 4;
    const float* const a = gates.row(row) + column;
    return {a[0], a[n], a[2 * n], a[3 * n]};
}

__device__ inline void store_gates(const Tensor& gates, int row, int column, const LstmGates& values)
{
    const int n = gates.columns / 4;
    store_element(gates, row, column, values.i);
    store_element(gates, row, n + column, values.f);
    store_element(gates, row, 2 * n + column, values.u);
    store_element(gates, row, 3 * n + column, values.o);
}

// What lstm_cell_forward reads of a unit beside its pre-activations.
struct CellInputs
{
    float c_previous, validity, update_mask;
};

__device__ inline CellInputs cell_inputs(int row, int column, const Tensor& c_previous, const Tensor& validity, const Tensor& update_mask)
{
    return {c_previous.row(row)[column], element_or(validity, row, 0, 1.0f), element_or(update_mask, row, column, 1.0f)};
}

// lstm_cell_forward of these pre-activations.
__device__ inline float end_lstm_cell_forward(int row, int column, LstmGates activations, const CellInputs& inputs, const Tensor& gates, const Tensor& c,
    const Tensor& tanh_c, const Tensor& h)
{
    const LstmState state = lstm_forward(activations, inputs.c_previous, inputs.validity, inputs.update_mask);
    store_gates(gates, row, column, activations);
    store_element(c, row, column, state.c);
    store_element(tanh_c, row, column, state.tanh_c);
    store_element(h, row, column, state.h);
    return state.h;
}

struct GaussianGradient
{
    float mean, log_variance;
};

// What sample_gaussian_backward reads of an element beside the sample's gradient.
struct SampleInputs
{
    float noise, d_mean, d_log_variance, mean, log_variance;
};

__device__ inline SampleInputs sample_inputs(int row, int column, const Tensor& noise, const Tensor& d_moments, const Tensor& output)
{
    const int n = output.columns / 2;
    const float* const moments = d_moments.row(row) + column;
    const float* const values = output.row(row) + column;
    return {element_or(noise, row, column, 0.0f), moments[0], moments[n], values[0], values[n]};
}

// sample_gaussian_backward from the sample's gradient: output becomes its own.
__device__ inline GaussianGradient end_sample_gaussian_backward(int row, int column, float d_sample, const SampleInputs& inputs, bool has_noise,
    const Tensor& output, const GaussianHead& head)
{
    float d_log_variance = inputs.d_log_variance;
    if (has_noise)
        d_log_variance += head.deviation_backward(d_sample, inputs.log_variance, inputs.noise);
    const GaussianGradient d = {head.mean_backward(inputs.d_mean + d_sample, inputs.mean), head.gate(d_log_variance, inputs.log_variance)};
    store_element(output, row, column, d.mean);
    store_element(output, row, output.columns / 2 + column, d.log_variance);
    return d;
}

// dx = dy phi', from an element of the output y.
__device__ inline float end_leaky_relu_backward(int row, int column, float dy, float y, const Tensor& dx, const LeakyRelu& phi)
{
    const float d = phi.backward(dy, y);
    store_element(dx, row, column, d);
    return d;
}

// What lstm_cell_backward reads of a unit beside the gradient of h.
struct CellGradientInputs
{
    LstmGates gates;
    float dc, c_previous, tanh_c, validity, update_mask;
};

__device__ inline CellGradientInputs cell_gradient_inputs(int row, int column, const Tensor& gates, const Tensor& c_previous, const Tensor& tanh_c,
    const Tensor& validity, const Tensor& dc, const Tensor& update_mask)
{
    return {gates_at(gates, row, column), dc.row(row)[column], c_previous.row(row)[column], tanh_c.row(row)[column], element_or(validity, row, 0, 1.0f),
        element_or(update_mask, row, column, 1.0f)};
}

// lstm_cell_backward: gates become da, dc that of the previous cell.
__device__ inline LstmGates end_lstm_cell_backward(int row, int column, float dh, const CellGradientInputs& inputs, const Tensor& gates, const Tensor& dc)
{
    LstmGates d = inputs.gates;
    float d_cell = inputs.dc;
    lstm_backward(d, d_cell, dh, inputs.c_previous, inputs.tanh_c, inputs.validity, inputs.update_mask);
    store_gates(gates, row, column, d);
    store_element(dc, row, column, d_cell);
    return d;
}
