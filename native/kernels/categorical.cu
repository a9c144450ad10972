// Likelihood of a class from logits o (model.md section 2.3).
#include "dependent_launch.cuh"
#include "softmax.cuh"

// nll = logsumexp(o) - o_y per row, nats. logits [R, V], y [R] ids, nll [R, 1].
extern "C" __global__ void categorical_nll_forward(Tensor logits, IdTensor y, Tensor nll)
{
    wait_for_earlier_kernels();
    __shared__ SoftmaxParts partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    const float* const o = logits.row(row);
    const SoftmaxParts parts = softmax_parts(o, logits.columns, partial);
    if (threadIdx.x == 0)
        *nll.row(row) = parts.largest - o[y.data[row]] + logf(parts.sum);
}

// logits [R, V] become w (softmax(o) - onehot(y)). y [R] ids, w [R, 1].
extern "C" __global__ void categorical_nll_backward(Tensor logits, IdTensor y, Tensor w)
{
    wait_for_earlier_kernels();
    __shared__ SoftmaxParts partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    float* const o = logits.row(row);
    const SoftmaxParts parts = softmax_parts(o, logits.columns, partial);
    const int label = y.data[row];
    const float weight = *w.row(row);
    const float scale = weight / parts.sum;
    for (int j = static_cast<int>(threadIdx.x); j < logits.columns; j += static_cast<int>(blockDim.x)) {
        const float probability = scale * expf(o[j] - parts.largest);
        o[j] = j == label ? probability - weight : probability;
    }
}
