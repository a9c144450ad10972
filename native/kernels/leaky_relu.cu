// The hidden activation of the networks and its derivative.
#include "activations.cuh"
#include "elements.cuh"

// y = phi(x + addend). x and y [R, M]; y may be x or the addend; addend [R, M], [1, M] (a bias) or empty.
extern "C" __global__ void leaky_relu_forward(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
{
    const int column = first_column();
    const int count = y.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < y.rows; row += row_step()) {
        Four a = load(x.row(row) + column, count);
        if (!addend.is_empty()) {
            const Four b = load(addend.row(addend.rows == 1 ? 0 : row) + column, count);
            for (int k = 0; k < 4; k++)
                a[k] += b[k];
        }
        for (int k = 0; k < 4; k++)
            a[k] = phi(a[k]);
        store(a, y.row(row) + column, count);
    }
}

// dx = dy phi', from the output y; where mask [R, 1] is given, masked_dx = mask dx as well. The rest [R, M]; dx may be dy.
extern "C" __global__ void leaky_relu_backward(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor masked_dx, LeakyRelu phi)
{
    const int column = first_column();
    const int count = dx.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < dx.rows; row += row_step()) {
        Four d = load(dy.row(row) + column, count);
        const Four output = load(y.row(row) + column, count);
        for (int k = 0; k < 4; k++)
            d[k] = phi.backward(d[k], output[k]);
        store(d, dx.row(row) + column, count);
        if (mask.is_empty())
            continue;
        const float m = *mask.row(row);
        for (int k = 0; k < 4; k++)
            d[k] *= m;
        store(d, masked_dx.row(row) + column, count);
    }
}
