// Zoneout (Krueger et al. 2017): states that keep some of their values. The rows of keep [K, N] repeat every K.
#include "elements.cuh"

// y = keep previous + (1 - keep) candidate, exact where keep is 0 or 1. The rest [R, N]; y may be previous or candidate.
extern "C" __global__ void mix(Tensor previous, Tensor candidate, Tensor keep, Tensor y)
{
    const int column = first_column();
    const int count = y.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < y.rows; row += row_step()) {
        const Four old = load(previous.row(row) + column, count);
        Four mixed = load(candidate.row(row) + column, count);
        const Four kept = load(keep.row(row % keep.rows) + column, count);
        for (int k = 0; k < 4; k++)
            mixed[k] = kept[k] * old[k] + (1.0f - kept[k]) * mixed[k];
        store(mixed, y.row(row) + column, count);
    }
}

// With dy = dy1 + dy2, of which either may be empty: d_previous = keep dy, or, with accumulate, += it, where it is given; d_candidate = (1 - keep) dy.
// The rest [R, N]; d_previous and d_candidate may each be dy1 or dy2.
extern "C" __global__ void mix_backward(Tensor dy1, Tensor dy2, Tensor keep, Tensor d_previous, Tensor d_candidate, int accumulate)
{
    const int column = first_column();
    const int count = d_candidate.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < d_candidate.rows; row += row_step()) {
        Four first = {}, second = {}, old = {};
        if (!dy1.is_empty())
            first = load(dy1.row(row) + column, count);
        if (!dy2.is_empty())
            second = load(dy2.row(row) + column, count);
        if (accumulate != 0 && !d_previous.is_empty())
            old = load(d_previous.row(row) + column, count);
        const Four kept = load(keep.row(row % keep.rows) + column, count);
        for (int k = 0; k < 4; k++) {
            const float d = first[k] + second[k];
            old[k] += kept[k] * d;
            first[k] = (1.0f - kept[k]) * d;
        }
        if (!d_previous.is_empty())
            store(old, d_previous.row(row) + column, count);
        store(first, d_candidate.row(row) + column, count);
    }
}
