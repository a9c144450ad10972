// logsumexp of a row by an online softmax: one pass finds the largest value and the sum.
#pragma once

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
