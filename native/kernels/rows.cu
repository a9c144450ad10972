// Rows set, copied and masked.
#include "elements.cuh"

// x = 0. x [R, N].
extern "C" __global__ void zero(Tensor x)
{
    const int column = first_column();
    const int count = x.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < x.rows; row += row_step())
        store(Four{}, x.row(row) + column, count);
}

// y = x. x and y [R, N].
extern "C" __global__ void copy(Tensor x, Tensor y)
{
    const int column = first_column();
    const int count = y.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < y.rows; row += row_step())
        store(load(x.row(row) + column, count), y.row(row) + column, count);
}

// x becomes mask x. x [R, N], mask [R, 1].
extern "C" __global__ void mask_rows(Tensor x, Tensor mask)
{
    const int column = first_column();
    const int count = x.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < x.rows; row += row_step()) {
        Four values = load(x.row(row) + column, count);
        const float m = *mask.row(row);
        for (int k = 0; k < 4; k++)
            values[k] *= m;
        store(values, x.row(row) + column, count);
    }
}
