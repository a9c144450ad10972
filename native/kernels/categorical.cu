// Likelihood of a class from logits o (model.md section 2.3), by an online softmax: one pass finds logsumexp.
#include "reduce.cuh"

// The largest logit so far and the sum of exp(o - largest). Starts at the most negative finite number: an infinite one would make NaNs of logits of -infinity.
struct SoftmaxParts
{
    float largest;
    float sum;
};

__device__ inline SoftmaxParts no_logits() { return {-3.402823466e38f, 0.0f}; }

__device__ inline SoftmaxParts exchange(SoftmaxParts parts, int bit) { return {exchange(parts.largest, bit), exchange(parts.sum, bit)}; }

struct Join
{
    __device__ SoftmaxParts operator()(SoftmaxParts a, SoftmaxParts b) const
    {
        const bool a_is_larger = a.largest >= b.largest;
        const SoftmaxParts high = a_is_larger ? a : b;
        const SoftmaxParts low = a_is_larger ? b : a;
        return {high.largest, high.sum + low.sum * expf(low.largest - high.largest)};
    }
};

// Called by every thread of the block, which all get the parts of the whole row. A NaN among the logits makes the sum NaN.
__device__ inline SoftmaxParts softmax_parts(const float* logits, int columns, SoftmaxParts* partial)
{
    SoftmaxParts parts = no_logits();
    for (int j = static_cast<int>(threadIdx.x); j < columns; j += static_cast<int>(blockDim.x)) {
        const float o = logits[j];
        if (o > parts.largest)
            parts = {o, parts.sum * expf(parts.largest - o) + 1.0f};
        else
            parts.sum += expf(o - parts.largest);
    }
    return reduce_block(parts, partial, no_logits(), Join());
}

// nll = logsumexp(o) - o_y per row, nats. logits [R, V], y [R] ids, nll [R, 1].
extern "C" __global__ void categorical_nll_forward(Tensor logits, IdTensor y, Tensor nll)
{
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
