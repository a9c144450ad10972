#include "gaussian_oracle.h"

TEST_P(Shapes, SampleGaussianForward)
{
    const Shape shape = GetParam();
    const int n = shape.columns;
    for (const GaussianHead head : {linear_head, tanh_head})
        for (const bool noisy : {false, true})
            for (const bool sampled : {false, true}) {
                const Matrix before = random_output(shape.rows, n, shape.layout);
                Matrix output = before, noise = Matrix::random(shape.rows, n, {1, 0}, -3, 3), sample(shape.rows, n, {0, 1});
                launch_elements("sample_gaussian_forward", shape.rows, n, shape.grid_rows, output.tensor(), noisy ? noise.tensor() : Tensor(),
                    sampled ? sample.tensor() : Tensor(), head);
                const auto mu = [&](int r, int c) { return head.tanh_mean ? std::tanh(before(r, c)) : before(r, c); };
                expect_matrix(output, "output", float_tolerance, [&](int r, int c) { return c < n ? mu(r, c) : before(r, c); });
                if (!sampled)
                    continue;
                expect_matrix(sample, "sample", float_tolerance, [&](int r, int c) {
                    const double deviation = noisy ? std::exp(clamped(head, before(r, n + c)) / 2) * noise(r, c) : 0;
                    return Expected(mu(r, c) + deviation, std::abs(deviation));
                });
            }
}

TEST_P(Shapes, SampleGaussianBackward)
{
    const Shape shape = GetParam();
    const int n = shape.columns;
    for (const GaussianHead head : {linear_head, tanh_head})
        for (const bool noisy : {false, true})
            for (const bool both : {false, true}) {
                const Matrix before = random_output(shape.rows, n, shape.layout);
                Matrix output = before, noise = Matrix::random(shape.rows, n, {1, 0}, -3, 3), d_moments = Matrix::random(shape.rows, 2 * n, {0, 1}, -1, 1);
                Matrix d_sample1 = Matrix::random(shape.rows, n, shape.layout, -1, 1), d_sample2 = Matrix::random(shape.rows, n, {3, 2}, -1, 1);
                launch_elements("sample_gaussian_backward", shape.rows, n, shape.grid_rows, d_sample1.tensor(), both ? d_sample2.tensor() : Tensor(),
                    noisy ? noise.tensor() : Tensor(), d_moments.tensor(), output.tensor(), head);
                expect_matrix(output, "output", float_tolerance, [&](int r, int column) {
                    const int c = column % n;
                    const double s = static_cast<double>(d_sample1(r, c)) + (both ? d_sample2(r, c) : 0.0);
                    if (column < n)
                        return Expected((d_moments(r, c) + s) * (head.tanh_mean ? 1 - square(before(r, c)) : 1), 10);
                    const double log_variance = before(r, n + c);
                    const double through_noise = noisy ? 0.5 * s * noise(r, c) * std::exp(clamped(head, log_variance) / 2) : 0;
                    return Expected((d_moments(r, n + c) + through_noise) * gate(head, log_variance), std::abs(through_noise));
                });
            }
}

TEST(GaussianSample, NaNInTheLogVarianceShowsInTheSampleButPassesNoGradient)
{
    Matrix output(1, 2, {}, [](int, int c) { return c == 0 ? 0.5 : nan_value; });
    Matrix noise(1, 1, {}, [](int, int) { return 1; }), sample(1, 1), d(1, 1, {}, [](int, int) { return 2; }), d_moments(1, 2, {}, [](int, int) { return 1; });
    launch_elements("sample_gaussian_forward", 1, 1, 1, output.tensor(), noise.tensor(), sample.tensor(), linear_head);
    expect_matrix(sample, "sample", 0, [](int, int) { return nan_value; });
    launch_elements("sample_gaussian_backward", 1, 1, 1, d.tensor(), Tensor(), noise.tensor(), d_moments.tensor(), output.tensor(), linear_head);
    expect_matrix(output, "output", 0, [](int, int c) { return c == 0 ? 3 : 0; });
}
