#include "lstm.h"

#include "softgpu.h"
#include "tf32.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace softgpu::lstm {
namespace {

// Sequences that walk in step, so that every weight is fetched once for all of them.
constexpr int group_size = 8;

double sigmoid(double x)
{
    return 1 / (1 + std::exp(-x));
}

double operand(const Network& network, float value)
{
    return network.tf32 ? round_to_tf32(value) : value;
}

// The weights as [inputs + hidden, 4 hidden]: row k holds what input (or, from `inputs` on, state) k adds to the gates.
struct Weights {
    Weights(const Network& network, const float* space, int direction)
        : columns(4 * static_cast<std::size_t>(network.hidden)), matrix(static_cast<std::size_t>(network.input + network.hidden) * columns), bias(columns)
    {
        const WeightPlan plan(network, direction);
        for (int linear = 0; linear < WeightPlan::linear_layers; ++linear) {
            const int width = network.inputs_of(linear), first_row = linear < WeightPlan::gates ? 0 : network.input, first_column = linear % 4 * network.hidden;
            const float* const source = space + plan.matrix[linear];
            for (int j = 0; j < network.hidden; ++j)
                for (int k = 0; k < width; ++k)
                    matrix[static_cast<std::size_t>(first_row + k) * columns + first_column + j] = operand(network,
                        source[static_cast<std::size_t>(j) * width + k]);
        }
        for (int gate = 0; gate < WeightPlan::gates; ++gate)
            std::copy_n(space + plan.bias[gate], network.hidden, bias.begin() + static_cast<std::ptrdiff_t>(gate) * network.hidden);
    }

    const double* row(int k) const { return matrix.data() + static_cast<std::size_t>(k) * columns; }

