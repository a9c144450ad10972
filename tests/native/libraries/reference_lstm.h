#pragma once

#include <array>
#include <vector>

// A stack of LSTM layers in double precision, straight from the equations, one sequence and one number at a time.
// It knows no library, so that it can judge one.
struct ReferenceLstm {
    int layers = 1;
    int directions = 1;
    int input = 1;
    int hidden = 1;
    bool input_bias = true;
    bool recurrent_bias = true;

    // Four linear layers of the inputs, then four of the state; of each four those of gates i, f, g and o.
    struct Cell {
        std::array<std::vector<double>, 8> matrix;   // [hidden, inputs] or [hidden, hidden]
        std::array<std::vector<double>, 8> bias;     // [hidden], empty where there is none
    };

    // Rows are vectors of one sequence; states are [layers * directions][hidden].
    using Rows = std::vector<std::vector<double>>;

    struct Result {
        Rows y;
        Rows h;
        Rows c;
    };

    int inputs_of(int layer) const { return layer == 0 ? input : directions * hidden; }
    void make_random(unsigned seed);
    Result run(const Rows& x, const Rows& h, const Rows& c) const;

    std::vector<Cell> cells;   // layer * directions + direction
};
