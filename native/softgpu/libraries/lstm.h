#pragma once

#include <array>
#include <cstddef>

// The LSTM that cuDNN documents, on host memory: one layer that reads sequences of one length forwards, with a bias beside its input matrices, for gates i, f,
// g, o
//     i, f, o = sigmoid(W x_t + R h_{t-1} + b),  g = tanh(W x_t + R h_{t-1} + b),  c_t = f c_{t-1} + i g,  h_t = o tanh(c_t).
// A second direction, if there is one, reads the same sequences from their last step on with weights and states of its own.
namespace softgpu::lstm {

struct Network {
    int input = 0;
    int hidden = 0;
    bool tf32 = false;   // the operands of products are rounded
    int directions = 1;

    int inputs_of(int linear) const { return linear < 4 ? input : hidden; }
    int outputs() const { return directions * hidden; }
};

// Where the matrices [hidden, inputs] and biases [hidden] lie in the weight space, in elements. They are scattered, with
// gaps, in an order of this library's own: who assumes a layout instead of asking is found out.
// The eight linear layers: 0 to 3 the input matrices of i, f, g and o, 4 to 7 the recurrent ones.
struct WeightPlan {
    static constexpr int gates = 4, linear_layers = 2 * gates;

    explicit WeightPlan(const Network& network, int direction = 0);

    std::array<long, linear_layers> matrix;
    std::array<long, gates> bias;
    // Of all directions.
    long size = 0;
};

// The vector of step t of sequence n is number t * sequences + n.
struct Batch {
    int steps = 0;
    int sequences = 0;

    std::size_t positions() const { return static_cast<std::size_t>(steps) * static_cast<std::size_t>(sequences); }
    bool operator==(const Batch&) const = default;
};

// What training keeps from the forward pass for the backward passes, direction by direction; each array is time-major over all positions.
class Record {
public:
    Record(const Network& network, const Batch& batch, float* memory)
        : memory_(memory), state_size_(batch.positions() * static_cast<std::size_t>(network.hidden)) {}
    // In elements.
    static std::size_t size(const Network& network, const Batch& batch) { return network.directions * arrays * Record(network, batch, nullptr).state_size_; }

    Record of(int direction) const
    {
        Record own = *this;
        own.memory_ += direction * arrays * state_size_;
        return own;
    }

    float* gates() const { return memory_; }                      // [positions, 4 hidden]: i, f, g, o
    float* d_gates() const { return memory_ + 4 * state_size_; }  // [positions, 4 hidden], before the non-linearities
    float* c() const { return memory_ + 8 * state_size_; }        // [positions, hidden]
    float* h() const { return memory_ + 9 * state_size_; }        // [positions, hidden]

private:
    static constexpr std::size_t arrays = 10;

    float* memory_;
    std::size_t state_size_;
};

// States are [directions, sequences, hidden], y is [positions, directions * hidden], and dx the sum over the directions.
void forward(const Network& network, const Batch& batch, const float* weights, const float* x, const float* hx, const float* cx, float* y, float* cy,
    const Record& record);
void backward_data(const Network& network, const Batch& batch, const float* weights, const float* dy, const float* cx, float* dx, float* dhx, float* dcx,
    const Record& record);
// Adds to d_weights.
void backward_weights(const Network& network, const Batch& batch, const float* x, const float* hx, float* d_weights, const Record& record);

}