    std::size_t columns;
    std::vector<double> matrix;
    std::vector<double> bias;
};

// Visits the sequences in groups, on several threads.
template <typename Visit>
void for_groups(const Batch& batch, Visit&& visit)
{
    const long groups = (batch.sequences + group_size - 1) / group_size;
    parallel_for(groups, [&](long begin, long end) {
        for (long group = begin; group < end; ++group)
            visit(static_cast<int>(group) * group_size, std::min(batch.sequences, (static_cast<int>(group) + 1) * group_size));
    });
}

// The step that a direction reads as its i-th.
int step_of(const Batch& batch, int direction, int i)
{
    return direction == 0 ? i : batch.steps - 1 - i;
}

// Sequences from begin to end from the first step that a direction reads to its last.
void run_group(const Network& network, const Batch& batch, const Weights& weights, const float* x, const float* hx, const float* cx, float* y, float* cy,
    const Record& record, int direction, int begin, int end)
{
    const int inputs = network.input, hidden = network.hidden;
    std::vector<double> sums(static_cast<std::size_t>(group_size) * 4 * hidden);
    const float* h_before = hx;
    const float* c_before = cx;
    for (int i = 0; i < batch.steps; ++i) {
        const std::size_t first = static_cast<std::size_t>(step_of(batch, direction, i)) * batch.sequences;
        for (int n = begin; n < end; ++n)
            std::copy(weights.bias.begin(), weights.bias.end(), sums.begin() + static_cast<std::ptrdiff_t>(n - begin) * 4 * hidden);
        for (int k = 0; k < inputs + hidden; ++k) {
            const double* const row = weights.row(k);
            for (int n = begin; n < end; ++n) {
                const float value = k < inputs ? x[(first + n) * inputs + k] : h_before[static_cast<std::size_t>(n) * hidden + (k - inputs)];
                const double factor = operand(network, value);
                double* const sum = sums.data() + static_cast<std::size_t>(n - begin) * 4 * hidden;
                for (int j = 0; j < 4 * hidden; ++j)
                    sum[j] += factor * row[j];
            }
        }
        for (int n = begin; n < end; ++n) {
            const double* const sum = sums.data() + static_cast<std::size_t>(n - begin) * 4 * hidden;
            float* const gates = record.gates() + (first + n) * 4 * hidden;
            for (int j = 0; j < hidden; ++j) {
                const double in = sigmoid(sum[j]), f = sigmoid(sum[hidden + j]), g = std::tanh(sum[2 * hidden + j]), o = sigmoid(sum[3 * hidden + j]);
                const std::size_t own = (first + n) * hidden + j;
                const auto c = static_cast<float>(f * c_before[static_cast<std::size_t>(n) * hidden + j] + in * g);
                gates[j] = static_cast<float>(in);
                gates[hidden + j] = static_cast<float>(f);
                gates[2 * hidden + j] = static_cast<float>(g);
                gates[3 * hidden + j] = static_cast<float>(o);
                record.c()[own] = c;
                record.h()[own] = static_cast<float>(o * std::tanh(static_cast<double>(c)));
                y[(first + n) * network.outputs() + static_cast<std::size_t>(direction) * hidden + j] = record.h()[own];
            }
        }
        h_before = record.h() + first * hidden;
        c_before = record.c() + first * hidden;
    }
    std::copy(c_before + static_cast<std::size_t>(begin) * hidden, c_before + static_cast<std::size_t>(end) * hidden,
        cy + static_cast<std::size_t>(begin) * hidden);
}

// The same sequences from the last step that the direction reads to its first; the second direction adds to dx.
void unwind_group(const Network& network, const Batch& batch, const Weights& weights, const float* dy, const float* cx, float* dx, float* dhx, float* dcx,
    const Record& record, int direction, int begin, int end)
{
    const int inputs = network.input, hidden = network.hidden;
    std::vector<double> dh(static_cast<std::size_t>(group_size) * hidden), dc(dh.size()), d_sums(static_cast<std::size_t>(group_size) * 4 * hidden);
    for (int step = batch.steps - 1; step >= 0; --step) {
        const auto first_of = [&](int i) { return static_cast<std::size_t>(step_of(batch, direction, i)) * batch.sequences; };
        const std::size_t first = first_of(step);
        const float* const c_before = step > 0 ? record.c() + first_of(step - 1) * hidden : cx;
        for (int n = begin; n < end; ++n) {
            const float* const gates = record.gates() + (first + n) * 4 * hidden;
            float* const d_gates = record.d_gates() + (first + n) * 4 * hidden;
            double* const d_sum = d_sums.data() + static_cast<std::size_t>(n - begin) * 4 * hidden;
            for (int j = 0; j < hidden; ++j) {
                const std::size_t own = static_cast<std::size_t>(n - begin) * hidden + j, position = (first + n) * hidden + j;
                const double i = gates[j], f = gates[hidden + j], g = gates[2 * hidden + j], o = gates[3 * hidden + j];
                const double tanh_c = std::tanh(static_cast<double>(record.c()[position]));
                const double d_output = dh[own] + dy[(first + n) * network.outputs() + static_cast<std::size_t>(direction) * hidden + j];
                const double d_c = dc[own] + d_output * o * (1 - tanh_c * tanh_c);
                const double d[4] = {d_c * g * i * (1 - i), d_c * c_before[static_cast<std::size_t>(n) * hidden + j] * f * (1 - f), d_c * i * (1 - g * g),
                    d_output * tanh_c * o * (1 - o)};
                for (int gate = 0; gate < 4; ++gate) {
                    const auto value = static_cast<float>(d[gate]);
                    d_gates[gate * hidden + j] = value;
                    d_sum[gate * hidden + j] = operand(network, value);
                }
                dc[own] = d_c * f;
            }
        }
        for (int k = 0; k < inputs + hidden; ++k) {
            const double* const row = weights.row(k);
            for (int n = begin; n < end; ++n) {
                const double* const d_sum = d_sums.data() + static_cast<std::size_t>(n - begin) * 4 * hidden;
                // Four partial sums in a fixed order, which the compiler can keep side by side.
                double partial[4] = {};
                for (int j = 0; j < 4 * hidden; j += 4)
                    for (int lane = 0; lane < 4; ++lane)
                        partial[lane] += d_sum[j + lane] * row[j + lane];
                const double sum = (partial[0] + partial[1]) + (partial[2] + partial[3]);
                if (k < inputs) {
                    float& target = dx[(first + n) * inputs + k];
                    target = static_cast<float>(direction == 0 ? sum : target + sum);
                } else
                    dh[static_cast<std::size_t>(n - begin) * hidden + (k - inputs)] = sum;
            }
        }
    }
    const auto give = [&](const std::vector<double>& from, float* to) {
        std::transform(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(end - begin) * hidden, to + static_cast<std::size_t>(begin) * hidden,
            [](double value) { return static_cast<float>(value); });
    };
    give(dh, dhx);
    give(dc, dcx);
}

std::size_t states_before(const Network& network, const Batch& batch, int direction)
{
    return static_cast<std::size_t>(direction) * batch.sequences * network.hidden;
}

void add_weight_gradients(const Network& network, const Batch& batch, const float* x, const float* hx, float* d_weights, const Record& record, int direction)
{
    const WeightPlan plan(network, direction);
    const int inputs = network.input, hidden = network.hidden, width = inputs + hidden;

    // Every step with what went into its products: the inputs, then the state before.
    struct Step {
        const float* d_gates;
        std::vector<double> operands;
    };
    std::vector<Step> steps;
    for (int n = 0; n < batch.sequences; ++n)
        for (int i = 0; i < batch.steps; ++i) {
            const auto position_of = [&](int read) { return static_cast<std::size_t>(step_of(batch, direction, read)) * batch.sequences + n; };
            const std::size_t position = position_of(i);
            Step& step = steps.emplace_back(Step{record.d_gates() + position * 4 * hidden, std::vector<double>(static_cast<std::size_t>(width))});
            const float* const h_before = i > 0 ? record.h() + position_of(i - 1) * hidden : hx + static_cast<std::size_t>(n) * hidden;
            for (int k = 0; k < width; ++k)
                step.operands[k] = operand(network, k < inputs ? x[position * inputs + k] : h_before[k - inputs]);
        }

    const auto add_rows = [&](int begin, int end) {
        std::vector<double> sums(static_cast<std::size_t>(end - begin) * width), biases(static_cast<std::size_t>(end - begin));
        for (const Step& step : steps)
            for (int row = begin; row < end; ++row) {
                const double factor = operand(network, step.d_gates[row]);
                double* const sum = sums.data() + static_cast<std::size_t>(row - begin) * width;
                for (int k = 0; k < width; ++k)
                    sum[k] += factor * step.operands[k];
                biases[row - begin] += step.d_gates[row];
            }
        for (int row = begin; row < end; ++row) {
            const int gate = row / hidden, j = row % hidden;
            const double* const sum = sums.data() + static_cast<std::size_t>(row - begin) * width;
            const auto add = [](float& target, double value) { target = static_cast<float>(target + value); };
            for (int k = 0; k < inputs; ++k)
                add(d_weights[plan.matrix[gate] + static_cast<long>(j) * inputs + k], sum[k]);
            for (int k = 0; k < hidden; ++k)
                add(d_weights[plan.matrix[WeightPlan::gates + gate] + static_cast<long>(j) * hidden + k], sum[inputs + k]);
            add(d_weights[plan.bias[gate] + j], biases[row - begin]);
        }
    };
    const int blocks = (4 * hidden + group_size - 1) / group_size;
    parallel_for(blocks, [&](long begin, long end) {
        for (long block = begin; block < end; ++block)
            add_rows(static_cast<int>(block) * group_size, std::min(4 * hidden, (static_cast<int>(block) + 1) * group_size));
    });
}

}

