// Sums and products with a tensor [K, N] whose rows repeat every K: those of a batch at every time step, or one for all.
#include "dependent_launch.cuh"
#include "elements.cuh"

// y = x + addend. x and y [R, N], addend [K, N]; y may be x or the addend.
extern "C" __global__ void add(Tensor x, Tensor addend, Tensor y)
{
    wait_for_earlier_kernels();
    for_elements(y.rows, y.columns, [&](auto width, int row, int column, int count) {
        auto sum = load<width>(x.row(row) + column, count);
        const auto other = load<width>(addend.row(row % addend.rows) + column, count);
        for (int k = 0; k < width; k++)
            sum[k] += other[k];
        store(sum, y, row, column, count);
    });
}

// y = x mask by elements, or, with accumulate, += it. x and y [R, N], mask [K, N]; y may be x.
extern "C" __global__ void multiply_elements(Tensor x, Tensor mask, Tensor y, int accumulate)
{
    wait_for_earlier_kernels();
    for_elements(y.rows, y.columns, [&](auto width, int row, int column, int count) {
        const auto values = load<width>(x, row, column, count);
        const auto factors = load<width>(mask.row(row % mask.rows) + column, count);
        Elements<width> result = {};
        if (accumulate != 0)
            result = load<width>(y.row(row) + column, count);
        for (int k = 0; k < width; k++)
            result[k] += values[k] * factors[k];
        store(result, y, row, column, count);
    });
}
