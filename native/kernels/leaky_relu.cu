// The hidden activation of the networks and its derivative.
#include "activations.cuh"
#include "dependent_launch.cuh"
#include "elements.cuh"

// y = phi(x + addend). x and y [R, M]; y may be x or the addend; addend [R, M], [1, M] (a bias) or empty.
extern "C" __global__ void leaky_relu_forward(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
{
    wait_for_earlier_kernels();
    for_elements(y.rows, y.columns, [&](auto width, int row, int column, int count) {
        auto a = load<width>(x.row(row) + column, count);
        if (!addend.is_empty()) {
            const auto b = load<width>(addend.row(addend.rows == 1 ? 0 : row) + column, count);
            for (int k = 0; k < width; k++)
                a[k] += b[k];
        }
        for (int k = 0; k < width; k++)
            a[k] = phi(a[k]);
        store(a, y, row, column, count);
    });
}

// dx = dy phi', from the output y; where mask [R, 1] is given, masked_dx = mask dx as well. The rest [R, M]; dx may be dy.
extern "C" __global__ void leaky_relu_backward(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor masked_dx, LeakyRelu phi)
{
    wait_for_earlier_kernels();
    for_elements(dx.rows, dx.columns, [&](auto width, int row, int column, int count) {
        auto d = load<width>(dy.row(row) + column, count);
        const auto output = load<width>(y.row(row) + column, count);
        for (int k = 0; k < width; k++)
            d[k] = phi.backward(d[k], output[k]);
        store(d, dx, row, column, count);
        if (mask.is_empty())
            return;
        const float m = *mask.row(row);
        for (int k = 0; k < width; k++)
            d[k] *= m;
        store(d, masked_dx, row, column, count);
    });
}
