#pragma once

#include <cstddef>
#include <string>
#include <vector>

// A product D = alpha op(A) op(B) + beta C on column-major host matrices, and what double precision makes of it.
struct HostProduct {
    bool transpose_a = false;
    bool transpose_b = false;
    int rows = 0;
    int columns = 0;
    int inner = 0;
    float alpha = 1;
    float beta = 0;
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

    // Compares the matrix `d` of leading dimension c_step with the product, within the rounding that float32 sums may have.
    // Elements between the columns must be those of C. Returns what is wrong, or an empty text.
    std::string difference(const std::vector<float>& d) const;
};

// TF32 rounding written with arithmetic only.
double rounded_to_tf32(double value);
