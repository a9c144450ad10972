// result = sum of values w, accumulated in double in a fixed order. values and w [R, 1], result [1, 1]; one block of 256 threads.
#include "dependent_launch.cuh"
#include "reduce.cuh"

extern "C" __global__ void weighted_sum(Tensor values, Tensor w, Tensor result)
{
    wait_for_earlier_kernels();
    __shared__ double partial[maximum_warps];
    double sum = 0.0;
    for (int row = static_cast<int>(threadIdx.x); row < values.rows; row += static_cast<int>(blockDim.x))
        sum += static_cast<double>(*values.row(row)) * static_cast<double>(*w.row(row));
    sum = sum_block(sum, partial);
    if (threadIdx.x == 0)
        *result.data = static_cast<float>(sum);
}
