// Diagonal Gaussians in double precision, as model.md defines them.
#pragma once

#include "matrix.h"

#include <numbers>

inline double clamped(const GaussianHead& head, double log_variance)
{
    if (log_variance < head.log_variance_min)
        return head.log_variance_min;
    return log_variance > head.log_variance_max ? head.log_variance_max : log_variance;
}

inline double gate(const GaussianHead& head, double log_variance)
{
    return log_variance >= head.log_variance_min && log_variance <= head.log_variance_max ? 1 : 0;
}

// Log-variances beyond the clamp of both sides occur, and some exactly on it.
constexpr GaussianHead linear_head = {-1.5f, 1.0f, false};
constexpr GaussianHead tanh_head = {-1.5f, 1.0f, true};

inline Matrix random_output(int rows, int width, Layout layout)
{
    Matrix output = Matrix::random(rows, 2 * width, layout, -2, 2);
    output(0, width) = linear_head.log_variance_max;
    output(rows - 1, 2 * width - 1) = linear_head.log_variance_min;
    return output;
}

inline double square(double x) { return x * x; }
