#include "recurrent_network.h"

#include <cmath>
#include <limits>

namespace {

class CudnnLstm : public DeviceTest {
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

    cudnnHandle_t handle = nullptr;
};

using Rows = ReferenceLstm::Rows;

// The part of a state array that belongs to sequence n, one row a cell.
Rows state_of(const RecurrentNetwork& network, const std::vector<float>& values, int n)
{
    const int batch = static_cast<int>(network.options.lengths.size()), hidden = network.options.hidden;
    Rows rows;
    for (int cell = 0; cell < network.options.layers * network.options.directions; ++cell) {
        const auto begin = values.begin() + (cell * batch + n) * hidden;
        rows.emplace_back(begin, begin + hidden);
    }
    return rows;
}

Rows sequence_of(const RecurrentNetwork& network, const std::vector<float>& values, int width, int n)
{
    Rows rows;
    for (int t = 0; t < network.options.lengths[n]; ++t) {
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(network.row(t, n)) * width;
        rows.emplace_back(begin, begin + width);
    }
    return rows;
}

void expect_near(const Rows& actual, const Rows& expected, double tolerance, const char* what)
{
    ASSERT_EQ(actual.size(), expected.size()) << what;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        ASSERT_EQ(actual[i].size(), expected[i].size()) << what;
        for (std::size_t j = 0; j < actual[i].size(); ++j)
            ASSERT_NEAR(actual[i][j], expected[i][j], tolerance) << what << " (" << i << ", " << j << ")";
    }
}

double dot(const Rows& a, const Rows& b)
{
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t j = 0; j < a[i].size(); ++j)
            sum += a[i][j] * b[i][j];
    return sum;
}

// The value whose gradients the backward calls compute: what comes out, weighted with dy, dhy and dcy.
struct Objective {
    explicit Objective(const RecurrentNetwork& source) : network(source), lstm(source.reference)
    {
        for (int n = 0; n < static_cast<int>(network.options.lengths.size()); ++n) {
            x.push_back(sequence_of(network, network.x_values, network.options.input, n));
            h.push_back(state_of(network, network.hx_values, n));
            c.push_back(state_of(network, network.cx_values, n));
            dy.push_back(sequence_of(network, network.dy_values, network.output(), n));
            dhy.push_back(state_of(network, network.dhy_values, n));
            dcy.push_back(state_of(network, network.dcy_values, n));
        }
    }

    double value() const
    {
        double sum = 0;
        for (std::size_t n = 0; n < x.size(); ++n) {
            const ReferenceLstm::Result result = lstm.run(x[n], h[n], c[n]);
            sum += dot(result.y, dy[n]) + dot(result.h, dhy[n]) + dot(result.c, dcy[n]);
        }
        return sum;
    }

    double slope(double& variable)
    {
        constexpr double step = 1e-5;
        const double centre = variable;
        variable = centre + step;
        const double above = value();
        variable = centre - step;
        const double below = value();
        variable = centre;
        return (above - below) / (2 * step);
    }

    const RecurrentNetwork& network;
    ReferenceLstm lstm;
    std::vector<Rows> x, h, c, dy, dhy, dcy;
};

void expect_forward(RecurrentNetwork& network, double tolerance)
{
    const std::vector<float> y = network.y->download(), hy = network.hy->download(), cy = network.cy->download();
    for (int n = 0; n < static_cast<int>(network.options.lengths.size()); ++n) {
        const ReferenceLstm::Result expected = network.reference.run(sequence_of(network, network.x_values, network.options.input, n),
            state_of(network, network.hx_values, n), state_of(network, network.cx_values, n));
        expect_near(sequence_of(network, y, network.output(), n), expected.y, tolerance, "y");
        if (network.options.states) {
            expect_near(state_of(network, hy, n), expected.h, tolerance, "hy");
            expect_near(state_of(network, cy, n), expected.c, tolerance, "cy");
        }
    }
}

void expect_gradients(RecurrentNetwork& network, double tolerance)
{
    Objective objective(network);
    const std::vector<float> dx = network.dx->download(), dhx = network.dhx->download(), dcx = network.dcx->download(), space = network.d_weights->download();
    const auto compare = [&](const Rows& actual, Rows& variables, const char* what) {
        for (std::size_t i = 0; i < variables.size(); ++i)
            for (std::size_t j = 0; j < variables[i].size(); ++j)
                ASSERT_NEAR(actual[i][j], objective.slope(variables[i][j]), tolerance) << what << " (" << i << ", " << j << ")";
    };
    for (int n = 0; n < static_cast<int>(network.options.lengths.size()); ++n) {
        compare(sequence_of(network, dx, network.options.input, n), objective.x[n], "dx");
        if (network.options.states) {
            compare(state_of(network, dhx, n), objective.h[n], "dhx");
            compare(state_of(network, dcx, n), objective.c[n], "dcx");
        }
    }
    for (int cell = 0; cell < network.options.layers * network.options.directions; ++cell)
        for (int linear = 0; linear < 8; ++linear)
            for (const bool bias : {false, true}) {
                ReferenceLstm::Cell& source = objective.lstm.cells[cell];
                std::vector<double>& variables = bias ? source.bias[linear] : source.matrix[linear];
                const std::vector<float> actual = network.weights_of(space, cell, linear, bias);
                ASSERT_EQ(actual.size(), variables.size());
                for (std::size_t i = 0; i < variables.size(); ++i)
                    ASSERT_NEAR(actual[i], objective.slope(variables[i]), tolerance) << "cell " << cell << ", linear layer " << linear << ", " << (bias ? "bias " : "matrix ") << i;
            }
}

