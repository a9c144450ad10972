// Sums over the rows: the gradient of a bias.
#include "dependent_launch.cuh"
#include "tensor.cuh"

// Row s of sums [S, N] = sum of the s-th of S slices of the rows of dy [R, N], or, with accumulate, += it; a bias takes S = 1. Many rows make two launches:
// their slices into as many rows of scratch, those into the bias. Grid (N / 32, S), block (32, 16): a warp reads 32 columns of a row, warp y the slice's rows
// y, y + 16 ...
extern "C" __global__ void column_sums(Tensor dy, Tensor sums, int accumulate)
{
    wait_for_earlier_kernels();
    constexpr int lanes = 32;
    constexpr int warps = 16;
    __shared__ float partial[warps][lanes];
    const int lane = static_cast<int>(threadIdx.x);
    const int warp = static_cast<int>(threadIdx.y);
    const int column = lanes * static_cast<int>(blockIdx.x) + lane;
    const int slice = static_cast<int>(blockIdx.y);
    const int slice_rows = (dy.rows + sums.rows - 1) / sums.rows;
    const int start = slice * slice_rows;
    const int end = start + slice_rows < dy.rows ? start + slice_rows : dy.rows;
    float sum = 0.0f;
    if (column < dy.columns)
        for (int row = start + warp; row < end; row += warps)
            sum += dy.row(row)[column];
    partial[warp][lane] = sum;
    __syncthreads();
    if (warp != 0 || column >= dy.columns)
        return;
    for (int i = 1; i < warps; i++)
        sum += partial[i][lane];
    float* const target = sums.row(slice) + column;
    *target = accumulate != 0 ? *target + sum : sum;
}
