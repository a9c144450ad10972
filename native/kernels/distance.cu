// Euclidean distances of rows, by which TwinNet (Serdyuk et al. 2018) matches states.
#include "dependent_launch.cuh"
#include "reduce.cuh"

// |x - target| of a row, for every thread of the block.
__device__ inline float distance_of(const float* x, const float* target, int columns, float* partial)
{
    float sum = 0.0f;
    for (int j = static_cast<int>(threadIdx.x); j < columns; j += static_cast<int>(blockDim.x)) {
        const float difference = x[j] - target[j];
        sum += difference * difference;
    }
    return sqrtf(sum_block(sum, partial));
}

// result = |x - target| per row. x and target [R, N], result [R, 1].
extern "C" __global__ void distance_forward(Tensor x, Tensor target, Tensor result)
{
    wait_for_earlier_kernels();
    __shared__ float partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    const float distance = distance_of(x.row(row), target.row(row), x.columns, partial);
    if (threadIdx.x == 0)
        *result.row(row) = distance;
}

// dx = coefficient w (x - target) / |x - target| per row, 0 where the distance is. x, target and dx [R, N], w [R, 1], coefficient [1, 1]; dx may be x.
extern "C" __global__ void distance_backward(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
{
    wait_for_earlier_kernels();
    __shared__ float partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    const float* const values = x.row(row);
    const float* const target_row = target.row(row);
    float* const gradient = dx.row(row);
    const float distance = distance_of(values, target_row, x.columns, partial);
    const float scale = distance == 0.0f ? 0.0f : coefficient.scalar() * *w.row(row) / distance;

    // A thread writes the columns that it alone has read.
    for (int j = static_cast<int>(threadIdx.x); j < x.columns; j += static_cast<int>(blockDim.x))
        gradient[j] = scale * (values[j] - target_row[j]);
}
