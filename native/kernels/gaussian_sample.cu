// Reparameterised samples of a diagonal Gaussian (model.md sections 2.2 and 3).
#include "dependent_launch.cuh"
#include "gaussian.cuh"

// mu = tau(mean) in place, sample = mu + exp(lambda / 2) noise; without noise, sample = mu; without sample, only tau.
// output [R, 2N]; noise and sample [R, N] or empty.
extern "C" __global__ void sample_gaussian_forward(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
{
    wait_for_earlier_kernels();
    const int n = output.columns / 2;
    for_elements(output.rows, n, [&](auto width, int row, int column, int count) {
        float* const mean = output.row(row) + column;
        auto mu = load<width>(mean, count);
        if (head.tanh_mean) {
            for (int k = 0; k < width; k++)
                mu[k] = tanhf(mu[k]);
            store(mu, mean, count);
        }
        if (sample.is_empty())
            return;
        if (!noise.is_empty()) {
            const auto log_variance = load<width>(mean + n, count);
            const auto epsilon = load<width>(noise.row(row) + column, count);
            for (int k = 0; k < width; k++)
                mu[k] += head.deviation(log_variance[k], epsilon[k]);
        }
        store(mu, sample, row, column, count);
    });
}

// With s = d_sample1 + d_sample2 (the second may be empty), output [R, 2N] becomes its own gradient
// [(d_mu0 + s) tau' ; (d_lambda0 + s noise exp(lambda / 2) / 2) k], model.md B5, 3 and 6. d_moments [R, 2N] = [d_mu0; d_lambda0]; noise [R, N] or empty.
extern "C" __global__ void sample_gaussian_backward(Tensor d_sample1, Tensor d_sample2, Tensor noise, Tensor d_moments, Tensor output, GaussianHead head)
{
    wait_for_earlier_kernels();
    const int n = output.columns / 2;
    for_elements(output.rows, n, [&](auto width, int row, int column, int count) {
        auto s = load<width>(d_sample1.row(row) + column, count);
        if (!d_sample2.is_empty()) {
            const auto second = load<width>(d_sample2.row(row) + column, count);
            for (int k = 0; k < width; k++)
                s[k] += second[k];
        }
        float* const mean = output.row(row) + column;
        const auto mu = load<width>(mean, count);
        const auto log_variance = load<width>(mean + n, count);
        const float* const moments = d_moments.row(row) + column;
        auto d_mu = load<width>(moments, count);
        auto d_lambda = load<width>(moments + n, count);
        if (!noise.is_empty()) {
            const auto epsilon = load<width>(noise.row(row) + column, count);
            for (int k = 0; k < width; k++)
                d_lambda[k] += head.deviation_backward(s[k], log_variance[k], epsilon[k]);
        }
        for (int k = 0; k < width; k++) {
            d_mu[k] = head.mean_backward(d_mu[k] + s[k], mu[k]);
            d_lambda[k] = head.gate(d_lambda[k], log_variance[k]);
        }
        store(d_mu, output, row, column, count);
        store(d_lambda, output, row, n + column, count);
    });
}
