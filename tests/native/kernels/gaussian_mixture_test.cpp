#include "gaussian_oracle.h"

namespace {

struct MixtureCase
{
    int rows, n, components;
    Layout layout;
};

// A row of the output: logits, means, log-variances.
struct Mixture
{
    const Matrix& output;
    const Matrix& target;
    int components;
    GaussianHead head;

    double mean(int r, int k, int j) const { return output(r, components + k * target.columns() + j); }
    double log_variance(int r, int k, int j) const { return output(r, components + (components + k) * target.columns() + j); }
    double residual(int r, int k, int j) const { return target(r, j) - mean(r, k, j); }

    double log_density(int r, int k) const
    {
        double sum = 0;
        for (int j = 0; j < target.columns(); j++) {
            const double lambda = clamped(head, log_variance(r, k, j));
            sum += std::log(2 * std::numbers::pi) + lambda + square(residual(r, k, j)) * std::exp(-lambda);
        }
        return -0.5 * sum;
    }

    // Of the logits, or of the joint densities.
    double log_sum(int r, bool joint) const
    {
        double largest = -infinity, sum = 0;
        const auto term = [&](int k) { return output(r, k) + (joint ? log_density(r, k) : 0.0); };
        for (int k = 0; k < components; k++)
            largest = std::max(largest, term(k));
        for (int k = 0; k < components; k++)
            sum += std::exp(term(k) - largest);
        return largest + std::log(sum);
    }

    double prior(int r, int k) const { return std::exp(output(r, k) - log_sum(r, false)); }
    double posterior(int r, int k) const { return std::exp(output(r, k) + log_density(r, k) - log_sum(r, true)); }
};

void check_mixture(const MixtureCase& given, const GaussianHead& head)
{
    const auto [rows, n, components, layout] = given;
    const int columns = components * (2 * n + 1);
    Matrix before = Matrix::random(rows, columns, layout, -2, 2);
    before(0, columns - 1) = head.log_variance_max;
    Matrix target = Matrix::random(rows, n, {1, 1}, -2, 2), nll(rows, 1, {0, 1}), w = Matrix::random(rows, 1, {0, 2}, 0.5, 2);
    const Matrix values = before;
    Matrix output = values;
    const Mixture mixture{values, target, components, head};
    launch_rows("gaussian_mixture_nll_forward", rows, 32 * components, output.tensor(), target.tensor(), nll.tensor(), head, components);
    expect_matrix(nll, "nll", float_tolerance, [&](int r, int) { return Expected(mixture.log_sum(r, false) - mixture.log_sum(r, true), 4 * n); });
    launch_rows("gaussian_mixture_nll_backward", rows, 32 * components, output.tensor(), target.tensor(), w.tensor(), head, components);

    // The posterior's relative error is the rounding of log-densities, which grow with the dimensions.
    std::vector<double> priors, posteriors;
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < components; k++) {
            priors.push_back(mixture.prior(r, k));
            posteriors.push_back(mixture.posterior(r, k));
        }
    expect_matrix(output, "gradient", float_tolerance, [&](int r, int column) {
        const auto of = [&](int k) { return static_cast<std::size_t>(r * components + k); };
        if (column < components)
            return Expected(w(r, 0) * (priors[of(column)] - posteriors[of(column)]), n);
        const int moment = (column - components) % (components * n), k = moment / n, j = moment % n;
        const double d = mixture.residual(r, k, j), inverse = std::exp(-clamped(head, mixture.log_variance(r, k, j))), weight = w(r, 0) * posteriors[of(k)];
        const double magnitude = weight * (std::abs(d) + d * d) * inverse * n;
        if (column < components + components * n)
            return Expected(-weight * d * inverse * (head.tanh_mean ? 1 - square(mixture.mean(r, k, j)) : 1), magnitude);
        return Expected(0.5 * weight * (1 - d * d * inverse) * gate(head, mixture.log_variance(r, k, j)), magnitude);
    });
}

}

TEST(GaussianMixture, IsThatOfDoublePrecision)
{
    for (const MixtureCase& given : {MixtureCase{1, 1, 1, {}}, MixtureCase{3, 4, 2, {1, 0}}, MixtureCase{5, 33, 20, {0, 3}}, MixtureCase{7, 7, 5, {2, 1}},
        MixtureCase{2, 70, 9, {}},
             MixtureCase{2, 3, 100, {1, 1}}, MixtureCase{2, 1, 1024, {}}, MixtureCase{65, 2, 3, {0, 1}}})
        for (const GaussianHead& head : {linear_head, tanh_head})
            check_mixture(given, head);
}

// exp of every joint log-density underflows and exp of the logits overflows.
TEST(GaussianMixture, ComponentsFarAwayNeitherOverflowNorCount)
{
    const int n = 5, components = 3;
    const double logits[] = {200, 210, 205}, means[] = {40, 30, 35};
    const GaussianHead wide = {-14, 14, false};
    Matrix output(1, components * (2 * n + 1), {},
        [&](int, int c) { return c < components ? logits[c] : c < components + components * n ? means[(c - components) / n] : -2; });
    const Matrix before = output;
    Matrix target(1, n, {}, [](int, int) { return 0; }), nll(1, 1), w(1, 1, {}, [](int, int) { return 1; });
    const Mixture mixture{before, target, components, wide};
    launch_rows("gaussian_mixture_nll_forward", 1, 32 * components, output.tensor(), target.tensor(), nll.tensor(), wide, components);
    expect_matrix(nll, "nll", float_tolerance, [&](int, int) { return mixture.log_sum(0, false) - mixture.log_sum(0, true); });
    launch_rows("gaussian_mixture_nll_backward", 1, 32 * components, output.tensor(), target.tensor(), w.tensor(), wide, components);
    expect_matrix(output, "gradient", float_tolerance, [&](int, int c) {
        if (c < components)
            return mixture.prior(0, c) - (c == 1 ? 1 : 0);
        if ((c - components) % (components * n) / n != 1)
            return 0.0;
        return c < components + components * n ? 30 * std::exp(2.0) : 0.5 * (1 - 900 * std::exp(2.0));
    });
}

TEST(GaussianMixture, NaNInAComponentShows)
{
    for (const int bad : {0, 2, 5}) {
        Matrix output(1, 6, {}, [&](int, int c) { return c == bad ? nan_value : 0.5; }), target(1, 1, {}, [](int, int) { return 0; }), nll(1, 1);
        launch_rows("gaussian_mixture_nll_forward", 1, 64, output.tensor(), target.tensor(), nll.tensor(), linear_head, 2);
        expect_matrix(nll, "nll", 0, [](int, int) { return nan_value; });
    }
}
