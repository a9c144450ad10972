// y = x transposed. x [R, C], y [C, R]; block (32, 8), grid (C / 32, R / 32).
#include "dependent_launch.cuh"
#include "tensor.cuh"

extern "C" __global__ void transpose(Tensor x, Tensor y)
{
    wait_for_earlier_kernels();
    constexpr int tile_size = 32;

    // The extra column keeps the lanes that read a column in different banks.
    __shared__ float tile[tile_size][tile_size + 1];
    const int lane = static_cast<int>(threadIdx.x);
    const int first_row = tile_size * static_cast<int>(blockIdx.y);
    const int first_column = tile_size * static_cast<int>(blockIdx.x);
    for (int i = static_cast<int>(threadIdx.y); i < tile_size; i += static_cast<int>(blockDim.y))
        if (first_row + i < x.rows && first_column + lane < x.columns)
            tile[i][lane] = x.row(first_row + i)[first_column + lane];
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.y); i < tile_size; i += static_cast<int>(blockDim.y))
        if (first_column + i < x.columns && first_row + lane < x.rows)
            y.row(first_column + i)[first_row + lane] = tile[lane][i];
}
