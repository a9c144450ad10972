#include "gaussian_oracle.h"

TEST_P(Shapes, GaussianKlForward)
{
    const Shape shape = GetParam();
    const int n = shape.columns;
    for (const bool with_p : {false, true}) {
        Matrix q = random_output(shape.rows, n, shape.layout), p = random_output(shape.rows, n, {1, 2}), kl(shape.rows, 1, {0, 1});
        launch_rows("gaussian_kl_forward", shape.rows, 2 * n, q.tensor(), with_p ? p.tensor() : Tensor(), kl.tensor(), linear_head);
        expect_matrix(kl, "kl", float_tolerance, [&](int r, int) {
            double sum = 0, magnitude = 0;
            for (int c = 0; c < n; c++) {
                const double lambda_q = clamped(linear_head, q(r, n + c)), lambda_p = with_p ? clamped(linear_head, p(r, n + c)) : 0;
                const double d = q(r, c) - (with_p ? p(r, c) : 0.0);
                const double term = 0.5 * (lambda_p - lambda_q + std::exp(lambda_q - lambda_p) + d * d * std::exp(-lambda_p) - 1);
                sum += term;
                magnitude += std::abs(term);
            }
            return Expected(sum, magnitude);
        });
    }
}

// The terms of a small divergence are of the size of its own square root.
TEST(GaussianKl, KeepsItsAccuracyNearZero)
{
    const double difference = 1e-3;
    Matrix q(1, 2, {}, [&](int, int c) { return c == 0 ? 0.0 : difference; }), kl(1, 1);
    launch_rows("gaussian_kl_forward", 1, 2, q.tensor(), Tensor(), kl.tensor(), linear_head);
    kl.fetch();
    const double given = q(0, 1), expected = 0.5 * (std::expm1(given) - given);
    EXPECT_NEAR(kl(0, 0), expected, 1e-3 * expected);
}

// Not even by a clamp that leaves its log-variance 0 out.
TEST(GaussianKl, TheStandardNormalIsNeverClamped)
{
    const GaussianHead head = {0.5f, 1.0f, false};
    Matrix q(1, 2, {}, [](int, int c) { return c == 0 ? 0.25 : 0.75; }), kl(1, 1), d_moments(1, 2);
    Matrix one(1, 1, {}, [](int, int) { return 1; });
    launch_rows("gaussian_kl_forward", 1, 2, q.tensor(), Tensor(), kl.tensor(), head);
    expect_matrix(kl, "kl", float_tolerance, [](int, int) { return 0.5 * (-0.75 + std::exp(0.75) + 0.0625 - 1); });
    launch_elements("gaussian_kl_backward", 1, 1, 1, q.tensor(), Tensor(), one.tensor(), one.tensor(), d_moments.tensor(), head);
    expect_matrix(d_moments, "d_moments", float_tolerance, [](int, int c) { return c == 0 ? 0.25 : 0.5 * (std::exp(0.75) - 1); });
}

TEST(GaussianKl, NaNInALogVarianceShows)
{
    for (const bool in_p : {false, true}) {
        Matrix q(1, 2, {}, [&](int, int c) { return c == 1 && !in_p ? nan_value : 0; }),
            p(1, 2, {}, [&](int, int c) { return c == 1 && in_p ? nan_value : 0; });
        Matrix kl(1, 1);
        launch_rows("gaussian_kl_forward", 1, 2, q.tensor(), p.tensor(), kl.tensor(), linear_head);
        expect_matrix(kl, "kl", 0, [](int, int) { return nan_value; });
    }
}

TEST_P(Shapes, GaussianKlBackward)
{
    const Shape shape = GetParam();
    const int n = shape.columns;
    for (const bool with_p : {false, true}) {
        const Matrix prior = random_output(shape.rows, n, {1, 2});
        Matrix q = random_output(shape.rows, n, shape.layout), p = prior, w = Matrix::random(shape.rows, 1, {0, 3}, 0.1, 1);
        Matrix omega(1, 1, {}, [](int, int) { return 0.7; }), d_moments(shape.rows, 2 * n, {2, 0});
        launch_elements("gaussian_kl_backward", shape.rows, n, shape.grid_rows, q.tensor(), with_p ? p.tensor() : Tensor(), w.tensor(), omega.tensor(),
            d_moments.tensor(), linear_head);
        struct Terms
        {
            double weight, d, inverse, rho;
        };
        const auto terms = [&](int r, int c) {
            const double lambda_p = with_p ? clamped(linear_head, prior(r, n + c)) : 0;
            return Terms{static_cast<double>(omega(0, 0)) * w(r, 0), q(r, c) - (with_p ? prior(r, c) : 0.0), std::exp(-lambda_p),
                std::exp(clamped(linear_head, q(r, n + c)) - lambda_p)};
        };
        expect_matrix(d_moments, "d_moments", float_tolerance, [&](int r, int column) {
            const Terms t = terms(r, column % n);
            return Expected(column < n ? t.weight * t.d * t.inverse : 0.5 * t.weight * (t.rho - 1), t.weight * 10);
        });
        if (!with_p)
            continue;
        expect_matrix(p, "p", float_tolerance, [&](int r, int column) {
            const int c = column % n;
            const Terms t = terms(r, c);
            if (column < n)
                return Expected(-t.weight * t.d * t.inverse, t.weight * 10);
            const double magnitude = t.weight * (t.rho + t.d * t.d * t.inverse);
            return Expected(0.5 * t.weight * (1 - t.rho - t.d * t.d * t.inverse) * gate(linear_head, prior(r, n + c)), magnitude);
        });
    }
}
