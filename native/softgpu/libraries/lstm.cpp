#include "lstm.h"

#include "softgpu.h"
#include "tf32.h"

#include <algorithm>
#include <cmath>

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

// The weights of one cell as [inputs + hidden, 4 hidden]: row k holds what input (or, from `inputs` on, state) k adds to the gates.
struct CellWeights {
    CellWeights(const Network& network, const WeightPlan::Cell& cell, int inputs, const float* weights)
        : columns(4 * network.hidden), matrix(static_cast<std::size_t>(inputs + network.hidden) * static_cast<std::size_t>(columns)), bias(static_cast<std::size_t>(columns))
    {
        for (int linear = 0; linear < WeightPlan::linear_layers; ++linear) {
            const bool recurrent = linear >= 4;
            const int width = recurrent ? network.hidden : inputs, first_row = recurrent ? inputs : 0, first_column = linear % 4 * network.hidden;
            const float* const source = weights + cell.matrix[linear];
            for (int j = 0; j < network.hidden; ++j)
                for (int k = 0; k < width; ++k)
                    matrix[static_cast<std::size_t>(first_row + k) * columns + first_column + j] = operand(network, source[static_cast<std::size_t>(j) * width + k]);
            if (cell.bias[linear] != WeightPlan::absent)
                for (int j = 0; j < network.hidden; ++j)
                    bias[first_column + j] += weights[cell.bias[linear] + j];
        }
    }

    const double* row(int k) const { return matrix.data() + static_cast<std::size_t>(k) * columns; }

    std::size_t columns;
    std::vector<double> matrix;
    std::vector<double> bias;
};

// The inputs of a layer: the user's data for the first, the record of the layer below for the others.
struct LayerInputs {
    const float* data;
    const long* row;   // null: rows are positions
    int width;

    const float* at(std::size_t position) const { return data + static_cast<std::size_t>(row ? row[position] : static_cast<long>(position)) * static_cast<std::size_t>(width); }
};

LayerInputs inputs_of(const Network& network, const Batch& batch, const Record& record, const float* x, int layer)
{
    return layer == 0 ? LayerInputs{x, batch.row.data(), network.input} : LayerInputs{record.output(layer - 1), nullptr, network.input_of(layer)};
}

// Visits the sequences in groups, on several threads.
template <typename Visit>
void for_groups(const Batch& batch, Visit&& visit)
{
    const long groups = (batch.batch + group_size - 1) / group_size;
    parallel_for(groups, [&](long begin, long end) {
        for (long group = begin; group < end; ++group)
            visit(static_cast<int>(group) * group_size, std::min(batch.batch, (static_cast<int>(group) + 1) * group_size));
    });
}

// Position of the s-th step that a direction takes through sequence n.
std::size_t position_of(const Batch& batch, int direction, int s, int n)
{
    const int t = direction == 0 ? s : batch.lengths[n] - 1 - s;
    return static_cast<std::size_t>(t) * batch.batch + n;
}

int longest(const Batch& batch, int begin, int end)
{
    return *std::max_element(batch.lengths.begin() + begin, batch.lengths.begin() + end);
}

