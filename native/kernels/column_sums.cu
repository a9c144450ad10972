// Sums over the rows: the gradient of a bias.
#include "tensor.cuh"

// d_bias [1, N] = sum over the rows of dy [R, N], or, with accumulate, += it. Block (32, 16): a warp reads 32 columns of a row, warp y the rows y, y + 16 ...
extern "C" __global__ void column_sums(Tensor dy, Tensor d_bias, int accumulate)
{
    constexpr int lanes = 32;
    constexpr int warps = 16;
    __shared__ float partial[warps][lanes];
    const int lane = static_cast<int>(threadIdx.x);
    const int warp = static_cast<int>(threadIdx.y);
    const int column = lanes * static_cast<int>(blockIdx.x) + lane;
    float sum = 0.0f;
    if (column < dy.columns)
        for (int row = warp; row < dy.rows; row += warps)
            sum += dy.row(row)[column];
    partial[warp][lane] = sum;
    __syncthreads();
    if (warp != 0 || column >= dy.columns)
        return;
    for (int i = 1; i < warps; i++)
        sum += partial[i][lane];
    float* const target = d_bias.data + column;
    *target = accumulate != 0 ? *target + sum : sum;
}
