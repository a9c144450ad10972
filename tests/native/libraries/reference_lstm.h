#pragma once

#include <array>
#include <vector>

// An LSTM layer in double precision, straight from the equations, one sequence and one number at a time.
// It knows no library, so that it can judge one.
struct ReferenceLstm {
    int input = 1;
    int hidden = 1;

    // Rows are vectors of one sequence.
    using Rows = std::vector<std::vector<double>>;

    struct Result {
        Rows h;                  // of every step
        std::vector<double> c;   // of the last
    };

    void make_random(unsigned seed);
    Result run(const Rows& x, std::vector<double> h, std::vector<double> c) const;

    // Four linear layers of the inputs, then four of the state; of each four those of gates i, f, g and o.
    std::array<std::vector<double>, 8> matrix;   // [hidden, input] or [hidden, hidden]
    std::array<std::vector<double>, 4> bias;     // [hidden]
};
