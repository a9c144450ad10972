// One step of an LSTM (model.md sections 2.2 and 3), gate order i, f, u, o.
#include "dependent_launch.cuh"
#include "elements.cuh"
#include "lstm_cell.cuh"

template <int width>
__device__ inline void add_if_present(Elements<width>& a, const Tensor& addend, int row, int column, int count)
{
    if (addend.is_empty())
        return;
    const auto b = load<width>(addend.row(row) + column, count);
    for (int k = 0; k < width; k++)
        a[k] += b[k];
}

// Parts of the update that the mask [B, H] keeps, scaled (Semeniuta et al. 2016); all of it where there is none.
template <int width>
__device__ inline Elements<width> load_update_mask(const Tensor& mask, int row, int column, int count)
{
    if (!mask.is_empty())
        return load<width>(mask.row(row) + column, count);
    Elements<width> ones;
    for (int k = 0; k < width; k++)
        ones[k] = 1.0f;
    return ones;
}

// a = gates + addend from that column of the 4H on.
template <int width>
__device__ inline Elements<width> pre_activation(const Tensor& gates, const Tensor& addend, int row, int column, int count)
{
    auto a = load<width>(gates.row(row) + column, count);
    add_if_present(a, addend, row, column, count);
    return a;
}

// gates and addend [B, 4H] (the addend may be empty), validity [B, 1] or empty, update_mask m [B, H] or empty, the rest [B, H].
// Gates become their activations, c = v (f c_previous + i m u), h = v o tanh(c before v).
extern "C" __global__ void lstm_cell_forward(Tensor gates, Tensor addend, Tensor c_previous, Tensor validity, Tensor c, Tensor tanh_c, Tensor h,
    Tensor update_mask)
{
    wait_for_earlier_kernels();
    const int n = c.columns;
    for_elements(c.rows, n, [&](auto width, int row, int column, int count) {
        auto i = pre_activation<width>(gates, addend, row, column, count);
        auto f = pre_activation<width>(gates, addend, row, n + column, count);
        auto u = pre_activation<width>(gates, addend, row, 2 * n + column, count);
        auto o = pre_activation<width>(gates, addend, row, 3 * n + column, count);
        const auto previous = load<width>(c_previous.row(row) + column, count);
        const auto m = load_update_mask<width>(update_mask, row, column, count);
        const float v = validity.is_empty() ? 1.0f : *validity.row(row);
        Elements<width> cell, theta, hidden;
        for (int k = 0; k < width; k++) {
            LstmGates unit = {i[k], f[k], u[k], o[k]};
            const LstmState state = lstm_forward(unit, previous[k], v, m[k]);
            i[k] = unit.i;
            f[k] = unit.f;
            u[k] = unit.u;
            o[k] = unit.o;
            cell[k] = state.c;
            theta[k] = state.tanh_c;
            hidden[k] = state.h;
        }
        float* const activations = gates.row(row) + column;
        store(i, activations, count);
        store(f, activations + n, count);
        store(u, activations + 2 * n, count);
        store(o, activations + 3 * n, count);
        store(cell, c.row(row) + column, count);
        store(theta, tanh_c.row(row) + column, count);
        store(hidden, h, row, column, count);
    });
}

// CellBwd with dh = v (dh1 + dh2), of which either may be empty, and dc = v dc: gates [B, 4H] become da, dc [B, H] becomes that of the previous cell.
// update_mask [B, H] or empty.
extern "C" __global__ void lstm_cell_backward(Tensor gates, Tensor c_previous, Tensor tanh_c, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
    Tensor update_mask)
{
    wait_for_earlier_kernels();
    const int n = dc.columns;
    for_elements(dc.rows, n, [&](auto width, int row, int column, int count) {
        float* const activations = gates.row(row) + column;
        auto i = load<width>(activations, count);
        auto f = load<width>(activations + n, count);
        auto u = load<width>(activations + 2 * n, count);
        auto o = load<width>(activations + 3 * n, count);
        const auto theta = load<width>(tanh_c.row(row) + column, count);
        const auto previous = load<width>(c_previous.row(row) + column, count);
        Elements<width> dh = {};
        add_if_present(dh, dh1, row, column, count);
        add_if_present(dh, dh2, row, column, count);
        auto d = load<width>(dc.row(row) + column, count);
        const auto m = load_update_mask<width>(update_mask, row, column, count);
        const float v = validity.is_empty() ? 1.0f : *validity.row(row);
        for (int k = 0; k < width; k++) {
            LstmGates unit = {i[k], f[k], u[k], o[k]};
            lstm_backward(unit, d[k], dh[k], previous[k], theta[k], v, m[k]);
            i[k] = unit.i;
            f[k] = unit.f;
            u[k] = unit.u;
            o[k] = unit.o;
        }
        store(i, gates, row, column, count);
        store(f, gates, row, n + column, count);
        store(u, gates, row, 2 * n + column, count);
        store(o, gates, row, 3 * n + column, count);
        store(d, dc.row(row) + column, count);
    });
}
