// Kullback-Leibler divergence of two diagonal Gaussians (model.md section 3), with d = mu_q - mu_p and rho = exp(lambda_q - lambda_p).
#include "dependent_launch.cuh"
#include "gaussian.cuh"
#include "reduce.cuh"

// kl = KL(q || p) per row, nats. q and p [R, 2Z] (p empty: the standard normal), kl [R, 1].
extern "C" __global__ void gaussian_kl_forward(Tensor q, Tensor p, Tensor kl, GaussianHead head)
{
    wait_for_earlier_kernels();
    __shared__ float partial[maximum_warps];
    const int n = q.columns / 2;
    const int row = static_cast<int>(blockIdx.x);
    const float* const q_row = q.row(row);
    const float* const p_row = p.is_empty() ? nullptr : p.row(row);
    float sum = 0.0f;
    for (int j = static_cast<int>(threadIdx.x); j < n; j += static_cast<int>(blockDim.x)) {
        float d = q_row[j];
        float lambda_p = 0.0f;
        if (p_row != nullptr) {
            d -= p_row[j];
            lambda_p = head.clamp(p_row[n + j]);
        }

        // rho - 1 - log rho: near rho = 1 exp(...) - 1 would cancel.
        const float log_rho = head.clamp(q_row[n + j]) - lambda_p;
        sum += expm1f(log_rho) - log_rho + d * d * expf(-lambda_p);
    }
    sum = sum_block(sum, partial);
    if (threadIdx.x == 0)
        *kl.row(row) = 0.5f * sum;
}

// Model.md B2: d_moments = omega w [d KL / d mu_q; d KL / d lambda_q]; p becomes its own output gradient, gate k applied.
// q, p (or empty) and d_moments [R, 2Z], w [R, 1], omega [1, 1].
extern "C" __global__ void gaussian_kl_backward(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor d_moments, GaussianHead head)
{
    wait_for_earlier_kernels();
    const int n = q.columns / 2;
    for_elements(q.rows, n, [&](auto width, int row, int column, int count) {
        const float weight = omega.scalar() * *w.row(row);
        auto d = load<width>(q.row(row) + column, count);
        const auto log_variance_q = load<width>(q.row(row) + n + column, count);
        float* const p_mean = p.is_empty() ? nullptr : p.row(row) + column;
        Elements<width> log_variance_p = {};
        if (p_mean != nullptr) {
            const auto mu_p = load<width>(p_mean, count);
            log_variance_p = load<width>(p_mean + n, count);
            for (int k = 0; k < width; k++)
                d[k] -= mu_p[k];
        }
        Elements<width> d_mu_q, d_lambda_q, d_mu_p, d_lambda_p;
        for (int k = 0; k < width; k++) {
            const float lambda_p = p_mean == nullptr ? 0.0f : head.clamp(log_variance_p[k]);
            const float inverse = expf(-lambda_p);
            const float rho_less_1 = expm1f(head.clamp(log_variance_q[k]) - lambda_p);
            d_mu_q[k] = weight * d[k] * inverse;
            d_lambda_q[k] = 0.5f * weight * rho_less_1;
            d_mu_p[k] = -d_mu_q[k];
            d_lambda_p[k] = head.gate(-0.5f * weight * (rho_less_1 + d[k] * d[k] * inverse), log_variance_p[k]);
        }
        float* const moments = d_moments.row(row) + column;
        store(d_mu_q, moments, count);
        store(d_lambda_q, moments + n, count);
        if (p_mean == nullptr)
            return;
        store(d_mu_p, p, row, column, count);
        store(d_lambda_p, p, row, n + column, count);
    });
}
