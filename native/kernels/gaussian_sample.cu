// Reparameterised samples of a diagonal Gaussian (model.md sections 2.2 and 3).
#include "gaussian.cuh"

// mu = tau(mean) in place, sample = mu + exp(lambda / 2) noise; without noise, sample = mu; without sample, only tau.
// output [R, 2N]; noise and sample [R, N] or empty.
extern "C" __global__ void sample_gaussian_forward(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
{
    const int n = output.columns / 2;
    const int column = first_column();
    const int count = n - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < output.rows; row += row_step()) {
        float* const mean = output.row(row) + column;
        Four mu = load(mean, count);
        if (head.tanh_mean) {
            for (int k = 0; k < 4; k++)
                mu[k] = tanhf(mu[k]);
            store(mu, mean, count);
        }
        if (sample.is_empty())
            continue;
        if (!noise.is_empty()) {
            const Four log_variance = load(mean + n, count);
            const Four epsilon = load(noise.row(row) + column, count);
            for (int k = 0; k < 4; k++)
                mu[k] += expf(0.5f * head.clamp(log_variance[k])) * epsilon[k];
        }
        store(mu, sample.row(row) + column, count);
    }
}

// With s = d_sample1 + d_sample2 (the second may be empty), output [R, 2N] becomes its own gradient
// [(d_mu0 + s) tau' ; (d_lambda0 + s noise exp(lambda / 2) / 2) k], model.md B5, 3 and 6. d_moments [R, 2N] = [d_mu0; d_lambda0]; noise [R, N] or empty.
extern "C" __global__ void sample_gaussian_backward(Tensor d_sample1, Tensor d_sample2, Tensor noise, Tensor d_moments, Tensor output, GaussianHead head)
{
    const int n = output.columns / 2;
    const int column = first_column();
    const int count = n - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < output.rows; row += row_step()) {
        Four s = load(d_sample1.row(row) + column, count);
        if (!d_sample2.is_empty()) {
            const Four second = load(d_sample2.row(row) + column, count);
            for (int k = 0; k < 4; k++)
                s[k] += second[k];
        }
        float* const mean = output.row(row) + column;
        const Four mu = load(mean, count);
        const Four log_variance = load(mean + n, count);
        const float* const moments = d_moments.row(row) + column;
        Four d_mu = load(moments, count);
        Four d_lambda = load(moments + n, count);
        if (!noise.is_empty()) {
            const Four epsilon = load(noise.row(row) + column, count);
            for (int k = 0; k < 4; k++)
                d_lambda[k] += 0.5f * s[k] * epsilon[k] * expf(0.5f * head.clamp(log_variance[k]));
        }
        for (int k = 0; k < 4; k++) {
            d_mu[k] += s[k];
            if (head.tanh_mean)
                d_mu[k] *= 1.0f - mu[k] * mu[k];
            d_lambda[k] = head.gate(d_lambda[k], log_variance[k]);
        }
        store(d_mu, mean, count);
        store(d_lambda, mean + n, count);
    }
}
