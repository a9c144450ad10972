#include "recurrent_network.h"

#include <limits>

namespace {

struct Part {
    float* address = nullptr;
    int count = 0;
};

// What cuDNN says about the matrix and the bias of a linear layer.
std::pair<Part, Part> parts_of(const RecurrentNetwork& network, const void* space, int linear, int direction)
{
    cudnnTensorDescriptor_t descriptors[2];
    void* addresses[2] = {};
    for (auto& descriptor : descriptors)
        cudnnCreateTensorDescriptor(&descriptor);
    EXPECT_EQ(cudnnGetRNNWeightParams(network.handle, network.rnn, direction, network.weight_bytes, space, linear, descriptors[0], &addresses[0],
        descriptors[1], &addresses[1]),
        CUDNN_STATUS_SUCCESS);
    const auto part = [&](int which) {
        int type = -1, count = 0, dimensions[3] = {}, strides[3] = {};
        EXPECT_EQ(cudnnGetTensorNdDescriptor(descriptors[which], 3, &type, &count, dimensions, strides), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(type, CUDNN_DATA_FLOAT);
        EXPECT_EQ(count, 3);
        cudnnDestroyTensorDescriptor(descriptors[which]);
        return Part{static_cast<float*>(addresses[which]), dimensions[1] * dimensions[2]};
    };
    return {part(0), part(1)};
}

std::vector<float> content_of(const Part& part, const std::vector<float>& space, const float* begin)
{
    const auto first = space.begin() + (part.address - begin);
    return {first, first + part.count};
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
    const auto [input, hidden, steps, batch, math, directions] = options;
    for (int direction = 0; direction < directions; ++direction) {
        ReferenceLstm& reference = references.emplace_back();
        reference.input = input;
        reference.hidden = hidden;
        reference.make_random(seed * 1000 + static_cast<unsigned>(direction) * 100);
    }

    EXPECT_EQ(cudnnCreateDropoutDescriptor(&dropout), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnSetDropoutDescriptor(dropout, handle, 0, nullptr, 0, 0), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnCreateRNNDescriptor(&rnn), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnSetRNNDescriptor_v8(rnn, CUDNN_RNN_ALGO_STANDARD, CUDNN_LSTM, CUDNN_RNN_SINGLE_INP_BIAS,
        directions == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT,
        math, input, hidden, hidden, 1, dropout, CUDNN_RNN_PADDED_IO_DISABLED), CUDNN_STATUS_SUCCESS);
    const std::vector<std::int32_t> all_lengths(static_cast<std::size_t>(batch), steps);
    for (const auto& [descriptor, width] : {std::pair(&x_descriptor, input), std::pair(&y_descriptor, outputs())}) {
        EXPECT_EQ(cudnnCreateRNNDataDescriptor(descriptor), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(cudnnSetRNNDataDescriptor(*descriptor, CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED, steps, batch, width, all_lengths.data(),
            nullptr), CUDNN_STATUS_SUCCESS);
    }
    EXPECT_EQ(cudnnCreateTensorDescriptor(&state_descriptor), CUDNN_STATUS_SUCCESS);
    const int dimensions[] = {directions, batch, hidden}, strides[] = {batch * hidden, hidden, 1};
    EXPECT_EQ(cudnnSetTensorNdDescriptor(state_descriptor, CUDNN_DATA_FLOAT, 3, dimensions, strides), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnGetRNNWeightSpaceSize(handle, rnn, &weight_bytes), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnGetRNNTempSpaceSizes(handle, rnn, CUDNN_FWD_MODE_TRAINING, x_descriptor, &work_bytes, &reserve_bytes), CUDNN_STATUS_SUCCESS);

    const auto states = static_cast<std::size_t>(state_count());
    x_values = random_values(static_cast<std::size_t>(steps * batch * input), seed + 1);
    dy_values = random_values(steps * states, seed + 2);
    hx_values = random_values(states, seed + 3);
    cx_values = random_values(states, seed + 4);
    x = device(x_values);
    dy = device(dy_values);
    hx = device(hx_values);
    cx = device(cx_values);
    y = device(dy_values.size());
    dx = device(x_values.size());
    for (Floats* array : {&cy, &dhx, &dcx})
        *array = device(states);
    weights = device(weight_bytes / sizeof(float));
    d_weights = device(std::vector<float>(weight_bytes / sizeof(float)));
    work = device(work_bytes / sizeof(float));
    reserve = device(reserve_bytes / sizeof(float));
    lengths = std::make_unique<DeviceArray<std::int32_t>>(all_lengths);
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
    return cudnnRNNForward(handle, rnn, mode, lengths->data(), x_descriptor, x->data(), y_descriptor, y->data(), state_descriptor, hx->data(), nullptr,
        state_descriptor, cx->data(), cy->data(), weight_bytes, weights->data(), work_bytes, work->data(), training ? reserve_bytes : 0, training
            ? reserve->data() : nullptr);
}

cudnnStatus_t RecurrentNetwork::backward_data()
{
    return cudnnRNNBackwardData_v8(handle, rnn, lengths->data(), y_descriptor, y->data(), dy->data(), x_descriptor, dx->data(), state_descriptor, hx->data(),
        nullptr, dhx->data(),
        state_descriptor, cx->data(), nullptr, dcx->data(), weight_bytes, weights->data(), work_bytes, work->data(), reserve_bytes, reserve->data());
}

cudnnStatus_t RecurrentNetwork::backward_weights(int mode)
{
    return cudnnRNNBackwardWeights_v8(handle, rnn, mode, lengths->data(), x_descriptor, x->data(), state_descriptor, hx->data(), y_descriptor, y->data(),
        weight_bytes, d_weights->data(), work_bytes, work->data(), reserve_bytes, reserve->data());
}

void RecurrentNetwork::put_weights(float value_of_gaps)
{
    std::vector<float> space(weight_bytes / sizeof(float), value_of_gaps);
    const auto put = [&](const Part& part, const std::vector<double>& values) {
        EXPECT_EQ(static_cast<std::size_t>(part.count), values.size());
        std::copy(values.begin(), values.end(), space.begin() + (part.address - weights->data()));
    };
    for (int direction = 0; direction < options.directions; ++direction)
        for (int linear = 0; linear < 8; ++linear) {
            const auto [matrix, bias] = parts_of(*this, weights->data(), linear, direction);
            put(matrix, references[direction].matrix[linear]);
            if (linear < 4)
                put(bias, references[direction].bias[linear]);
        }
    weights->upload(space);
}

std::vector<float> RecurrentNetwork::matrix_of(const std::vector<float>& space, int linear, int direction) const
{
    return content_of(parts_of(*this, d_weights->data(), linear, direction).first, space, d_weights->data());
}

std::vector<float> RecurrentNetwork::bias_of(const std::vector<float>& space, int gate, int direction) const
{
    return content_of(parts_of(*this, d_weights->data(), gate, direction).second, space, d_weights->data());
}
