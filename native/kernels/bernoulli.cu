// Likelihood of binary values from logits o (model.md section 2.3).
#include "activations.cuh"
#include "dependent_launch.cuh"
#include "elements.cuh"
#include "reduce.cuh"

// nll = sum over d of softplus(o) - y o per row, nats. logits and y [R, D], nll [R, 1].
extern "C" __global__ void bernoulli_nll_forward(Tensor logits, Tensor y, Tensor nll)
{
    wait_for_earlier_kernels();
    __shared__ float partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    const float* const o = logits.row(row);
    const float* const target = y.row(row);
    float sum = 0.0f;
    for (int j = static_cast<int>(threadIdx.x); j < logits.columns; j += static_cast<int>(blockDim.x))
        sum += softplus(o[j]) - target[j] * o[j];
    sum = sum_block(sum, partial);
    if (threadIdx.x == 0)
        *nll.row(row) = sum;
}

// logits [R, D] become w (sigmoid(o) - y). y [R, D], w [R, 1].
extern "C" __global__ void bernoulli_nll_backward(Tensor logits, Tensor y, Tensor w)
{
    wait_for_earlier_kernels();
    for_elements(logits.rows, logits.columns, [&](auto width, int row, int column, int count) {
        auto o = load<width>(logits.row(row) + column, count);
        const auto target = load<width>(y.row(row) + column, count);
        const float weight = *w.row(row);
        for (int k = 0; k < width; k++)
            o[k] = weight * (sigmoid(o[k]) - target[k]);
        store(o, logits, row, column, count);
    });
}
