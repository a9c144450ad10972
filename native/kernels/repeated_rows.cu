// Sums and products with a tensor [K, N] whose rows repeat every K: those of a batch at every time step, or one for all.
#include "elements.cuh"

// y = x + addend. x and y [R, N], addend [K, N]; y may be x or the addend.
extern "C" __global__ void add(Tensor x, Tensor addend, Tensor y)
{
    const int column = first_column();
    const int count = y.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < y.rows; row += row_step()) {
        Four sum = load(x.row(row) + column, count);
        const Four other = load(addend.row(row % addend.rows) + column, count);
        for (int k = 0; k < 4; k++)
            sum[k] += other[k];
        store(sum, y.row(row) + column, count);
    }
}

// y = x mask by elements, or, with accumulate, += it. x and y [R, N], mask [K, N]; y may be x.
extern "C" __global__ void multiply_elements(Tensor x, Tensor mask, Tensor y, int accumulate)
{
    const int column = first_column();
    const int count = y.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < y.rows; row += row_step()) {
        const Four values = load(x.row(row) + column, count);
        const Four factors = load(mask.row(row % mask.rows) + column, count);
        Four result = {};
        if (accumulate != 0)
            result = load(y.row(row) + column, count);
        for (int k = 0; k < 4; k++)
            result[k] += values[k] * factors[k];
        store(result, y.row(row) + column, count);
    }
}
