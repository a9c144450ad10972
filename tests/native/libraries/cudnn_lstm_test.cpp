#include "recurrent_network.h"

#include <cmath>
#include <cstdlib>

namespace {

// What a step computes, for comparisons to the last bit.
struct Results {
    std::vector<float> y, cy, dx, dhx, dcx, gradients;
    bool operator==(const Results&) const = default;
};

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

    static void step(RecurrentNetwork& network)
    {
        EXPECT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(network.backward_data(), CUDNN_STATUS_SUCCESS);
        EXPECT_EQ(network.backward_weights(), CUDNN_STATUS_SUCCESS);
    }

    // What `run` leaves, from gradients of zero on.
    template <typename Run>
    static Results results_of(RecurrentNetwork& network, Run&& run)
    {
        network.d_weights->upload(std::vector<float>(network.weight_bytes / sizeof(float)));
        run();
        EXPECT_EQ(synchronize(), "");
        return {network.y->download(), network.cy->download(), network.dx->download(), network.dhx->download(), network.dcx->download(),
            network.d_weights->download()};
    }

    cudnnHandle_t handle = nullptr;
};

using Rows = ReferenceLstm::Rows;

// Row n of a state array, of each direction.
Rows state_of(const RecurrentNetwork& network, const std::vector<float>& values, int n)
{
    Rows rows;
    for (int direction = 0; direction < network.options.directions; ++direction) {
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(direction * network.options.batch + n) * network.options.hidden;
        rows.emplace_back(begin, begin + network.options.hidden);
    }
    return rows;
}

