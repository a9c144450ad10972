#include "recurrent_network.h"

#include <algorithm>
#include <numeric>

namespace {

struct Part {
    float* address = nullptr;
    int rows = 0;
    int columns = 0;
};

// What cuDNN says about a matrix or bias of a weight space.
Part part_of(const RecurrentNetwork& network, const void* space, int cell, int linear, bool bias)
{
    cudnnTensorDescriptor_t matrix_descriptor = nullptr, bias_descriptor = nullptr;
    cudnnCreateTensorDescriptor(&matrix_descriptor);
    cudnnCreateTensorDescriptor(&bias_descriptor);
    void *matrix_address = nullptr, *bias_address = nullptr;
    EXPECT_EQ(cudnnGetRNNWeightParams(network.handle, network.rnn, cell, network.weight_bytes, space, linear, matrix_descriptor, &matrix_address, bias_descriptor, &bias_address),
        CUDNN_STATUS_SUCCESS);
    int type = -1, count = 0, dimensions[3] = {}, strides[3] = {};
    EXPECT_EQ(cudnnGetTensorNdDescriptor(bias ? bias_descriptor : matrix_descriptor, 3, &type, &count, dimensions, strides), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(type, CUDNN_DATA_FLOAT);
    EXPECT_EQ(count, 3);
    cudnnDestroyTensorDescriptor(matrix_descriptor);
    cudnnDestroyTensorDescriptor(bias_descriptor);
    return {static_cast<float*>(bias ? bias_address : matrix_address), dimensions[1], dimensions[2]};
}

std::unique_ptr<DeviceArray<float>> device(const std::vector<float>& values)
{
    return std::make_unique<DeviceArray<float>>(values);
}

std::unique_ptr<DeviceArray<float>> device(std::size_t count)
{
    return std::make_unique<DeviceArray<float>>(count);
}

}

RecurrentNetwork::RecurrentNetwork(cudnnHandle_t dnn, const NetworkOptions& given, unsigned seed) : options(given), handle(dnn)
{
    reference.layers = options.layers;
    reference.directions = options.directions;
    reference.input = options.input;
    reference.hidden = options.hidden;
    reference.input_bias = options.bias_mode == CUDNN_RNN_SINGLE_INP_BIAS || options.bias_mode == CUDNN_RNN_DOUBLE_BIAS;
    reference.recurrent_bias = options.bias_mode == CUDNN_RNN_SINGLE_REC_BIAS || options.bias_mode == CUDNN_RNN_DOUBLE_BIAS;
    reference.make_random(seed * 1000);

    EXPECT_EQ(cudnnCreateDropoutDescriptor(&dropout), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnSetDropoutDescriptor(dropout, handle, 0, nullptr, 0, 0), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnCreateRNNDescriptor(&rnn), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnSetRNNDescriptor_v8(rnn, options.algorithm, CUDNN_LSTM, options.bias_mode, options.directions == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL,
        CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT, options.math, options.input, options.hidden, options.hidden, options.layers, dropout, options.flags),
        CUDNN_STATUS_SUCCESS);
    const int batch = static_cast<int>(options.lengths.size());
    const auto sequences = [&](cudnnRNNDataDescriptor_t& descriptor, int width) {
        EXPECT_EQ(cudnnCreateRNNDataDescriptor(&descriptor), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(cudnnSetRNNDataDescriptor(descriptor, CUDNN_DATA_FLOAT, options.layout, options.steps, batch, width, options.lengths.data(),
            options.padding ? &*options.padding : nullptr), CUDNN_STATUS_SUCCESS);
    };
    sequences(x_descriptor, options.input);
    sequences(y_descriptor, output());
    EXPECT_EQ(cudnnCreateTensorDescriptor(&state_descriptor), CUDNN_STATUS_SUCCESS);
    const int dimensions[] = {options.layers * options.directions, batch, options.hidden}, strides[] = {batch * options.hidden, options.hidden, 1};
    EXPECT_EQ(cudnnSetTensorNdDescriptor(state_descriptor, CUDNN_DATA_FLOAT, 3, dimensions, strides), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnGetRNNWeightSpaceSize(handle, rnn, &weight_bytes), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnGetRNNTempSpaceSizes(handle, rnn, CUDNN_FWD_MODE_TRAINING, x_descriptor, &work_bytes, &reserve_bytes), CUDNN_STATUS_SUCCESS);

    x_values = random_values(rows() * options.input, seed + 1);
    dy_values = random_values(rows() * output(), seed + 2);
    const std::size_t states = static_cast<std::size_t>(state_count());
    hx_values = random_values(states, seed + 3);
    cx_values = random_values(states, seed + 4);
    dhy_values = random_values(states, seed + 5);
    dcy_values = random_values(states, seed + 6);
    if (!options.states)
        for (std::vector<float>* values : {&hx_values, &cx_values, &dhy_values, &dcy_values})
            std::fill(values->begin(), values->end(), 0.0f);
    x = device(x_values);
    dy = device(dy_values);
    hx = device(hx_values);
    cx = device(cx_values);
    dhy = device(dhy_values);
    dcy = device(dcy_values);
    y = device(dy_values.size());
    dx = device(x_values.size());
    for (Floats* array : {&hy, &cy, &dhx, &dcx})
        *array = device(states);
    weights = device(weight_bytes / sizeof(float));
    d_weights = device(std::vector<float>(weight_bytes / sizeof(float)));
    work = device(work_bytes / sizeof(float));
    reserve = device(reserve_bytes / sizeof(float));
    lengths = std::make_unique<DeviceArray<std::int32_t>>(std::vector<std::int32_t>(options.lengths.begin(), options.lengths.end()));
    put_weights(std::numeric_limits<float>::quiet_NaN());
}

RecurrentNetwork::~RecurrentNetwork()
{
    EXPECT_EQ(cudnnDestroyTensorDescriptor(state_descriptor), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnDestroyRNNDataDescriptor(x_descriptor), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnDestroyRNNDataDescriptor(y_descriptor), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnDestroyRNNDescriptor(rnn), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnDestroyDropoutDescriptor(dropout), CUDNN_STATUS_SUCCESS);
}

cudnnStatus_t RecurrentNetwork::forward(int mode)
{
    const bool training = mode == CUDNN_FWD_MODE_TRAINING;
    return cudnnRNNForward(handle, rnn, mode, options.device_lengths ? lengths->data() : nullptr, x_descriptor, x->data(), y_descriptor, y->data(),
        state_descriptor, state(hx), state_output(hy), state_descriptor, state(cx), state_output(cy), weight_bytes, weights->data(),
        work_bytes, work->data(), training ? reserve_bytes : 0, training ? reserve->data() : nullptr);
}

cudnnStatus_t RecurrentNetwork::backward_data()
{
    return cudnnRNNBackwardData_v8(handle, rnn, options.device_lengths ? lengths->data() : nullptr, y_descriptor, y->data(), dy->data(), x_descriptor, dx->data(),
        state_descriptor, state(hx), state(dhy), state_output(dhx), state_descriptor, state(cx), state(dcy), state_output(dcx), weight_bytes, weights->data(),
        work_bytes, work->data(), reserve_bytes, reserve->data());
}

cudnnStatus_t RecurrentNetwork::backward_weights(int mode)
{
    return cudnnRNNBackwardWeights_v8(handle, rnn, mode, options.device_lengths ? lengths->data() : nullptr, x_descriptor, x->data(), state_descriptor, state(hx),
        y_descriptor, y->data(), weight_bytes, d_weights->data(), work_bytes, work->data(), reserve_bytes, reserve->data());
}

void RecurrentNetwork::put_weights(float value_of_gaps)
{
    std::vector<float> space(weight_bytes / sizeof(float), value_of_gaps);
    for (int cell = 0; cell < options.layers * options.directions; ++cell)
        for (int linear = 0; linear < 8; ++linear) {
            const ReferenceLstm::Cell& source = reference.cells[cell];
            for (const bool bias : {false, true}) {
                const std::vector<double>& values = bias ? source.bias[linear] : source.matrix[linear];
                const Part part = part_of(*this, weights->data(), cell, linear, bias);
                EXPECT_EQ(static_cast<std::size_t>(part.rows) * part.columns, values.size());
                if (!values.empty())
                    std::copy(values.begin(), values.end(), space.begin() + (part.address - weights->data()));
            }
        }
    weights->upload(space);
}

std::vector<float> RecurrentNetwork::weights_of(const std::vector<float>& space, int cell, int linear, bool bias) const
{
    const Part part = part_of(*this, d_weights->data(), cell, linear, bias);
    if (!part.address)
        return {};
    const auto begin = space.begin() + (part.address - d_weights->data());
    return {begin, begin + static_cast<std::ptrdiff_t>(part.rows) * part.columns};
}

std::size_t RecurrentNetwork::row(int t, int n) const
{
    const int batch = static_cast<int>(options.lengths.size());
    switch (options.layout) {
        case CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED: return static_cast<std::size_t>(t) * batch + n;
        case CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED: return static_cast<std::size_t>(n) * options.steps + t;
        default: break;
    }
    std::size_t before = static_cast<std::size_t>(n);
    for (int earlier = 0; earlier < t; ++earlier)
        before += std::count_if(options.lengths.begin(), options.lengths.end(), [&](int length) { return length > earlier; });
    return before;
}

std::size_t RecurrentNetwork::rows() const
{
    return options.layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED ? std::accumulate(options.lengths.begin(), options.lengths.end(), std::size_t{0})
                                                                    : static_cast<std::size_t>(options.steps) * options.lengths.size();
}