std::vector<NetworkOptions> networks()
{
    const NetworkOptions plain;
    std::vector<NetworkOptions> all;
    for (const int bias_mode : {CUDNN_RNN_NO_BIAS, CUDNN_RNN_SINGLE_INP_BIAS, CUDNN_RNN_DOUBLE_BIAS, CUDNN_RNN_SINGLE_REC_BIAS}) {
        all.push_back(plain);
        all.back().bias_mode = bias_mode;
    }
    for (const int layout : {CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED, CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED})
        for (const int directions : {1, 2})
            for (const int layers : {1, 2}) {
                NetworkOptions options;
                options.layout = layout;
                options.directions = directions;
                options.layers = layers;
                options.steps = 5;
                options.lengths = {5, 3, 3, 1};
                options.hidden = 3;
                all.push_back(options);
            }
    all.push_back(plain);
    all.back().lengths = {2, 4, 1, 3, 4, 2, 1, 1, 3, 4, 2};   // in no order, more than one group
    all.back().states = false;
    all.back().hidden = 2;
    all.push_back(plain);
    all.back().layout = CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED;
    all.back().flags = CUDNN_RNN_PADDED_IO_DISABLED;
    all.back().device_lengths = true;
    all.push_back(plain);
    all.back().hidden = 1;
    all.back().input = 1;
    all.back().steps = 1;
    all.back().lengths = {1};
    return all;
}

TEST_F(CudnnLstm, ForwardAndGradientsAreThoseOfDoublePrecision)
{
    for (const NetworkOptions& options : networks()) {
        SCOPED_TRACE("layers " + std::to_string(options.layers) + ", directions " + std::to_string(options.directions) + ", layout " + std::to_string(options.layout)
            + ", bias mode " + std::to_string(options.bias_mode) + ", batch " + std::to_string(options.lengths.size()));
        RecurrentNetwork network(handle, options);
        ASSERT_EQ(network.forward(), CUDNN_STATUS_SUCCESS) << cudnnGetErrorString(2000);
        ASSERT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS) << cudnnGetErrorString(2000);
        ASSERT_EQ(network.backward_weights(), CUDNN_STATUS_SUCCESS) << cudnnGetErrorString(2000);
        ASSERT_EQ(synchronize(), "");
        expect_forward(network, 1e-6);
        expect_gradients(network, 2e-5);
        if (HasFatalFailure())
            return;
    }
}

TEST_F(CudnnLstm, InferenceGivesWhatTrainingGives)
{
    NetworkOptions options;
    options.layers = 2;
    options.directions = 2;
    options.lengths = {4, 2, 3};
    RecurrentNetwork network(handle, options);
    ASSERT_EQ(network.forward(CUDNN_FWD_MODE_INFERENCE), CUDNN_STATUS_SUCCESS) << cudnnGetErrorString(2000);
    ASSERT_EQ(synchronize(), "");
    expect_forward(network, 1e-6);
    const std::vector<float> y = network.y->download();
    ASSERT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(synchronize(), "");
    EXPECT_EQ(network.y->download(), y);
}

