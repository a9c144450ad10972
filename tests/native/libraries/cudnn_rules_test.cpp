#include "recurrent_network.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <ostream>
#include <utility>

namespace {

constexpr cudnnStatus_t bad_param = 2000, not_supported = 3000;

class CudnnRules : public DeviceTest {
protected:
    void SetUp() override
    {
        DeviceTest::SetUp();
        ASSERT_EQ(cudnnCreate(&handle), CUDNN_STATUS_SUCCESS);
        ASSERT_EQ(cudnnSetStream(handle, stream), CUDNN_STATUS_SUCCESS);
    }

    void TearDown() override
    {
        EXPECT_EQ(cudnnDestroy(handle), CUDNN_STATUS_SUCCESS);
        DeviceTest::TearDown();
    }

    // The call is refused with this status and a text that names the call and holds `reason`.
    void expect_refused(cudnnStatus_t actual, cudnnStatus_t expected, const char* reason)
    {
        EXPECT_EQ(actual, expected) << reason;
        const std::string text = cudnnGetErrorString(expected);
        EXPECT_NE(text.find("cudnn"), std::string::npos) << text;
        EXPECT_NE(text.find(reason), std::string::npos) << text;
    }

    cudnnHandle_t handle = nullptr;
};

TEST_F(CudnnRules, VersionsHaveTheirStatusNumbers)
{
    EXPECT_EQ(cudnnGetVersion(), 90100u);
    EXPECT_EQ(cudnnSetStream(nullptr, stream), 2000);
    EXPECT_EQ(std::string(cudnnGetErrorString(2000)).rfind("CUDNN_STATUS_BAD_PARAM: cudnnSetStream: ", 0), 0u);
    EXPECT_STREQ(cudnnGetErrorString(3000), "CUDNN_STATUS_NOT_SUPPORTED");
    ASSERT_EQ(softgpu_configure("SOFTGPU_CUDNN_VERSION", "8907"), 0);
    EXPECT_EQ(cudnnGetVersion(), 8907u);
    EXPECT_EQ(cudnnSetStream(nullptr, stream), 3);
    EXPECT_EQ(std::string(cudnnGetErrorString(3)).rfind("CUDNN_STATUS_BAD_PARAM: cudnnSetStream: ", 0), 0u);
    EXPECT_STREQ(cudnnGetErrorString(9), "CUDNN_STATUS_NOT_SUPPORTED");
    EXPECT_STREQ(cudnnGetErrorString(0), "CUDNN_STATUS_SUCCESS");
    softgpu_configure("SOFTGPU_CUDNN_VERSION", "90100");
}

TEST_F(CudnnRules, TheCudaItWasBuiltForIsThatOfTheCublasUnlessToldOtherwise)
{
    EXPECT_EQ(cudnnGetCudartVersion(), 12040u);
    {
        const Setting blas("SOFTGPU_CUBLAS_VERSION", "130100", "120403");
        EXPECT_EQ(cudnnGetCudartVersion(), 13010u);
    }
    const Setting runtime("SOFTGPU_CUDNN_CUDART_VERSION", "11080");
    EXPECT_EQ(cudnnGetCudartVersion(), 11080u);
}

TEST_F(CudnnRules, RecurrentNetworksMayAllBeRefused)
{
    RecurrentNetwork network(handle, {});
    {
        const Setting fault("SOFTGPU_FAIL_CUDNN", "1");
        constexpr const char* reason = "SOFTGPU_FAIL_CUDNN";
        expect_refused(network.forward(), not_supported, reason);
        expect_refused(network.forward(CUDNN_FWD_MODE_INFERENCE), not_supported, reason);
        expect_refused(network.backward_data(), not_supported, reason);
        expect_refused(network.backward_weights(), not_supported, reason);
        EXPECT_EQ(synchronize(), "");
    }
    EXPECT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
}

TEST_F(CudnnRules, BidirectionalNetworksMayBeRefused)
{
    RecurrentNetwork network(handle, {.directions = 2}), one_direction(handle, {});
    {
        const Setting fault("SOFTGPU_FAIL_CUDNN", "3");
        constexpr const char* reason = "SOFTGPU_FAIL_CUDNN";
        expect_refused(network.forward(), not_supported, reason);
        expect_refused(network.forward(CUDNN_FWD_MODE_INFERENCE), not_supported, reason);
        expect_refused(network.backward_data(), not_supported, reason);
        expect_refused(network.backward_weights(), not_supported, reason);
        EXPECT_EQ(one_direction.forward(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(synchronize(), "");
    }
    EXPECT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
}

TEST_F(CudnnRules, DescriptorsOfOneDirectionDoNotFitTwo)
{
    RecurrentNetwork network(handle, {.directions = 2}), one_direction(handle, {});
    const auto with = [](auto& member, auto other, auto&& call) {
        const auto own = std::exchange(member, other);
        const cudnnStatus_t status = call();
        member = own;
        return status;
    };
    expect_refused(with(network.y_descriptor, one_direction.y_descriptor, [&] { return network.forward(); }), bad_param, "hiddenSize");
    expect_refused(with(network.state_descriptor, one_direction.state_descriptor, [&] { return network.forward(); }), bad_param, "hDesc");
    expect_refused(with(one_direction.y_descriptor, network.y_descriptor, [&] { return one_direction.forward(); }), bad_param, "hiddenSize");
    expect_refused(with(one_direction.state_descriptor, network.state_descriptor, [&] { return one_direction.forward(); }), bad_param, "hDesc");
    expect_refused(with(network.weight_bytes, one_direction.weight_bytes, [&] { return network.forward(); }), bad_param, "weightSpaceSize");
    expect_refused(with(network.work_bytes, one_direction.work_bytes, [&] { return network.forward(); }), bad_param, "workSpaceSize");
    expect_refused(with(network.reserve_bytes, one_direction.reserve_bytes, [&] { return network.forward(); }), bad_param, "reserveSpaceSize");
}

TEST_F(CudnnRules, HandlesMayNotBeMade)
{
    cudnnHandle_t other = nullptr;
    const Setting fault("SOFTGPU_FAIL_CUDNN", "2");
    expect_refused(cudnnCreate(&other), 1001, "SOFTGPU_FAIL_CUDNN");
    const Setting version("SOFTGPU_CUDNN_VERSION", "8907", "90100");
    expect_refused(cudnnCreate(&other), 1, "SOFTGPU_FAIL_CUDNN");
    EXPECT_EQ(other, nullptr);
}

TEST_F(CudnnRules, HandlesAndDescriptorsAreChecked)
{
    cudnnHandle_t other = nullptr;
    ASSERT_EQ(cudnnCreate(&other), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(cudnnDestroy(other), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnDestroy(other), bad_param);
    int no_stream = 0;
    EXPECT_EQ(cudnnSetStream(handle, reinterpret_cast<CUstream>(&no_stream)), bad_param);
    cuCtxSetCurrent(nullptr);
    EXPECT_EQ(cudnnCreate(&other), 1001);
    cuCtxSetCurrent(context);

    cudnnTensorDescriptor_t tensor = nullptr;
    EXPECT_EQ(cudnnCreateTensorDescriptor(nullptr), bad_param);
    ASSERT_EQ(cudnnCreateTensorDescriptor(&tensor), CUDNN_STATUS_SUCCESS);
    const int dimensions[] = {2, 3, 4}, strides[] = {12, 4, 1}, zero[] = {2, 0, 4};
    EXPECT_EQ(cudnnSetTensorNdDescriptor(tensor, CUDNN_DATA_FLOAT, 2, dimensions, strides), not_supported);
    EXPECT_EQ(cudnnSetTensorNdDescriptor(tensor, CUDNN_DATA_FLOAT, 3, zero, strides), bad_param);
    EXPECT_EQ(cudnnSetTensorNdDescriptor(tensor, 2, 3, dimensions, strides), not_supported);
    int type = -1, count = 0, read_dimensions[3] = {}, read_strides[3] = {};
    EXPECT_EQ(cudnnGetTensorNdDescriptor(tensor, 3, &type, &count, read_dimensions, read_strides), bad_param) << "it was never set";
    EXPECT_EQ(cudnnSetTensorNdDescriptor(tensor, CUDNN_DATA_FLOAT, 3, dimensions, strides), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnGetTensorNdDescriptor(tensor, 3, &type, &count, read_dimensions, read_strides), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(type, CUDNN_DATA_FLOAT);
    EXPECT_EQ(count, 3);
    EXPECT_EQ(read_dimensions[2], 4);
    EXPECT_EQ(read_strides[0], 12);
    EXPECT_EQ(cudnnDestroyTensorDescriptor(tensor), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(cudnnDestroyTensorDescriptor(tensor), bad_param);
    EXPECT_EQ(cudnnSetTensorNdDescriptor(tensor, CUDNN_DATA_FLOAT, 3, dimensions, strides), bad_param);
}

TEST_F(CudnnRules, NetworkDescriptorIsChecked)
{
    RecurrentNetwork network(handle, {});
    struct Arguments {
        int algo = 0, cell = CUDNN_LSTM, bias = 1, direction = 0, input_mode = 0, type = 0, precision = 0, math = 3, input = 3, hidden = 4, projection = 4,
            layers = 1;
        cudnnDropoutDescriptor_t dropout = nullptr;
        std::uint32_t flags = 0;
    };
    const auto set = [&](auto&& change) {
        Arguments a;
        a.dropout = network.dropout;
        change(a);
        return cudnnSetRNNDescriptor_v8(network.rnn, a.algo, a.cell, a.bias, a.direction, a.input_mode, a.type, a.precision, a.math, a.input, a.hidden,
            a.projection, a.layers, a.dropout, a.flags);
    };
    EXPECT_EQ(set([](Arguments&) {}), CUDNN_STATUS_SUCCESS);
    expect_refused(set([](Arguments& a) { a.input = 0; }), bad_param, "inputSize");
    expect_refused(set([](Arguments& a) { a.hidden = a.projection = 0; }), bad_param, "hiddenSize");
    expect_refused(set([](Arguments& a) { a.dropout = nullptr; }), bad_param, "dropoutDesc");
    expect_refused(set([](Arguments& a) { a.algo = 1; }), not_supported, "algo");
    expect_refused(set([](Arguments& a) { a.cell = 3; }), not_supported, "cellMode");
    expect_refused(set([](Arguments& a) { a.bias = 2; }), not_supported, "biasMode");
    expect_refused(set([](Arguments& a) { a.direction = 2; }), not_supported, "dirMode");
    expect_refused(set([](Arguments& a) { a.input_mode = 1; }), not_supported, "inputMode");
    expect_refused(set([](Arguments& a) { a.type = 2; }), not_supported, "dataType");
    expect_refused(set([](Arguments& a) { a.precision = 1; }), not_supported, "mathPrec");
    expect_refused(set([](Arguments& a) { a.math = 1; }), not_supported, "mathType");
    expect_refused(set([](Arguments& a) { a.projection = 3; }), not_supported, "projSize");
    expect_refused(set([](Arguments& a) { a.layers = 2; }), not_supported, "numLayers");
    expect_refused(set([](Arguments& a) { a.flags = 1; }), not_supported, "auxFlags");
}

TEST_F(CudnnRules, DropoutIsNone)
{
    cudnnDropoutDescriptor_t dropout = nullptr;
    ASSERT_EQ(cudnnCreateDropoutDescriptor(&dropout), CUDNN_STATUS_SUCCESS);
    expect_refused(cudnnSetDropoutDescriptor(dropout, handle, 0.5f, nullptr, 0, 0), not_supported, "dropout");
    EXPECT_EQ(cudnnSetDropoutDescriptor(dropout, nullptr, 0, nullptr, 0, 0), bad_param);
    EXPECT_EQ(cudnnDestroyDropoutDescriptor(dropout), CUDNN_STATUS_SUCCESS);
}

TEST_F(CudnnRules, SequenceDescriptorIsChecked)
{
    cudnnRNNDataDescriptor_t data = nullptr;
    ASSERT_EQ(cudnnCreateRNNDataDescriptor(&data), CUDNN_STATUS_SUCCESS);
    float padding = 0;
    const auto set = [&](int type, int layout, int steps, const std::vector<int>& lengths, int width) {
        return cudnnSetRNNDataDescriptor(data, type, layout, steps, static_cast<int>(lengths.size()), width, lengths.data(), &padding);
    };
    EXPECT_EQ(set(CUDNN_DATA_FLOAT, 1, 3, {3, 3}, 5), CUDNN_STATUS_SUCCESS);
    expect_refused(set(2, 1, 3, {3, 3}, 5), not_supported, "dataType");
    expect_refused(set(CUDNN_DATA_FLOAT, 0, 3, {3, 3}, 5), not_supported, "layout");
    expect_refused(set(CUDNN_DATA_FLOAT, 1, 0, {1}, 5), bad_param, "maxSeqLength");
    expect_refused(set(CUDNN_DATA_FLOAT, 1, 3, {}, 5), bad_param, "batchSize");
    expect_refused(set(CUDNN_DATA_FLOAT, 1, 3, {3}, 0), bad_param, "vectorSize");
    for (const int length : {0, 2, 4})
        expect_refused(set(CUDNN_DATA_FLOAT, 1, 3, {3, length}, 5), not_supported, "seqLengthArray");
    expect_refused(cudnnSetRNNDataDescriptor(data, CUDNN_DATA_FLOAT, 1, 3, 1, 5, nullptr, &padding), bad_param, "seqLengthArray");
    const DeviceArray<std::int32_t> on_device(std::vector<std::int32_t>{3});
    expect_refused(cudnnSetRNNDataDescriptor(data, CUDNN_DATA_FLOAT, 1, 3, 1, 5, on_device.data(), &padding), bad_param, "device memory");
    EXPECT_EQ(cudnnDestroyRNNDataDescriptor(data), CUDNN_STATUS_SUCCESS);
}

TEST_F(CudnnRules, WeightParametersAreChecked)
{
    RecurrentNetwork network(handle, {});
    cudnnTensorDescriptor_t matrix = nullptr, bias = nullptr;
    cudnnCreateTensorDescriptor(&matrix);
    cudnnCreateTensorDescriptor(&bias);
    void *matrix_address = nullptr, *bias_address = nullptr;
    const auto ask = [&](int layer, int linear, std::size_t bytes, const void* space) {
        return cudnnGetRNNWeightParams(handle, network.rnn, layer, bytes, space, linear, matrix, &matrix_address, bias, &bias_address);
    };
    const std::size_t bytes = network.weight_bytes;
    EXPECT_EQ(ask(0, 4, bytes, network.weights->data()), CUDNN_STATUS_SUCCESS);
    EXPECT_NE(matrix_address, nullptr);
    EXPECT_EQ(bias_address, nullptr) << "the only bias is that of the inputs";
    int type = -1, count = 0, dimensions[3] = {9, 9, 9}, strides[3];
    EXPECT_EQ(cudnnGetTensorNdDescriptor(bias, 3, &type, &count, dimensions, strides), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(dimensions[1], 0);
    for (const int layer : {-1, 1})
        expect_refused(ask(layer, 0, bytes, network.weights->data()), bad_param, "pseudoLayer");
    RecurrentNetwork two(handle, {.directions = 2});
    expect_refused(cudnnGetRNNWeightParams(handle, two.rnn, 2, two.weight_bytes, two.weights->data(), 0, matrix, &matrix_address, bias, &bias_address),
        bad_param, "pseudoLayer is 2 of 2");
    for (const int linear : {-1, 8})
        expect_refused(ask(0, linear, bytes, network.weights->data()), bad_param, "linLayerID");
    expect_refused(ask(0, 0, bytes - 1, network.weights->data()), bad_param, "weightSpaceSize");
    expect_refused(ask(0, 0, bytes, nullptr), bad_param, "weightSpace");
    expect_refused(ask(0, 0, bytes + 4, network.weights->data()), bad_param, "weightSpace");
    cudnnDestroyTensorDescriptor(matrix);
    cudnnDestroyTensorDescriptor(bias);
}

TEST_F(CudnnRules, SpacesDependOnTheShape)
{
    const auto sizes = [&](auto&& change) {
        NetworkOptions options;
        change(options);
        RecurrentNetwork network(handle, options);
        return std::array{network.work_bytes, network.reserve_bytes, network.weight_bytes};
    };
    const auto plain = sizes([](NetworkOptions&) {});
    const auto longer = sizes([](NetworkOptions& o) { o.steps = 40; });
    const auto wider = sizes([](NetworkOptions& o) { o.hidden = 40; });
    EXPECT_GT(longer[0], plain[0]);
    EXPECT_GT(longer[1], plain[1]);
    EXPECT_EQ(longer[2], plain[2]);
    EXPECT_GT(wider[0], plain[0]);
    EXPECT_GT(wider[1], plain[1]);
    EXPECT_GT(wider[2], plain[2]);

    RecurrentNetwork network(handle, {});
    std::size_t work = 0, reserve = 1;
    EXPECT_EQ(cudnnGetRNNTempSpaceSizes(handle, network.rnn, CUDNN_FWD_MODE_INFERENCE, network.x_descriptor, &work, &reserve), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(work, network.work_bytes);
    EXPECT_EQ(reserve, 0u);
}

TEST_F(CudnnRules, ShorterSequencesMayNeedMoreSpace)
{
    const Setting uneven("SOFTGPU_UNEVEN_CUDNN", "1");
    std::size_t shorter_work = 0, shorter_reserve = 0;
    for (const int steps : {3, 28, 60}) {
        NetworkOptions options;
        options.steps = steps;
        RecurrentNetwork network(handle, options);
        if (steps != 3) {
            EXPECT_LT(network.work_bytes, shorter_work) << steps;
            EXPECT_LT(network.reserve_bytes, shorter_reserve) << steps;
        }
        shorter_work = network.work_bytes;
        shorter_reserve = network.reserve_bytes;
        // All that it asks for is enough, and less is not.
        EXPECT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(network.backward_weights(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(synchronize(), "");
        network.reserve_bytes--;
        expect_refused(network.forward(), bad_param, "reserveSpaceSize");
    }
}

TEST_F(CudnnRules, ForwardChecksItsArguments)
{
    RecurrentNetwork network(handle, {});
    NetworkOptions other_options;
    other_options.steps = 3;
    RecurrentNetwork other_length(handle, other_options);
    other_options.steps = 4;
    other_options.batch = 3;
    RecurrentNetwork other_batch(handle, other_options);
    std::vector<float> host(1000);

    struct Arguments {
        int mode = CUDNN_FWD_MODE_TRAINING;
        const std::int32_t* lengths;
        cudnnRNNDataDescriptor_t x_descriptor, y_descriptor;
        const void* x;
        void* y;
        cudnnTensorDescriptor_t h_descriptor, c_descriptor;
        const void *hx, *cx;
        void *hy = nullptr, *cy;
        const void* weights;
        std::size_t weight_bytes;
        void* work;
        std::size_t work_bytes;
        void* reserve;
        std::size_t reserve_bytes;
    };
    const auto call = [&](auto&& change) {
        Arguments a{.lengths = network.lengths->data(), .x_descriptor = network.x_descriptor, .y_descriptor = network.y_descriptor, .x = network.x->data(),
            .y = network.y->data(),
            .h_descriptor = network.state_descriptor, .c_descriptor = network.state_descriptor, .hx = network.hx->data(), .cx = network.cx->data(),
                .cy = network.cy->data(),
            .weights = network.weights->data(), .weight_bytes = network.weight_bytes, .work = network.work->data(), .work_bytes = network.work_bytes,
            .reserve = network.reserve->data(), .reserve_bytes = network.reserve_bytes};
        change(a);
        return cudnnRNNForward(handle, network.rnn, a.mode, a.lengths, a.x_descriptor, a.x, a.y_descriptor, a.y, a.h_descriptor, a.hx, a.hy, a.c_descriptor,
            a.cx, a.cy,
            a.weight_bytes, a.weights, a.work_bytes, a.work, a.reserve_bytes, a.reserve);
    };
    EXPECT_EQ(call([](Arguments&) {}), CUDNN_STATUS_SUCCESS);
    expect_refused(call([](Arguments& a) { a.mode = 2; }), bad_param, "fwdMode");
    expect_refused(call([](Arguments& a) { a.x_descriptor = nullptr; }), bad_param, "xDesc is null");
    expect_refused(call([](Arguments& a) { a.x_descriptor = a.y_descriptor; }), bad_param, "inputSize");
    expect_refused(call([](Arguments& a) { a.y_descriptor = a.x_descriptor; }), bad_param, "hiddenSize");
    expect_refused(call([&](Arguments& a) { a.y_descriptor = other_length.y_descriptor; }), bad_param, "maxSeqLength");
    expect_refused(call([&](Arguments& a) { a.y_descriptor = other_batch.y_descriptor; }), bad_param, "batchSize");
    expect_refused(call([&](Arguments& a) { a.h_descriptor = other_batch.state_descriptor; }), bad_param, "hDesc");
    expect_refused(call([&](Arguments& a) { a.c_descriptor = other_batch.state_descriptor; }), bad_param, "cDesc");
    expect_refused(call([](Arguments& a) { a.h_descriptor = nullptr; }), bad_param, "hDesc is null");
    expect_refused(call([](Arguments& a) { a.x = nullptr; }), bad_param, "x is null");
    expect_refused(call([&](Arguments& a) { a.x = host.data(); }), bad_param, "x is not");
    expect_refused(call([&](Arguments& a) { a.x = network.x->data() + 1; }), bad_param, "x is not");
    expect_refused(call([](Arguments& a) { a.y = nullptr; }), bad_param, "y is null");
    expect_refused(call([&](Arguments& a) { a.hx = host.data(); }), bad_param, "hx is not");
    expect_refused(call([](Arguments& a) { a.hx = nullptr; }), bad_param, "hx is null");
    expect_refused(call([](Arguments& a) { a.cx = nullptr; }), bad_param, "cx is null");
    expect_refused(call([](Arguments& a) { a.cy = nullptr; }), bad_param, "cy is null");
    expect_refused(call([](Arguments& a) { a.hy = a.cy; }), not_supported, "hy is given");
    expect_refused(call([](Arguments& a) { a.cy = const_cast<void*>(a.hx); }), bad_param, "cy overlaps hx");
    expect_refused(call([](Arguments& a) { a.weight_bytes -= 1; }), bad_param, "weightSpaceSize");
    expect_refused(call([&](Arguments& a) { a.weights = host.data(); }), bad_param, "weightSpace is not");
    expect_refused(call([](Arguments& a) { a.work_bytes -= 1; }), bad_param, "workSpaceSize");
    expect_refused(call([](Arguments& a) { a.work = nullptr; }), bad_param, "workSpace is null");
    expect_refused(call([](Arguments& a) { a.reserve_bytes -= 1; }), bad_param, "reserveSpaceSize");
    expect_refused(call([](Arguments& a) { a.reserve = nullptr; }), bad_param, "reserveSpace is null");
    expect_refused(call([](Arguments& a) { a.reserve = a.work; }), bad_param, "reserveSpace");
    expect_refused(call([&](Arguments& a) { a.lengths = reinterpret_cast<const std::int32_t*>(host.data()); }), bad_param, "devSeqLengths");
    expect_refused(call([](Arguments& a) { a.lengths = nullptr; }), bad_param, "devSeqLengths");
    EXPECT_EQ(call([](Arguments& a) { a.mode = CUDNN_FWD_MODE_INFERENCE; a.reserve = nullptr; a.reserve_bytes = 0; }), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(synchronize(), "");
}

TEST_F(CudnnRules, WeightGradientsCannotBeSet)
{
    RecurrentNetwork network(handle, {});
    expect_refused(network.backward_weights(1), not_supported, "CUDNN_WGRAD_MODE_ADD");
}

TEST_F(CudnnRules, LengthsOnTheDeviceMustAgree)
{
    RecurrentNetwork network(handle, {});
    network.lengths->upload({4, 3});
    network.forward();   // which may have run already, or not
    const std::string error = synchronize();
    EXPECT_NE(error.find("devSeqLengths"), std::string::npos) << error;
}

TEST_F(CudnnRules, WorkspaceIsOverwritten)
{
    RecurrentNetwork network(handle, {});
    const std::vector<float> ones(network.work_bytes / sizeof(float), 1.0f);
    const auto overwritten = [&] {
        EXPECT_EQ(synchronize(), "");
        const std::vector<float> work = network.work->download();
        network.work->upload(ones);
        return std::all_of(work.begin(), work.end(), [](float value) { return std::isnan(value); });
    };
    network.work->upload(ones);
    ASSERT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
    EXPECT_TRUE(overwritten());
    ASSERT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS);
    EXPECT_TRUE(overwritten());
    ASSERT_EQ(network.backward_weights(), CUDNN_STATUS_SUCCESS);
    EXPECT_TRUE(overwritten());
}

// What happens between the calls of a training step, and the reason with which a later call then fails the context.
struct Misuse {
    const char* name;
    const char* reason;
    std::function<void(RecurrentNetwork&)> act;
};

void PrintTo(const Misuse& misuse, std::ostream* out)
{
    *out << misuse.name;
}

void change(const RecurrentNetwork::Floats& array, std::size_t at)
{
    std::vector<float> values = array->download();
    values[at] += 1;
    array->upload(values);
}

class CudnnReserve : public CudnnRules, public ::testing::WithParamInterface<Misuse> {};

TEST_P(CudnnReserve, MisuseFailsTheContext)
{
    RecurrentNetwork network(handle, {});
    GetParam().act(network);
    const std::string error = synchronize();
    EXPECT_NE(error.find(GetParam().reason), std::string::npos) << error;
}

const Misuse misuses[] = {
    {"NoForward", "not written by cudnnRNNForward", [](RecurrentNetwork& n) { n.backward_data(); }},
    {"ForwardForInference", "not written by cudnnRNNForward", [](RecurrentNetwork& n) { n.forward(CUDNN_FWD_MODE_INFERENCE); n.backward_data(); }},
    {"WeightsBeforeData", "cudnnRNNBackwardData_v8 must come first", [](RecurrentNetwork& n) { n.forward(); n.backward_weights(); }},
    {"DataTwice", "already consumed", [](RecurrentNetwork& n) { n.forward(); n.backward_data(); n.backward_data(); }},
    {"ReserveOverwritten", "was overwritten",
        [](RecurrentNetwork& n) { n.forward(); n.reserve->upload(std::vector<float>(n.reserve_bytes / sizeof(float))); n.backward_data(); }},
    {"ReserveOfOtherSequences", "other sequences", [](RecurrentNetwork& n) {
        NetworkOptions options;
        options.steps = 8;
        options.hidden = 2;
        RecurrentNetwork other(n.handle, options);
        other.forward();
        n.forward();
        ASSERT_EQ(other.reserve_bytes, n.reserve_bytes);
        n.reserve->upload(other.reserve->download());
        n.backward_data();
    }},
    {"OtherInput", "x is not what the forward pass read", [](RecurrentNetwork& n) { n.forward(); n.backward_data(); change(n.x, 0); n.backward_weights(); }},
    {"OtherOutput", "y is not what the forward pass wrote", [](RecurrentNetwork& n) { n.forward(); change(n.y, 0); n.backward_data(); }},
    {"OtherFirstState", "hx is not what the forward pass read", [](RecurrentNetwork& n) { n.forward(); change(n.hx, 0); n.backward_data(); }},
    {"OtherFirstCell", "cx is not what the forward pass read", [](RecurrentNetwork& n) { n.forward(); change(n.cx, 0); n.backward_data(); }},
    {"OtherWeights", "weightSpace changed", [](RecurrentNetwork& n) {
        n.forward();
        n.references[0].make_random(99);
        n.put_weights(0);
        n.backward_data();
    }},
};

INSTANTIATE_TEST_SUITE_P(Misuses, CudnnReserve, ::testing::ValuesIn(misuses), [](const auto& information) { return std::string(information.param.name); });

}
