// Rows set, copied and masked.
#include "dependent_launch.cuh"
#include "elements.cuh"

// x = 0. x [R, N].
extern "C" __global__ void zero(Tensor x)
{
    wait_for_earlier_kernels();
    for_elements(x.rows, x.columns, [&](auto width, int row, int column, int count) {
        store(Elements<width>{}, x, row, column, count);
    });
}

// y = x. x and y [R, N].
extern "C" __global__ void copy(Tensor x, Tensor y)
{
    wait_for_earlier_kernels();
    for_elements(y.rows, y.columns, [&](auto width, int row, int column, int count) {
        store(load<width>(x, row, column, count), y, row, column, count);
    });
}

// x becomes mask x. x [R, N], mask [R, 1].
extern "C" __global__ void mask_rows(Tensor x, Tensor mask)
{
    wait_for_earlier_kernels();
    for_elements(x.rows, x.columns, [&](auto width, int row, int column, int count) {
        auto values = load<width>(x.row(row) + column, count);
        const float m = *mask.row(row);
        for (int k = 0; k < width; k++)
            values[k] *= m;
        store(values, x, row, column, count);
    });
}
