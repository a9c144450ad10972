// y = phi(x w + bias) for a thin x, through tiles in shared memory, in full float32 and a fixed order.
// x [R, K], w [K, N], bias [1, N], y [R, N]; block (32, 8), grid (N / 32, R / 32): a 32 x 32 tile of y a block, four rows a thread.
#include "activations.cuh"
#include "dependent_launch.cuh"

extern "C" __global__ void multiply_leaky_relu(Tensor x, Tensor w, Tensor bias, Tensor y, LeakyRelu phi)
{
    wait_for_earlier_kernels();
    constexpr int tile_size = 32;
    constexpr int rows_per_thread = 4;
    constexpr int row_distance = tile_size / rows_per_thread;
    __shared__ float x_tile[tile_size][tile_size];
    __shared__ float w_tile[tile_size][tile_size];
    const int lane = static_cast<int>(threadIdx.x);
    const int first = static_cast<int>(threadIdx.y);
    const int first_row = tile_size * static_cast<int>(blockIdx.y);
    const int column = tile_size * static_cast<int>(blockIdx.x) + lane;
    float sum[rows_per_thread] = {};
    for (int start = 0; start < x.columns; start += tile_size) {
        // Zeros past the edges add nothing.
        for (int i = first; i < tile_size; i += row_distance) {
            x_tile[i][lane] = first_row + i < x.rows && start + lane < x.columns ? x.row(first_row + i)[start + lane] : 0.0f;
            w_tile[i][lane] = start + i < w.rows && column < w.columns ? w.row(start + i)[column] : 0.0f;
        }
        __syncthreads();
        for (int k = 0; k < tile_size; k++)
            for (int i = 0; i < rows_per_thread; i++)
                sum[i] = fmaf(x_tile[first + i * row_distance][k], w_tile[k][lane], sum[i]);
        __syncthreads();
    }
    if (column >= y.columns)
        return;
    for (int i = 0; i < rows_per_thread; i++) {
        const int row = first_row + first + i * row_distance;
        if (row < y.rows)
            y.row(row)[column] = phi(sum[i] + bias.data[column]);
    }
}
