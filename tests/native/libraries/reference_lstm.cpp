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
    const auto values = [&](int count) {
        const std::vector<float> source = random_values(static_cast<std::size_t>(count), ++seed, 0.7f);
        return std::vector<double>(source.begin(), source.end());
    };
    for (int linear = 0; linear < 8; ++linear)
        matrix[linear] = values(hidden * (linear < 4 ? input : hidden));
    for (std::vector<double>& each : bias)
        each = values(hidden);
}

ReferenceLstm::Result ReferenceLstm::run(const Rows& x, std::vector<double> h, std::vector<double> c) const
{
    Rows outputs;
    for (const std::vector<double>& in : x) {
        const auto gate = [&](int which, int j) {
            double sum = bias[which][j];
            for (int k = 0; k < input; ++k)
                sum += matrix[which][j * input + k] * in[k];
            for (int k = 0; k < hidden; ++k)
                sum += matrix[4 + which][j * hidden + k] * h[k];
            return sum;
        };
        std::vector<double> next(static_cast<std::size_t>(hidden));
        for (int j = 0; j < hidden; ++j) {
            c[j] = sigmoid(gate(1, j)) * c[j] + sigmoid(gate(0, j)) * std::tanh(gate(2, j));
            next[j] = sigmoid(gate(3, j)) * std::tanh(c[j]);
        }
        h = next;
        outputs.push_back(next);
    }
    return {outputs, c};
}
