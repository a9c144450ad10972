// Log density of a diagonal Gaussian (model.md sections 2.3 and 3), with r = target - mu.
#include "dependent_launch.cuh"
#include "gaussian.cuh"
#include "reduce.cuh"

// result = sign log N(target; mu, e^lambda) per row, nats. target [R, N], output [R, 2N] (empty: the standard normal), result [R, 1].
extern "C" __global__ void gaussian_log_density_forward(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
{
    wait_for_earlier_kernels();
    __shared__ float partial[maximum_warps];
    const int n = target.columns;
    const int row = static_cast<int>(blockIdx.x);
    const float* const target_row = target.row(row);
    const float* const output_row = output.is_empty() ? nullptr : output.row(row);
    float sum = 0.0f;
    for (int j = static_cast<int>(threadIdx.x); j < n; j += static_cast<int>(blockDim.x)) {
        float r = target_row[j];
        float lambda = 0.0f;
        if (output_row != nullptr) {
            r -= output_row[j];
            lambda = head.clamp(output_row[n + j]);
        }
        sum += lambda + r * r * expf(-lambda);
    }
    sum = sum_block(sum, partial);
    if (threadIdx.x == 0)
        *result.row(row) = -0.5f * sign * (static_cast<float>(n) * log_two_pi + sum);
}

// Gradient of -coefficient w log N(target; mu, e^lambda) with respect to [mu; lambda] (model.md B3, B4) into d_output [R, 2N], which may be output;
// where through_output, times tau' and the gate k. d_target [R, N], where given, receives (or with accumulate_target is added) the gradient with respect
// to the target times target_mask [R, 1] (empty: 1). target [R, N], output [R, 2N], w [R, 1], coefficient [1, 1].
extern "C" __global__ void gaussian_log_density_backward(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor d_output, int through_output,
    Tensor d_target, Tensor target_mask, int accumulate_target, GaussianHead head)
{
    wait_for_earlier_kernels();
    const int n = target.columns;
    for_elements(target.rows, n, [&](auto width, int row, int column, int count) {
        const float weight = coefficient.scalar() * *w.row(row);
        const auto x = load<width>(target.row(row) + column, count);
        const auto mu = load<width>(output.row(row) + column, count);
        const auto log_variance = load<width>(output.row(row) + n + column, count);
        Elements<width> d_mu, d_lambda, d_x;
        for (int k = 0; k < width; k++) {
            const float inverse = expf(-head.clamp(log_variance[k]));
            const float r = x[k] - mu[k];
            d_x[k] = weight * r * inverse;
            d_mu[k] = -d_x[k];
            d_lambda[k] = 0.5f * weight * (1.0f - r * r * inverse);
            if (through_output != 0) {
                d_lambda[k] = head.gate(d_lambda[k], log_variance[k]);
                if (head.tanh_mean)
                    d_mu[k] *= 1.0f - mu[k] * mu[k];
            }
        }
        store(d_mu, d_output, row, column, count);
        store(d_lambda, d_output, row, n + column, count);
        if (d_target.is_empty())
            return;
        const float mask = target_mask.is_empty() ? 1.0f : *target_mask.row(row);
        float* const sink = d_target.row(row) + column;
        Elements<width> total = {};
        if (accumulate_target != 0)
            total = load<width>(sink, count);
        for (int k = 0; k < width; k++)
            total[k] += mask * d_x[k];
        store(total, sink, count);
    });
}