Rows sequence_of(const RecurrentNetwork& network, const std::vector<float>& values, int width, int n)
{
    Rows rows;
    for (int t = 0; t < network.options.steps; ++t) {
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(t * network.options.batch + n) * width;
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

struct Outputs {
    Rows y;   // of every step, the directions side by side
    Rows c;   // the last of each direction
};

// The second direction is one LSTM more, which reads the sequence reversed.
Outputs run(const std::vector<ReferenceLstm>& lstms, const Rows& x, const Rows& h, const Rows& c)
{
    Outputs outputs{Rows(x.size()), {}};
    for (std::size_t direction = 0; direction < lstms.size(); ++direction) {
        const bool backward = direction == 1;
        const ReferenceLstm::Result result = lstms[direction].run(backward ? Rows(x.rbegin(), x.rend()) : x, h[direction], c[direction]);
        for (std::size_t t = 0; t < x.size(); ++t) {
            const std::vector<double>& row = result.h[backward ? x.size() - 1 - t : t];
            outputs.y[t].insert(outputs.y[t].end(), row.begin(), row.end());
        }
        outputs.c.push_back(result.c);
    }
    return outputs;
}

// The value whose gradients the backward calls compute: what comes out, weighted with dy.
struct Objective {
    explicit Objective(const RecurrentNetwork& network) : lstms(network.references)
    {
        for (int n = 0; n < network.options.batch; ++n) {
            x.push_back(sequence_of(network, network.x_values, network.options.input, n));
            h.push_back(state_of(network, network.hx_values, n));
            c.push_back(state_of(network, network.cx_values, n));
            dy.push_back(sequence_of(network, network.dy_values, network.outputs(), n));
        }
    }

    double value() const
    {
        double sum = 0;
        for (std::size_t n = 0; n < x.size(); ++n) {
            const Rows y = run(lstms, x[n], h[n], c[n]).y;
            for (std::size_t t = 0; t < y.size(); ++t)
                for (std::size_t j = 0; j < y[t].size(); ++j)
                    sum += y[t][j] * dy[n][t][j];
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

    std::vector<ReferenceLstm> lstms;
    std::vector<Rows> x, dy, h, c;
};

void expect_forward(RecurrentNetwork& network, double tolerance)
{
    const std::vector<float> y = network.y->download(), cy = network.cy->download();
    for (int n = 0; n < network.options.batch; ++n) {
        const Outputs expected = run(network.references, sequence_of(network, network.x_values, network.options.input, n),
            state_of(network, network.hx_values, n), state_of(network, network.cx_values, n));
        expect_near(sequence_of(network, y, network.outputs(), n), expected.y, tolerance, "y");
        expect_near(state_of(network, cy, n), expected.c, tolerance, "cy");
    }
}

void expect_gradients(RecurrentNetwork& network, double tolerance)
{
    Objective objective(network);
    const std::vector<float> dx = network.dx->download(), dhx = network.dhx->download(), dcx = network.dcx->download(), space = network.d_weights->download();
    const auto compare = [&](const auto& actual, std::vector<double>& variables, const char* what) {
        ASSERT_EQ(actual.size(), variables.size()) << what;
        for (std::size_t i = 0; i < variables.size(); ++i)
            ASSERT_NEAR(actual[i], objective.slope(variables[i]), tolerance) << what << " " << i;
    };
    for (int n = 0; n < network.options.batch; ++n) {
        const Rows rows = sequence_of(network, dx, network.options.input, n);
        for (std::size_t t = 0; t < rows.size(); ++t)
            compare(rows[t], objective.x[n][t], "dx");
        const Rows dh = state_of(network, dhx, n), dc = state_of(network, dcx, n);
        for (std::size_t direction = 0; direction < dh.size(); ++direction) {
            compare(dh[direction], objective.h[n][direction], "dhx");
            compare(dc[direction], objective.c[n][direction], "dcx");
        }
    }
    for (int direction = 0; direction < network.options.directions; ++direction) {
        for (int linear = 0; linear < 8; ++linear)
            compare(network.matrix_of(space, linear, direction), objective.lstms[direction].matrix[linear], "matrix");
        for (int gate = 0; gate < 4; ++gate)
            compare(network.bias_of(space, gate, direction), objective.lstms[direction].bias[gate], "bias");
    }
}

TEST_F(CudnnLstm, ForwardAndGradientsAreThoseOfDoublePrecision)
{
    // More sequences than one group has, too.
    const NetworkOptions shapes[] = {
        {}, {.input = 5, .hidden = 3, .steps = 6, .batch = 4}, {.hidden = 2, .batch = 11}, {.input = 1, .hidden = 1, .steps = 1, .batch = 1},
        {.directions = 2}, {.input = 5, .hidden = 3, .steps = 6, .batch = 4, .directions = 2}, {.hidden = 2, .batch = 11, .directions = 2},
        {.input = 1, .hidden = 1, .steps = 1, .batch = 1, .directions = 2},
    };
    for (const NetworkOptions& options : shapes) {
        SCOPED_TRACE("inputs " + std::to_string(options.input) + ", units " + std::to_string(options.hidden) + ", batch " + std::to_string(options.batch)
            + ", directions " + std::to_string(options.directions));
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
    for (const int directions : {1, 2}) {
        RecurrentNetwork network(handle, {.directions = directions});
        ASSERT_EQ(network.forward(CUDNN_FWD_MODE_INFERENCE), CUDNN_STATUS_SUCCESS) << cudnnGetErrorString(2000);
        ASSERT_EQ(synchronize(), "");
        expect_forward(network, 1e-6);
        const std::vector<float> y = network.y->download();
        ASSERT_EQ(network.forward(), CUDNN_STATUS_SUCCESS);
        ASSERT_EQ(synchronize(), "");
        EXPECT_EQ(network.y->download(), y);
    }
}

TEST_F(CudnnLstm, WeightGradientsAreAdded)
{
    RecurrentNetwork network(handle, {});
    const auto gradients = [&](float start) {
        network.d_weights->upload(std::vector<float>(network.weight_bytes / sizeof(float), start));
        step(network);
        EXPECT_EQ(synchronize(), "");
        return network.d_weights->download();
    };
    const std::vector<float> from_zero = gradients(0), from_ten = gradients(10);
    for (int linear = 0; linear < 8; ++linear) {
        const std::vector<float> zero = network.matrix_of(from_zero, linear), ten = network.matrix_of(from_ten, linear);
        for (std::size_t i = 0; i < zero.size(); ++i)
            EXPECT_NEAR(ten[i], zero[i] + 10, 2e-6);
    }
}

TEST_F(CudnnLstm, WeightsAreScatteredWithGaps)
{
    RecurrentNetwork network(handle, {});
    const std::vector<float> space = network.weights->download();
    std::size_t gaps = 0;
    for (const float value : space)
        gaps += std::isnan(value);
    EXPECT_GT(gaps, 24u);
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
            const Rows expected = run(network.references, sequence_of(network, network.x_values, 16, n), state_of(network, network.hx_values, n),
                state_of(network, network.cx_values, n)).y;
            const Rows actual = sequence_of(network, y, 16, n);
            for (std::size_t t = 0; t < actual.size(); ++t)
                for (std::size_t j = 0; j < actual[t].size(); ++j)
                    largest = std::max(largest, std::abs(actual[t][j] - expected[t][j]));
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
        options.batch = 20;
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
    RecurrentNetwork network(handle, {.directions = 2});
    void* const graph = capture([&] { step(network); });
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

// cuBLAS reads the variable as it is loaded, so each value needs a process of its own, which a death test of this style is.
class CudnnRepetition : public CudnnLstm {
protected:
    void SetUp() override
    {
        CudnnLstm::SetUp();
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        if (const char* const set = std::getenv("CUBLAS_WORKSPACE_CONFIG"))
            usual_ = set;
    }

    void TearDown() override
    {
        configure(usual_.empty() ? nullptr : usual_.c_str());
        CudnnLstm::TearDown();
    }

    static void configure(const char* value)
    {
        if (value)
            setenv("CUBLAS_WORKSPACE_CONFIG", value, 1);
        else
            unsetenv("CUBLAS_WORKSPACE_CONFIG");
    }

    // Ends the process with the number of the kinds of results that two equal steps had with other bits, and 10 more for replays of one graph.
    [[noreturn]] void compare_steps()
    {
        RecurrentNetwork network(handle, {.input = 16, .hidden = 16, .steps = 8, .batch = 8});
        const auto differences = [&](auto&& run) {
            const Results first = results_of(network, run), second = results_of(network, run);
            // Not more than the last bits: the mathematics is the same.
            expect_forward(network, 1e-6);
            return (first.y != second.y) + (first.cy != second.cy) + (first.dx != second.dx) + (first.dhx != second.dhx) + (first.dcx != second.dcx)
                + (first.gradients != second.gradients);
        };
        const int called = differences([&] { step(network); });
        void* const graph = capture([&] { step(network); });
        void* executable = nullptr;
        EXPECT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
        const int replayed = differences([&] { EXPECT_EQ(cuGraphLaunch(executable, stream), 0); });
        std::_Exit(HasFailure() ? 100 : called + 10 * replayed);
    }

private:
    std::string usual_;
};

TEST_F(CudnnRepetition, CallsAndReplaysRepeatTheirBitsWhereCublasWasTold)
{
    for (const char* value : {":4096:2", ":16:8"}) {
        configure(value);
        EXPECT_EXIT(compare_steps(), ::testing::ExitedWithCode(0), "") << value;
    }
}

TEST_F(CudnnRepetition, CallsAndReplaysDifferInTheirLastBitsOtherwise)
{
    for (const char* value : {static_cast<const char*>(nullptr), ":4096:8", ""}) {
        configure(value);
        EXPECT_EXIT(compare_steps(), ::testing::ExitedWithCode(66), "") << (value ? value : "not set");
    }
}

TEST_F(CudnnRepetition, WhatIsSetAfterCublasWasLoadedComesTooLate)
{
    configure(nullptr);
    EXPECT_EXIT(
        {
            configure(":4096:2");
            compare_steps();
        },
        ::testing::ExitedWithCode(66), "");
}

}
