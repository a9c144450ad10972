// Zoneout (Krueger et al. 2017): states that keep some of their values. The rows of keep [K, N] repeat every K.
#include "dependent_launch.cuh"
#include "elements.cuh"

// y = keep previous + (1 - keep) candidate, exact where keep is 0 or 1. The rest [R, N]; y may be previous or candidate.
extern "C" __global__ void mix(Tensor previous, Tensor candidate, Tensor keep, Tensor y)
{
    wait_for_earlier_kernels();
    for_elements(y.rows, y.columns, [&](auto width, int row, int column, int count) {
        const auto old = load<width>(previous.row(row) + column, count);
        auto mixed = load<width>(candidate.row(row) + column, count);
        const auto kept = load<width>(keep.row(row % keep.rows) + column, count);
        for (int k = 0; k < width; k++)
            mixed[k] = kept[k] * old[k] + (1.0f - kept[k]) * mixed[k];
        store(mixed, y, row, column, count);
    });
}

// With dy = dy1 + dy2, of which either may be empty: d_previous = keep dy, or, with accumulate, += it, where it is given; d_candidate = (1 - keep) dy.
// The rest [R, N]; d_previous and d_candidate may each be dy1 or dy2.
extern "C" __global__ void mix_backward(Tensor dy1, Tensor dy2, Tensor keep, Tensor d_previous, Tensor d_candidate, int accumulate)
{
    wait_for_earlier_kernels();
    for_elements(d_candidate.rows, d_candidate.columns, [&](auto width, int row, int column, int count) {
        Elements<width> first = {}, second = {}, old = {};
        if (!dy1.is_empty())
            first = load<width>(dy1.row(row) + column, count);
        if (!dy2.is_empty())
            second = load<width>(dy2.row(row) + column, count);
        if (accumulate != 0 && !d_previous.is_empty())
            old = load<width>(d_previous.row(row) + column, count);
        const auto kept = load<width>(keep.row(row % keep.rows) + column, count);
        for (int k = 0; k < width; k++) {
            const float d = first[k] + second[k];
            old[k] += kept[k] * d;
            first[k] = (1.0f - kept[k]) * d;
        }
        if (!d_previous.is_empty())
            store(old, d_previous.row(row) + column, count);
        store(first, d_candidate.row(row) + column, count);
    });
}
