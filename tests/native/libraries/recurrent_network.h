#pragma once

#include "cudnn_interface.h"
#include "device.h"
#include "reference_lstm.h"

#include <memory>

struct NetworkOptions {
    int input = 3;
    int hidden = 4;
    int steps = 4;
    int batch = 2;
    int math = CUDNN_FMA_MATH;
    int directions = 1;
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

    // Writes the references' parameters into a weight space through the addresses cuDNN gives.
    void put_weights(float value_of_gaps);
    std::vector<float> matrix_of(const std::vector<float>& space, int linear, int direction = 0) const;
    std::vector<float> bias_of(const std::vector<float>& space, int gate, int direction = 0) const;

    int outputs() const { return options.directions * options.hidden; }
    int state_count() const { return options.batch * outputs(); }

    NetworkOptions options;
    cudnnHandle_t handle;
    std::vector<ReferenceLstm> references;   // of each direction
    cudnnRNNDescriptor_t rnn = nullptr;
    cudnnDropoutDescriptor_t dropout = nullptr;
    cudnnRNNDataDescriptor_t x_descriptor = nullptr, y_descriptor = nullptr;
    cudnnTensorDescriptor_t state_descriptor = nullptr;
    std::size_t weight_bytes = 0, work_bytes = 0, reserve_bytes = 0;
    std::vector<float> x_values, dy_values, hx_values, cx_values;

    using Floats = std::unique_ptr<DeviceArray<float>>;
    Floats x, y, dy, dx, hx, cx, cy, dhx, dcx, weights, d_weights, work, reserve;
    std::unique_ptr<DeviceArray<std::int32_t>> lengths;
};
