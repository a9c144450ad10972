// The Euclidean norm of a flat gradient, accumulated in double in a fixed order: at most 256 blocks leave a partial sum each, one block adds those.
#include "dependent_launch.cuh"
#include "elements.cuh"
#include "reduce.cuh"

// partial[gridDim.x] from x [1, N]; block 256.
extern "C" __global__ void sum_of_squares(Tensor x, double* partial)
{
    wait_for_earlier_kernels();
    __shared__ double warp_sums[maximum_warps];
    const long long step = 4ll * gridDim.x * blockDim.x;
    double sum = 0.0;
    for (long long j = 4ll * (blockIdx.x * blockDim.x + threadIdx.x); j < x.columns; j += step) {
        const Four values = load(x.data + j, static_cast<int>(x.columns - j));
        for (int k = 0; k < 4; k++)
            sum += static_cast<double>(values[k]) * static_cast<double>(values[k]);
    }
    sum = sum_block(sum, warp_sums);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = sum;
}

// result [1, 1] = sqrt of the sum of partial[count]; one block of 256 threads.
extern "C" __global__ void gradient_norm(double* partial, int count, Tensor result)
{
    wait_for_earlier_kernels();
    __shared__ double warp_sums[maximum_warps];
    const double sum = sum_block(static_cast<int>(threadIdx.x) < count ? partial[threadIdx.x] : 0.0, warp_sums);
    if (threadIdx.x == 0)
        *result.data = static_cast<float>(sqrt(sum));
}