TEST_F(CudnnLstm, WeightGradientsAreAdded)
{
    RecurrentNetwork network(handle, {});
    const auto gradients = [&](float start) {
        network.d_weights->upload(std::vector<float>(network.weight_bytes / sizeof(float), start));
        EXPECT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(network.backward_weights(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(synchronize(), "");
        return network.d_weights->download();
    };
    const std::vector<float> from_zero = gradients(0), from_ten = gradients(10);
    for (int linear = 0; linear < 8; ++linear) {
        const std::vector<float> zero = network.weights_of(from_zero, 0, linear, false), ten = network.weights_of(from_ten, 0, linear, false);
        for (std::size_t i = 0; i < zero.size(); ++i)
            EXPECT_NEAR(ten[i], zero[i] + 10, 2e-6);
    }
}

TEST_F(CudnnLstm, WeightsAreScatteredWithGaps)
{
    NetworkOptions options;
    options.layers = 2;
    RecurrentNetwork network(handle, options);
    const std::vector<float> space = network.weights->download();
    std::size_t gaps = 0;
    for (const float value : space)
        gaps += std::isnan(value);
    EXPECT_GT(gaps, 32u);
}

TEST_F(CudnnLstm, PaddingOfTheOutputIsFilledAndThatOfTheGradientUndefined)
{
    for (const std::optional<float> padding : {std::optional<float>(0.0f), std::optional<float>(7.0f), std::optional<float>()}) {
        NetworkOptions options;
        options.lengths = {4, 1};
        options.padding = padding;
        RecurrentNetwork network(handle, options);
        ASSERT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
        ASSERT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS);
        ASSERT_EQ(synchronize(), "");
        for (int t = 1; t < 4; ++t) {
            const float y = network.y->download()[network.row(t, 1) * network.output()];
            EXPECT_TRUE(padding ? y == *padding : std::isnan(y)) << y;
            EXPECT_TRUE(std::isnan(network.dx->download()[network.row(t, 1) * options.input]));
        }
    }
}

TEST_F(CudnnLstm, PaddingIsNotRead)
{
    NetworkOptions options;
    options.lengths = {2, 4};
    RecurrentNetwork network(handle, options);
    for (int t = 2; t < 4; ++t) {
        std::fill_n(network.x_values.begin() + static_cast<std::ptrdiff_t>(network.row(t, 0)) * options.input, options.input, std::numeric_limits<float>::quiet_NaN());
        std::fill_n(network.dy_values.begin() + static_cast<std::ptrdiff_t>(network.row(t, 0)) * network.output(), network.output(), std::numeric_limits<float>::quiet_NaN());
    }
    network.x->upload(network.x_values);
    network.dy->upload(network.dy_values);
    ASSERT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(network.backward_weights(), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(synchronize(), "");
    expect_forward(network, 1e-6);
    expect_gradients(network, 2e-5);
}

TEST_F(CudnnLstm, DefaultMathRoundsOperandsToTf32FromCapability80On)
{
    NetworkOptions options;
    options.hidden = 16;
    options.input = 16;
    const auto largest_error = [&](int math) {
        options.math = math;
        RecurrentNetwork network(handle, options);
        EXPECT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(synchronize(), "");
        const std::vector<float> y = network.y->download();
        double largest = 0;
        for (int n = 0; n < 2; ++n) {
            const auto expected = network.reference.run(sequence_of(network, network.x_values, 16, n), state_of(network, network.hx_values, n), state_of(network, network.cx_values, n));
            const Rows actual = sequence_of(network, y, 16, n);
            for (std::size_t t = 0; t < actual.size(); ++t)
                for (std::size_t j = 0; j < actual[t].size(); ++j)
                    largest = std::max(largest, std::abs(actual[t][j] - expected.y[t][j]));
        }
        return largest;
    };
    EXPECT_LT(largest_error(CUDNN_FMA_MATH), 1e-6);
    const double tf32 = largest_error(CUDNN_DEFAULT_MATH);
    EXPECT_GT(tf32, 1e-5);
    EXPECT_LT(tf32, 5e-3);
    ASSERT_EQ(softgpu_configure("SOFTGPU_COMPUTE_CAPABILITY", "70"), 0);
    EXPECT_LT(largest_error(CUDNN_DEFAULT_MATH), 1e-6);
    softgpu_configure("SOFTGPU_COMPUTE_CAPABILITY", "90");
}

TEST_F(CudnnLstm, ResultsDoNotDependOnTheNumberOfThreads)
{
    std::vector<std::vector<float>> results;
    for (const char* threads : {"1", "2", "5"}) {
        ASSERT_EQ(softgpu_configure("SOFTGPU_THREADS", threads), 0);
        NetworkOptions options;
        options.lengths.assign(20, 4);
        options.layers = 2;
        options.directions = 2;
        RecurrentNetwork network(handle, options);
        ASSERT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
        ASSERT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS);
        ASSERT_EQ(network.backward_weights(), CUDNN_STATUS_SUCCESS);
        ASSERT_EQ(synchronize(), "");
        std::vector<float> result = network.dx->download(), gradient = network.d_weights->download();
        result.insert(result.end(), gradient.begin(), gradient.end());
        results.push_back(result);
    }
    softgpu_configure("SOFTGPU_THREADS", "0");
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
}

TEST_F(CudnnLstm, TrainingStepCanBeCapturedAndReplayed)
{
    NetworkOptions options;
    options.lengths = {4, 3};
    RecurrentNetwork network(handle, options);
    const auto step = [&] {
        EXPECT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(network.backward_weights(), CUDNN_STATUS_SUCCESS);
    };
    void* const graph = capture(step);
    void* executable = nullptr;
    ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
    for (int replay = 0; replay < 2; ++replay) {
        network.d_weights->upload(std::vector<float>(network.weight_bytes / sizeof(float)));
        ASSERT_EQ(cuGraphLaunch(executable, stream), 0);
        ASSERT_EQ(synchronize(), "");
        expect_forward(network, 1e-6);
        expect_gradients(network, 2e-5);
    }
    cuGraphExecDestroy(executable);
    cuGraphDestroy(graph);
}

}
