#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// A product C = op(A) op(B) + bias or C += op(A) op(B) on column-major host matrices, and what double precision makes of it.
struct HostProduct {
    bool transpose_a = false;
    bool transpose_b = false;
    int rows = 0;
    int columns = 0;
    int inner = 0;
    bool accumulates = false;
    int a_step = 0;
    int b_step = 0;
    int c_step = 0;
    std::vector<float> a;
    std::vector<float> b;
    std::vector<float> c;
    std::vector<float> bias;   // empty or one a row
    bool tf32 = false;

    // Matrices of random values with `gap` unused elements, NaN, between the columns.
    static HostProduct random(bool transpose_a, bool transpose_b, int rows, int columns, int inner, int gap, unsigned seed);

    // The operands become numbers that bf16 holds; returns them as bf16.
    static std::vector<std::uint16_t> to_bf16(std::vector<float>& operand);

    // Compares C as the device left it with the product, within the rounding that float32 sums may have.
    // Elements between the columns must be as before. Returns what is wrong, or an empty text.
    std::string difference(const std::vector<float>& result) const;
};

// TF32 rounding written with arithmetic only.
double rounded_to_tf32(double value);
