// One unit of an LSTM for one row and step (model.md sections 2.2 and 3); gate order i, f, u, o.
#pragma once

#include "activations.cuh"

// Pre-activations, then activations, then the gradients of the pre-activations.
struct LstmGates
{
    float i, f, u, o;
};

struct LstmState
{
    float c, tanh_c, h;
};

// The gates become their activations; c = v (f c_previous + i m u), h = v o tanh(c before v).
__device__ inline LstmState lstm_forward(LstmGates& gates, float c_previous, float validity, float update_mask)
{
    gates = {sigmoid(gates.i), sigmoid(gates.f), tanhf(gates.u), sigmoid(gates.o)};
    const float unmasked = gates.f * c_previous + gates.i * (update_mask * gates.u);
    const float theta = tanhf(unmasked);
    return {validity * unmasked, theta, validity * (gates.o * theta)};
}

// CellBwd: the gates become da, dc that of the previous cell.
__device__ inline void lstm_backward(LstmGates& gates, float& dc, float dh, float c_previous, float tanh_c, float validity, float update_mask)
{
    const LstmGates g = gates;
    const float d_hidden = validity * dh;
    const float dc_hat = validity * dc + d_hidden * g.o * (1.0f - tanh_c * tanh_c);
    const float d_update = update_mask * dc_hat;
    gates.i = d_update * g.u * g.i * (1.0f - g.i);
    gates.f = dc_hat * c_previous * g.f * (1.0f - g.f);
    gates.u = d_update * g.i * (1.0f - g.u * g.u);
    gates.o = d_hidden * tanh_c * g.o * (1.0f - g.o);
    dc = dc_hat * g.f;
}
