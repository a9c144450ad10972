#pragma once

#include <array>
#include <cstddef>
#include <vector>

// The LSTM that cuDNN documents, on host memory: for gates i, f, g, o of one cell
//     i, f, o = sigmoid(W x_t + R h_{t-1} + bW + bR),  g = tanh(W x_t + R h_{t-1} + bW + bR),
//     c_t = f c_{t-1} + i g,  h_t = o tanh(c_t),
// stacked in layers, each run forwards or forwards and backwards over every sequence of the batch.
namespace softgpu::lstm {

struct Network {
    int layers = 1;
    int directions = 1;
    int input = 0;
    int hidden = 0;
    bool input_bias = false;
    bool recurrent_bias = false;
    bool tf32 = false;   // the operands of products are rounded

    int cells() const { return layers * directions; }
    int input_of(int layer) const { return layer == 0 ? input : directions * hidden; }
};

// Where the matrices [hidden, inputs] and biases [hidden] lie in the weight space, in elements. They are scattered, with
// gaps, in an order of this library's own: who assumes a layout instead of asking is found out.
// The eight linear layers of a cell: 0 to 3 the input matrices of i, f, g and o, 4 to 7 the recurrent ones.
struct WeightPlan {
    static constexpr int linear_layers = 8;
    static constexpr long absent = -1;

    struct Cell {
        std::array<long, linear_layers> matrix;
        std::array<long, linear_layers> bias;
    };

    explicit WeightPlan(const Network& network);

    std::vector<Cell> cells;   // cell = layer * directions + direction, cuDNN's pseudo-layer
    long size = 0;
};

// A batch of sequences. The vector of step t of sequence n lies at row[t * batch + n] of the user's data.
struct Batch {
    int steps = 0;
    int batch = 0;
    std::vector<int> lengths;
    std::vector<long> row;

    std::size_t positions() const { return static_cast<std::size_t>(steps) * static_cast<std::size_t>(batch); }
};

// What training keeps from the forward pass for the backward passes; each array is time-major over all positions.
class Record {
public:
    Record(const Network& network, const Batch& batch, float* memory);
    static std::size_t size(const Network& network, const Batch& batch);   // in elements

    float* gates(int cell) const { return memory_ + static_cast<std::size_t>(cell) * cell_size_; }   // [positions, 4 hidden]: i, f, g, o
    float* c(int cell) const { return gates(cell) + 4 * state_size_; }                               // [positions, hidden]
    float* d_gates(int cell) const { return gates(cell) + 5 * state_size_; }                         // [positions, 4 hidden], before the non-linearities
    float* output(int layer) const { return memory_ + outputs_ + static_cast<std::size_t>(layer) * output_size_; }   // [positions, directions hidden]

private:
    float* memory_;
    std::size_t state_size_;
    std::size_t cell_size_;
    std::size_t outputs_;
    std::size_t output_size_;
};

// States are [cells, batch, hidden]; null ones are zero where they are read and left out where they are written.
struct States {
    const float* hx = nullptr;
    const float* cx = nullptr;
    float* hy = nullptr;
    float* cy = nullptr;
};

struct StateGradients {
    const float* dhy = nullptr;
    const float* dcy = nullptr;
    float* dhx = nullptr;
    float* dcx = nullptr;
};

void forward(const Network& network, const Batch& batch, const float* weights, const float* x, const States& states, float* y, const Record& record);
void backward_data(const Network& network, const Batch& batch, const float* weights, const float* dy, const float* cx,
    const StateGradients& gradients, float* dx, const Record& record);
// Adds to d_weights.
void backward_weights(const Network& network, const Batch& batch, const float* x, const float* hx, float* d_weights, const Record& record);

}