void run_cell(const Network& network, const Batch& batch, const CellWeights& weights, const LayerInputs& inputs, int layer, int direction,
    const States& states, const Record& record, int begin, int end)
{
    const int hidden = network.hidden, cell = layer * network.directions + direction;
    const std::size_t output_width = static_cast<std::size_t>(network.directions) * hidden;
    std::vector<float> h(static_cast<std::size_t>(group_size) * hidden), c(h.size());
    std::vector<double> sums(static_cast<std::size_t>(group_size) * 4 * hidden);
    for (int n = begin; n < end; ++n)
        for (int j = 0; j < hidden; ++j) {
            const std::size_t state = (static_cast<std::size_t>(cell) * batch.batch + n) * hidden + j, own = static_cast<std::size_t>(n - begin) * hidden + j;
            h[own] = states.hx ? states.hx[state] : 0.0f;
            c[own] = states.cx ? states.cx[state] : 0.0f;
        }

    for (int s = 0; s < longest(batch, begin, end); ++s) {
        for (int n = begin; n < end; ++n)
            std::copy(weights.bias.begin(), weights.bias.end(), sums.begin() + static_cast<std::ptrdiff_t>(n - begin) * 4 * hidden);
        for (int k = 0; k < inputs.width + hidden; ++k) {
            const double* const row = weights.row(k);
            for (int n = begin; n < end; ++n) {
                if (s >= batch.lengths[n])
                    continue;
                const float value = k < inputs.width ? inputs.at(position_of(batch, direction, s, n))[k]
                                                     : h[static_cast<std::size_t>(n - begin) * hidden + (k - inputs.width)];
                const double factor = operand(network, value);
                double* const sum = sums.data() + static_cast<std::size_t>(n - begin) * 4 * hidden;
                for (int j = 0; j < 4 * hidden; ++j)
                    sum[j] += factor * row[j];
            }
        }
        for (int n = begin; n < end; ++n) {
            if (s >= batch.lengths[n])
                continue;
            const std::size_t position = position_of(batch, direction, s, n);
            const double* const sum = sums.data() + static_cast<std::size_t>(n - begin) * 4 * hidden;
            float* const gates = record.gates(cell) + position * 4 * hidden;
            for (int j = 0; j < hidden; ++j) {
                float& c_own = c[static_cast<std::size_t>(n - begin) * hidden + j];
                const double i = sigmoid(sum[j]), f = sigmoid(sum[hidden + j]), g = std::tanh(sum[2 * hidden + j]), o = sigmoid(sum[3 * hidden + j]);
                c_own = static_cast<float>(f * c_own + i * g);
                const auto h_own = static_cast<float>(o * std::tanh(static_cast<double>(c_own)));
                h[static_cast<std::size_t>(n - begin) * hidden + j] = h_own;
                gates[j] = static_cast<float>(i);
                gates[hidden + j] = static_cast<float>(f);
                gates[2 * hidden + j] = static_cast<float>(g);
                gates[3 * hidden + j] = static_cast<float>(o);
                record.c(cell)[position * hidden + j] = c_own;
                record.output(layer)[position * output_width + static_cast<std::size_t>(direction) * hidden + j] = h_own;
            }
        }
    }

    for (int n = begin; n < end; ++n)
        for (int j = 0; j < hidden; ++j) {
            const std::size_t state = (static_cast<std::size_t>(cell) * batch.batch + n) * hidden + j, own = static_cast<std::size_t>(n - begin) * hidden + j;
            if (states.hy)
                states.hy[state] = h[own];
            if (states.cy)
                states.cy[state] = c[own];
        }
}

// Walks one direction of a layer from its last step to its first and adds to the gradient of the layer's inputs.
void unwind_cell(const Network& network, const Batch& batch, const CellWeights& weights, int layer, int direction, const std::vector<double>& d_outputs,
    const float* cx, const StateGradients& gradients, std::vector<double>& d_inputs, const Record& record, int begin, int end)
{
    const int hidden = network.hidden, inputs = network.input_of(layer), cell = layer * network.directions + direction;
    const std::size_t output_width = static_cast<std::size_t>(network.directions) * hidden;
    std::vector<double> dh(static_cast<std::size_t>(group_size) * hidden), dc(dh.size()), d_sums(static_cast<std::size_t>(group_size) * 4 * hidden);
    const auto state_at = [&](int n, int j) { return (static_cast<std::size_t>(cell) * batch.batch + n) * hidden + j; };
    for (int n = begin; n < end; ++n)
        for (int j = 0; j < hidden; ++j) {
            const std::size_t own = static_cast<std::size_t>(n - begin) * hidden + j;
            dh[own] = gradients.dhy ? gradients.dhy[state_at(n, j)] : 0.0;
            dc[own] = gradients.dcy ? gradients.dcy[state_at(n, j)] : 0.0;
        }

    for (int s = longest(batch, begin, end) - 1; s >= 0; --s) {
        for (int n = begin; n < end; ++n) {
            if (s >= batch.lengths[n])
                continue;
            const std::size_t position = position_of(batch, direction, s, n);
            const float* const gates = record.gates(cell) + position * 4 * hidden;
            float* const d_gates = record.d_gates(cell) + position * 4 * hidden;
            double* const d_sum = d_sums.data() + static_cast<std::size_t>(n - begin) * 4 * hidden;
            for (int j = 0; j < hidden; ++j) {
                const std::size_t own = static_cast<std::size_t>(n - begin) * hidden + j;
                const double i = gates[j], f = gates[hidden + j], g = gates[2 * hidden + j], o = gates[3 * hidden + j];
                const double c_previous = s > 0 ? record.c(cell)[position_of(batch, direction, s - 1, n) * hidden + j] : cx ? cx[state_at(n, j)] : 0.0;
                const double tanh_c = std::tanh(static_cast<double>(record.c(cell)[position * hidden + j]));
                const double d_output = dh[own] + d_outputs[position * output_width + static_cast<std::size_t>(direction) * hidden + j];
                const double d_c = dc[own] + d_output * o * (1 - tanh_c * tanh_c);
                const double d[4] = {d_c * g * i * (1 - i), d_c * c_previous * f * (1 - f), d_c * i * (1 - g * g), d_output * tanh_c * o * (1 - o)};
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
                if (s >= batch.lengths[n])
                    continue;
                const double* const d_sum = d_sums.data() + static_cast<std::size_t>(n - begin) * 4 * hidden;
                // Four partial sums in a fixed order, which the compiler can keep side by side.
                double partial[4] = {};
                for (int j = 0; j < 4 * hidden; j += 4)
                    for (int lane = 0; lane < 4; ++lane)
                        partial[lane] += d_sum[j + lane] * row[j + lane];
                const double sum = (partial[0] + partial[1]) + (partial[2] + partial[3]);
                if (k < inputs)
                    d_inputs[position_of(batch, direction, s, n) * inputs + k] += sum;
                else
                    dh[static_cast<std::size_t>(n - begin) * hidden + (k - inputs)] = sum;
            }
        }
    }

    for (int n = begin; n < end; ++n)
        for (int j = 0; j < hidden; ++j) {
            const std::size_t own = static_cast<std::size_t>(n - begin) * hidden + j;
            if (gradients.dhx)
                gradients.dhx[state_at(n, j)] = static_cast<float>(dh[own]);
            if (gradients.dcx)
                gradients.dcx[state_at(n, j)] = static_cast<float>(dc[own]);
        }
}

