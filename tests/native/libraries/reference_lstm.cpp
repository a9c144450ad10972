#include "reference_lstm.h"

#include "device.h"

#include <cmath>

namespace {

double sigmoid(double x)
{
    return 1 / (1 + std::exp(-x));
}

}

void ReferenceLstm::make_random(unsigned seed)
{
    cells.assign(static_cast<std::size_t>(layers * directions), {});
    const auto values = [&](int count) {
        const std::vector<float> source = random_values(static_cast<std::size_t>(count), ++seed, 0.7f);
        return std::vector<double>(source.begin(), source.end());
    };
    for (int cell = 0; cell < layers * directions; ++cell)
        for (int linear = 0; linear < 8; ++linear) {
            const bool recurrent = linear >= 4;
            cells[cell].matrix[linear] = values(hidden * (recurrent ? hidden : inputs_of(cell / directions)));
            if (recurrent ? recurrent_bias : input_bias)
                cells[cell].bias[linear] = values(hidden);
        }
}

ReferenceLstm::Result ReferenceLstm::run(const Rows& x, const Rows& h, const Rows& c) const
{
    Result result{x, h, c};
    const int steps = static_cast<int>(x.size());
    for (int layer = 0; layer < layers; ++layer) {
        Rows output(x.size(), std::vector<double>(static_cast<std::size_t>(directions * hidden)));
        for (int direction = 0; direction < directions; ++direction) {
            const int index = layer * directions + direction;
            const Cell& cell = cells[index];
            std::vector<double>& state = result.h[index];
            std::vector<double>& memory = result.c[index];
            for (int s = 0; s < steps; ++s) {
                const int t = direction == 0 ? s : steps - 1 - s;
                const std::vector<double>& in = result.y[t];
                const auto gate = [&](int which, int j) {
                    double sum = 0;
                    for (std::size_t k = 0; k < in.size(); ++k)
                        sum += cell.matrix[which][j * in.size() + k] * in[k];
                    for (int k = 0; k < hidden; ++k)
                        sum += cell.matrix[4 + which][j * hidden + k] * state[k];
                    if (input_bias)
                        sum += cell.bias[which][j];
                    if (recurrent_bias)
                        sum += cell.bias[4 + which][j];
                    return sum;
                };
                std::vector<double> next(static_cast<std::size_t>(hidden));
                for (int j = 0; j < hidden; ++j) {
                    memory[j] = sigmoid(gate(1, j)) * memory[j] + sigmoid(gate(0, j)) * std::tanh(gate(2, j));
                    next[j] = sigmoid(gate(3, j)) * std::tanh(memory[j]);
                }
                state = next;
                std::copy(next.begin(), next.end(), output[t].begin() + direction * hidden);
            }
        }
        result.y = output;
    }
    return result;
}
