#pragma once

#include "cudnn_interface.h"
#include "device.h"
#include "reference_lstm.h"

#include <memory>
#include <optional>

struct NetworkOptions {
    int layers = 1;
    int directions = 1;
    int input = 3;
    int hidden = 4;
    int bias_mode = CUDNN_RNN_DOUBLE_BIAS;
    int layout = CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED;
    int math = CUDNN_FMA_MATH;
    int algorithm = CUDNN_RNN_ALGO_STANDARD;
    std::uint32_t flags = CUDNN_RNN_PADDED_IO_ENABLED;
    std::vector<int> lengths = {4, 4};
    int steps = 4;
    bool states = true;               // hx, cx, hy, cy and their gradients; otherwise null
    bool device_lengths = false;
    std::optional<float> padding = 0.0f;
};

// A recurrent network of cuDNN with everything its calls need: descriptors, weights, sequences, gradients, spaces.
class RecurrentNetwork {
public:
    RecurrentNetwork(cudnnHandle_t handle, const NetworkOptions& options, unsigned seed = 1);
    ~RecurrentNetwork();
    RecurrentNetwork(const RecurrentNetwork&) = delete;
    RecurrentNetwork& operator=(const RecurrentNetwork&) = delete;

    cudnnStatus_t forward(int mode = CUDNN_FWD_MODE_TRAINING);
    cudnnStatus_t backward_data();
    cudnnStatus_t backward_weights(int mode = CUDNN_WGRAD_MODE_ADD);

    // Writes the reference's parameters into a weight space through the addresses cuDNN gives.
    void put_weights(float value_of_gaps);
    std::vector<float> weights_of(const std::vector<float>& space, int cell, int linear, bool bias) const;

    // Row of step t of sequence n in x and y.
    std::size_t row(int t, int n) const;
    std::size_t rows() const;
    int state_count() const { return options.layers * options.directions * static_cast<int>(options.lengths.size()) * options.hidden; }
    int output() const { return options.directions * options.hidden; }

    NetworkOptions options;
    cudnnHandle_t handle;
    ReferenceLstm reference;
    cudnnRNNDescriptor_t rnn = nullptr;
    cudnnDropoutDescriptor_t dropout = nullptr;
    cudnnRNNDataDescriptor_t x_descriptor = nullptr, y_descriptor = nullptr;
    cudnnTensorDescriptor_t state_descriptor = nullptr;
    std::size_t weight_bytes = 0, work_bytes = 0, reserve_bytes = 0;
    std::vector<float> x_values, dy_values, hx_values, cx_values, dhy_values, dcy_values;

    using Floats = std::unique_ptr<DeviceArray<float>>;
    Floats x, y, dy, dx, hx, cx, hy, cy, dhy, dcy, dhx, dcx, weights, d_weights, work, reserve;
    std::unique_ptr<DeviceArray<std::int32_t>> lengths;

private:
    const float* state(const Floats& array) const { return options.states ? array->data() : nullptr; }
    float* state_output(const Floats& array) const { return options.states ? array->data() : nullptr; }
};