// Gradients of the parameters of one cell.
void sum_cell(const Network& network, const Batch& batch, const WeightPlan::Cell& plan, const LayerInputs& inputs, int layer, int direction,
    const float* hx, float* d_weights, const Record& record)
{
    const int hidden = network.hidden, width = inputs.width + hidden, cell = layer * network.directions + direction;
    const std::size_t output_width = static_cast<std::size_t>(network.directions) * hidden;

    // Every valid step with what went into its products: the layer's inputs, then the state before.
    struct Step {
        const float* d_gates;
        std::vector<double> operands;
    };
    std::vector<Step> steps;
    for (int n = 0; n < batch.batch; ++n)
        for (int s = 0; s < batch.lengths[n]; ++s) {
            const std::size_t position = position_of(batch, direction, s, n);
            Step& step = steps.emplace_back(Step{record.d_gates(cell) + position * 4 * hidden, std::vector<double>(static_cast<std::size_t>(width))});
            for (int k = 0; k < inputs.width; ++k)
                step.operands[k] = operand(network, inputs.at(position)[k]);
            const float* const h_previous = s > 0
                ? record.output(layer) + position_of(batch, direction, s - 1, n) * output_width + static_cast<std::size_t>(direction) * hidden
                : hx ? hx + (static_cast<std::size_t>(cell) * batch.batch + n) * hidden : nullptr;
            for (int k = 0; k < hidden; ++k)
                step.operands[inputs.width + k] = h_previous ? operand(network, h_previous[k]) : 0.0;
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
            for (int k = 0; k < inputs.width; ++k)
                add(d_weights[plan.matrix[gate] + static_cast<long>(j) * inputs.width + k], sum[k]);
            for (int k = 0; k < hidden; ++k)
                add(d_weights[plan.matrix[4 + gate] + static_cast<long>(j) * hidden + k], sum[inputs.width + k]);
            for (const int linear : {gate, 4 + gate})
                if (plan.bias[linear] != WeightPlan::absent)
                    add(d_weights[plan.bias[linear] + j], biases[row - begin]);
        }
    };
    const int blocks = (4 * hidden + group_size - 1) / group_size;
    parallel_for(blocks, [&](long begin, long end) {
        for (long block = begin; block < end; ++block)
            add_rows(static_cast<int>(block) * group_size, std::min(4 * hidden, (static_cast<int>(block) + 1) * group_size));
    });
}

}

