// The activity term gamma |h|^2 (model.md section 2.4).
#include "dependent_launch.cuh"
#include "elements.cuh"
#include "reduce.cuh"

// result = |h|^2 per row. h [R, H], result [R, 1].
extern "C" __global__ void squared_norm_forward(Tensor h, Tensor result)
{
    wait_for_earlier_kernels();
    __shared__ float partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    const float* const values = h.row(row);
    float sum = 0.0f;
    for (int j = static_cast<int>(threadIdx.x); j < h.columns; j += static_cast<int>(blockDim.x))
        sum += values[j] * values[j];
    sum = sum_block(sum, partial);
    if (threadIdx.x == 0)
        *result.row(row) = sum;
}

// dh += 2 gamma w h. h and dh [R, H], w [R, 1].
extern "C" __global__ void squared_norm_backward(Tensor h, Tensor w, float gamma, Tensor dh)
{
    wait_for_earlier_kernels();
    for_elements(h.rows, h.columns, [&](auto width, int row, int column, int count) {
        const auto values = load<width>(h.row(row) + column, count);
        auto d = load<width>(dh.row(row) + column, count);
        const float scale = 2.0f * gamma * *w.row(row);
        for (int k = 0; k < width; k++)
            d[k] += scale * values[k];
        store(d, dh.row(row) + column, count);
    });
}
