// Likelihood of a mixture of K diagonal Gaussians. A row of the output [K (2N + 1)] holds K logits a, K means of N and K log-variances of N, component by
// component.
#include "dependent_launch.cuh"
#include "gaussian.cuh"
#include "softmax.cuh"

constexpr int maximum_components = 1024;

// joint[k] = a_k + log N(target; mu_k, e^lambda_k), a warp for a component, complete for every thread of the block.
__device__ inline void joint_log_densities(const float* output, const float* target, int n, int components, const GaussianHead& head, float* joint)
{
    const int warps = static_cast<int>(blockDim.x) / warp_size;
    const int lane = static_cast<int>(threadIdx.x) % warp_size;
    for (int k = static_cast<int>(threadIdx.x) / warp_size; k < components; k += warps) {
        const float* const mu = output + components + k * n;
        const float* const log_variance = mu + components * n;
        float sum = 0.0f;
        for (int j = lane; j < n; j += warp_size) {
            const float r = target[j] - mu[j];
            const float lambda = head.clamp(log_variance[j]);
            sum += lambda + r * r * expf(-lambda);
        }
        sum = reduce_warp(sum, Sum<float>());
        if (lane == 0)
            joint[k] = output[k] - 0.5f * (static_cast<float>(n) * log_two_pi + sum);
    }
    __syncthreads();
}

// nll = logsumexp(a) - logsumexp(joint) per row, nats. output [R, K (2N + 1)], target [R, N], nll [R, 1].
extern "C" __global__ void gaussian_mixture_nll_forward(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
{
    wait_for_earlier_kernels();
    __shared__ float joint[maximum_components];
    __shared__ SoftmaxParts prior_partial[maximum_warps];
    __shared__ SoftmaxParts joint_partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    const float* const o = output.row(row);
    joint_log_densities(o, target.row(row), target.columns, components, head, joint);
    const SoftmaxParts prior = softmax_parts(o, components, prior_partial);
    const SoftmaxParts density = softmax_parts(joint, components, joint_partial);
    if (threadIdx.x == 0)
        *nll.row(row) = prior.largest - density.largest + logf(prior.sum / density.sum);
}

// The output becomes w times the gradient, with the prior pi and the posterior gamma of the components: of logits pi - gamma, of moments gamma times those of
// a single Gaussian, tau' and the gate k applied. Shapes as above, w [R, 1].
extern "C" __global__ void gaussian_mixture_nll_backward(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
{
    wait_for_earlier_kernels();
    __shared__ float joint[maximum_components];
    __shared__ SoftmaxParts prior_partial[maximum_warps];
    __shared__ SoftmaxParts joint_partial[maximum_warps];
    const int row = static_cast<int>(blockIdx.x);
    const int n = target.columns;
    float* const o = output.row(row);
    const float* const x = target.row(row);
    const float weight = *w.row(row);
    const int thread = static_cast<int>(threadIdx.x);
    const int threads = static_cast<int>(blockDim.x);
    joint_log_densities(o, x, n, components, head, joint);
    const SoftmaxParts prior = softmax_parts(o, components, prior_partial);
    const SoftmaxParts density = softmax_parts(joint, components, joint_partial);

    // Each thread changes what it alone has read since the barrier; then the joint density's place holds w gamma.
    for (int k = thread; k < components; k += threads) {
        const float posterior = weight * expf(joint[k] - density.largest) / density.sum;
        o[k] = weight * expf(o[k] - prior.largest) / prior.sum - posterior;
        joint[k] = posterior;
    }
    __syncthreads();
    float* const means = o + components;
    float* const log_variances = means + components * n;
    for (int i = thread; i < components * n; i += threads) {
        const float mu = means[i];
        const float log_variance = log_variances[i];
        const float inverse = expf(-head.clamp(log_variance));
        const float r = x[i % n] - mu;
        const float posterior = joint[i / n];
        const float d_mu = -posterior * r * inverse;
        means[i] = head.tanh_mean ? d_mu * (1.0f - mu * mu) : d_mu;
        log_variances[i] = head.gate(0.5f * posterior * (1.0f - r * r * inverse), log_variance);
    }
}