WeightPlan::WeightPlan(const Network& network) : cells(static_cast<std::size_t>(network.cells()))
{
    constexpr int order[linear_layers] = {6, 1, 3, 4, 0, 7, 2, 5};
    long next = 5;
    const auto place = [&](long elements) {
        const long offset = next;
        next += elements + 3 + elements % 4;
        return offset;
    };
    for (int cell = network.cells() - 1; cell >= 0; --cell) {
        for (const int linear : order) {
            const bool recurrent = linear >= 4;
            const bool has_bias = recurrent ? network.recurrent_bias : network.input_bias;
            const long inputs = recurrent ? network.hidden : network.input_of(cell / network.directions);
            cells[cell].bias[linear] = has_bias ? place(network.hidden) : absent;
            cells[cell].matrix[linear] = place(inputs * network.hidden);
        }
    }
    constexpr long unit = 64;
    size = (next + unit - 1) / unit * unit;
}

Record::Record(const Network& network, const Batch& batch, float* memory)
    : memory_(memory),
      state_size_(batch.positions() * static_cast<std::size_t>(network.hidden)),
      cell_size_(9 * state_size_),
      outputs_(cell_size_ * static_cast<std::size_t>(network.cells())),
      output_size_(state_size_ * static_cast<std::size_t>(network.directions))
{
}

std::size_t Record::size(const Network& network, const Batch& batch)
{
    const Record record(network, batch, nullptr);
    return record.outputs_ + record.output_size_ * static_cast<std::size_t>(network.layers);
}

void forward(const Network& network, const Batch& batch, const float* weights, const float* x, const States& states, float* y, const Record& record)
{
    const WeightPlan plan(network);
    for (int layer = 0; layer < network.layers; ++layer) {
        const LayerInputs inputs = inputs_of(network, batch, record, x, layer);
        for (int direction = 0; direction < network.directions; ++direction) {
            const CellWeights cell(network, plan.cells[static_cast<std::size_t>(layer) * network.directions + direction], inputs.width, weights);
            for_groups(batch, [&](int begin, int end) { run_cell(network, batch, cell, inputs, layer, direction, states, record, begin, end); });
        }
    }
    const std::size_t width = static_cast<std::size_t>(network.directions) * network.hidden;
    for (int n = 0; n < batch.batch; ++n)
        for (int t = 0; t < batch.lengths[n]; ++t) {
            const std::size_t position = static_cast<std::size_t>(t) * batch.batch + n;
            std::copy_n(record.output(network.layers - 1) + position * width, width, y + static_cast<std::size_t>(batch.row[position]) * width);
        }
}

void backward_data(const Network& network, const Batch& batch, const float* weights, const float* dy, const float* cx,
    const StateGradients& gradients, float* dx, const Record& record)
{
    const WeightPlan plan(network);
    const std::size_t width = static_cast<std::size_t>(network.directions) * network.hidden;
    std::vector<double> d_outputs(batch.positions() * width);
    for (int n = 0; n < batch.batch; ++n)
        for (int t = 0; t < batch.lengths[n]; ++t) {
            const std::size_t position = static_cast<std::size_t>(t) * batch.batch + n;
            std::copy_n(dy + static_cast<std::size_t>(batch.row[position]) * width, width, d_outputs.begin() + static_cast<std::ptrdiff_t>(position * width));
        }

    for (int layer = network.layers - 1; layer >= 0; --layer) {
        std::vector<double> d_inputs(batch.positions() * static_cast<std::size_t>(network.input_of(layer)));
        for (int direction = 0; direction < network.directions; ++direction) {
            const CellWeights cell(network, plan.cells[static_cast<std::size_t>(layer) * network.directions + direction], network.input_of(layer), weights);
            for_groups(batch, [&](int begin, int end) {
                unwind_cell(network, batch, cell, layer, direction, d_outputs, cx, gradients, d_inputs, record, begin, end);
            });
        }
        d_outputs = std::move(d_inputs);
    }
    for (int n = 0; n < batch.batch; ++n)
        for (int t = 0; t < batch.lengths[n]; ++t) {
            const std::size_t position = static_cast<std::size_t>(t) * batch.batch + n;
            for (int k = 0; k < network.input; ++k)
                dx[static_cast<std::size_t>(batch.row[position]) * network.input + k] = static_cast<float>(d_outputs[position * network.input + k]);
        }
}

void backward_weights(const Network& network, const Batch& batch, const float* x, const float* hx, float* d_weights, const Record& record)
{
    const WeightPlan plan(network);
    for (int layer = 0; layer < network.layers; ++layer)
        for (int direction = 0; direction < network.directions; ++direction)
            sum_cell(network, batch, plan.cells[static_cast<std::size_t>(layer) * network.directions + direction],
                inputs_of(network, batch, record, x, layer), layer, direction, hx, d_weights, record);
}

}
