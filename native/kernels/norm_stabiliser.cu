// The norm stabiliser (Krueger and Memisevic 2016): squared differences of the norms of states that follow each other. Norms in double: their difference
// cancels.
#include "dependent_launch.cuh"
#include "elements.cuh"
#include "reduce.cuh"

// |h| of a row, for every thread of the block.
__device__ inline double norm_of(const float* h, int columns, double* partial)
{
    double sum = 0.0;
    for (int j = static_cast<int>(threadIdx.x); j < columns; j += static_cast<int>(blockDim.x))
        sum += static_cast<double>(h[j]) * static_cast<double>(h[j]);
    return sqrt(sum_block(sum, partial));
}

// result = (|h of the next step| - |h|)^2 per row. h [(T + 1) B, H] by slot, result [T B, 1].
extern "C" __global__ void norm_stabiliser_forward(Tensor h, Tensor result)
{
    wait_for_earlier_kernels();
    __shared__ double partial[maximum_warps];
    __shared__ double next_partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    const int batch = h.rows - result.rows;
    const double difference = norm_of(h.row(row + batch), h.columns, next_partial) - norm_of(h.row(row), h.columns, partial);
    if (threadIdx.x == 0)
        *result.row(row) = static_cast<float>(difference * difference);
}

// dh += coefficient times the gradient of the sum of w times the above; a state of norm 0 gets nothing. h and dh [(T + 1) B, H] by slot, w [T B, 1].
// A state is the later one of a step and the earlier one of the next.
extern "C" __global__ void norm_stabiliser_backward(Tensor h, Tensor w, float coefficient, Tensor dh)
{
    wait_for_earlier_kernels();
    __shared__ double partial[maximum_warps];
    __shared__ double before_partial[maximum_warps];
    __shared__ double next_partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    const int batch = h.rows - w.rows;
    const float* const values = h.row(row);
    const double norm = norm_of(values, h.columns, partial);
    if (norm == 0.0)
        return;
    double slope = 0.0;
    if (row >= batch)
        slope += static_cast<double>(*w.row(row - batch)) * (norm - norm_of(h.row(row - batch), h.columns, before_partial));
    if (row < w.rows)
        slope -= static_cast<double>(*w.row(row)) * (norm_of(h.row(row + batch), h.columns, next_partial) - norm);
    const float scale = static_cast<float>(2.0 * static_cast<double>(coefficient) * slope / norm);
    float* const target = dh.row(row);
    for (int j = static_cast<int>(threadIdx.x); j < h.columns; j += static_cast<int>(blockDim.x))
        target[j] += scale * values[j];
}
