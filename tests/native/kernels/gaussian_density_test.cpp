#include "gaussian_oracle.h"

TEST_P(Shapes, GaussianLogDensityForward)
{
    const Shape shape = GetParam();
    const int n = shape.columns;
    for (const bool with_output : {false, true})
        for (const float sign : {1.0f, -1.0f}) {
            Matrix target = Matrix::random(shape.rows, n, shape.layout, -2, 2), output = random_output(shape.rows, n, {1, 0}), result(shape.rows, 1, {0, 2});
            launch_rows("gaussian_log_density_forward", shape.rows, n, target.tensor(), with_output ? output.tensor() : Tensor(), result.tensor(), sign,
                tanh_head);
            expect_matrix(result, "result", float_tolerance, [&](int r, int) {
                double sum = 0, magnitude = 0;
                for (int c = 0; c < n; c++) {
                    const double lambda = with_output ? clamped(tanh_head, output(r, n + c)) : 0;
                    const double term = -0.5 * (std::log(2 * std::numbers::pi) + lambda
                        + square(target(r, c) - (with_output ? output(r, c) : 0.0)) * std::exp(-lambda));
                    sum += term;
                    magnitude += std::abs(term);
                }
                return Expected(sign * sum, magnitude);
            });
        }
}

TEST(GaussianDensity, NaNInTheLogVarianceShows)
{
    Matrix target(1, 3, {}, [](int, int) { return 0; }), output(1, 6, {}, [](int, int c) { return c == 4 ? nan_value : 0; }), result(1, 1);
    launch_rows("gaussian_log_density_forward", 1, 3, target.tensor(), output.tensor(), result.tensor(), 1.0f, linear_head);
    expect_matrix(result, "result", 0, [](int, int) { return nan_value; });
}

namespace {

struct DensityCase
{
    bool through_output, with_target, with_mask, accumulate, in_place;
};

void check_density_backward(const Shape& shape, const GaussianHead& head, const DensityCase& given)
{
    const int n = shape.columns;
    const Matrix before = random_output(shape.rows, n, shape.layout), d_before = Matrix::random(shape.rows, n, {1, 1}, -1, 1);
    Matrix target = Matrix::random(shape.rows, n, {3, 0}, -2, 2), output = before, d_output(shape.rows, 2 * n, {0, 1}), d_target = d_before;
    Matrix w = Matrix::random(shape.rows, 1, {0, 1}, 0.1, 1), coefficient(1, 1, {}, [](int, int) { return 0.3; });
    Matrix mask(shape.rows, 1, {0, 2}, [](int r, int) { return r % 3 == 0 ? 0.5 : 1; });
    if (!given.accumulate)
        d_target = Matrix(shape.rows, n, {1, 1});
    Matrix& sink = given.in_place ? output : d_output;
    launch_elements("gaussian_log_density_backward", shape.rows, n, shape.grid_rows, target.tensor(), output.tensor(), w.tensor(), coefficient.tensor(),
        sink.tensor(),
        given.through_output ? 1 : 0, given.with_target ? d_target.tensor() : Tensor(), given.with_mask ? mask.tensor() : Tensor(), given.accumulate ? 1 : 0,
            head);
    struct Terms
    {
        double weight, r, inverse;
    };
    const auto terms = [&](int r, int c) {
        return Terms{static_cast<double>(coefficient(0, 0)) * w(r, 0), static_cast<double>(target(r, c)) - before(r, c),
            std::exp(-clamped(head, before(r, n + c)))};
    };
    expect_matrix(sink, "d_output", float_tolerance, [&](int r, int column) {
        const int c = column % n;
        const Terms t = terms(r, c);
        const double magnitude = t.weight * (std::abs(t.r) + t.r * t.r) * t.inverse * 10;
        if (column < n)
            return Expected(-t.weight * t.r * t.inverse * (given.through_output && head.tanh_mean ? 1 - square(before(r, c)) : 1), magnitude);
        return Expected(0.5 * t.weight * (1 - t.r * t.r * t.inverse) * (given.through_output ? gate(head, before(r, n + c)) : 1), magnitude);
    });
    if (!given.with_target)
        return;
    expect_matrix(d_target, "d_target", float_tolerance, [&](int r, int c) {
        const Terms t = terms(r, c);
        const double gradient = t.weight * t.r * t.inverse * (given.with_mask ? mask(r, 0) : 1.0);
        return Expected(gradient + (given.accumulate ? d_before(r, c) : 0.0), std::abs(gradient));
    });
}

}

TEST_P(Shapes, GaussianLogDensityBackward)
{
    for (const GaussianHead head : {linear_head, tanh_head})
        for (int options = 0; options < 32; options++) {
            const auto option = [&](int bit) { return (options >> bit & 1) != 0; };
            check_density_backward(GetParam(), head, {option(0), option(1), option(2), option(3), option(4)});
        }
}