WeightPlan::WeightPlan(const Network& network, int direction)
{
    constexpr int order[linear_layers] = {6, 1, 3, 4, 0, 7, 2, 5};
    long next = 5;
    const auto place = [&](long elements) {
        const long offset = next;
        next += elements + 3 + elements % 4;
        return offset;
    };
    // The last direction comes first.
    for (int placed = network.directions - 1; placed >= 0; --placed)
        for (const int linear : order) {
            const long bias_offset = linear < gates ? place(network.hidden) : 0;
            const long offset = place(static_cast<long>(network.inputs_of(linear)) * network.hidden);
            if (placed != direction)
                continue;
            if (linear < gates)
                bias[linear] = bias_offset;
            matrix[linear] = offset;
        }
    constexpr long unit = 64;
    size = (next + unit - 1) / unit * unit;
}

void forward(const Network& network, const Batch& batch, const float* weights, const float* x, const float* hx, const float* cx, float* y, float* cy,
    const Record& record)
{
    for (int direction = 0; direction < network.directions; ++direction) {
        const Weights own(network, weights, direction);
        const std::size_t state = states_before(network, batch, direction);
        for_groups(batch, [&](int begin, int end) {
            run_group(network, batch, own, x, hx + state, cx + state, y, cy + state, record.of(direction), direction, begin, end);
        });
    }
}

void backward_data(const Network& network, const Batch& batch, const float* weights, const float* dy, const float* cx, float* dx, float* dhx, float* dcx,
    const Record& record)
{
    for (int direction = 0; direction < network.directions; ++direction) {
        const Weights own(network, weights, direction);
        const std::size_t state = states_before(network, batch, direction);
        for_groups(batch, [&](int begin, int end) {
            unwind_group(network, batch, own, dy, cx + state, dx, dhx + state, dcx + state, record.of(direction), direction, begin, end);
        });
    }
}

void backward_weights(const Network& network, const Batch& batch, const float* x, const float* hx, float* d_weights, const Record& record)
{
    for (int direction = 0; direction < network.directions; ++direction)
        add_weight_gradients(network, batch, x, hx + states_before(network, batch, direction), d_weights, record.of(direction), direction);
}

}
