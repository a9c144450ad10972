#include "matrix.h"

namespace {

constexpr float slope = 0.25f;
const float clips[] = {static_cast<float>(infinity), 1.5f};

double phi(double a, double clip)
{
    const double value = a > 0 ? a : slope * a;
    return value > clip ? clip : value < -clip ? -clip : value;
}

enum class Addend { none, row, matrix };

}

TEST_P(Shapes, LeakyReluForward)
{
    const Shape shape = GetParam();
    for (const float clip : clips)
        for (const Addend kind : {Addend::none, Addend::row, Addend::matrix}) {
            Matrix x = Matrix::random(shape.rows, shape.columns, shape.layout, -8, 2);
            Matrix addend = Matrix::random(kind == Addend::row ? 1 : shape.rows, shape.columns, {3, 1}, -1, 1);
            Matrix y(shape.rows, shape.columns, {1, 1});
            launch_elements("leaky_relu_forward", shape.rows, shape.columns, shape.grid_rows, x.tensor(), kind == Addend::none ? Tensor() : addend.tensor(),
                y.tensor(), LeakyRelu{slope, clip});
            expect_matrix(y, "y", float_tolerance, [&](int r, int c) {
                const double added = kind == Addend::none ? 0 : addend(kind == Addend::row ? 0 : r, c);
                return phi(static_cast<double>(x(r, c)) + added, clip);
            });
        }
}

TEST_P(Shapes, LeakyReluForwardInPlaceOfEitherInput)
{
    const Shape shape = GetParam();
    for (const bool over_addend : {false, true}) {
        const Matrix x = Matrix::random(shape.rows, shape.columns, shape.layout, -2, 2);
        const Matrix addend = Matrix::random(shape.rows, shape.columns, {1, 0}, -2, 2);
        Matrix first = x, second = addend;
        launch_elements("leaky_relu_forward", shape.rows, shape.columns, shape.grid_rows, first.tensor(), second.tensor(),
            over_addend ? second.tensor() : first.tensor(), LeakyRelu{slope, 1.0f});
        expect_matrix(over_addend ? second : first, "y", float_tolerance, [&](int r, int c) { return phi(static_cast<double>(x(r, c)) + addend(r, c), 1); });
        expect_matrix(over_addend ? first : second, "the other input", 0, [&](int r, int c) { return over_addend ? x(r, c) : addend(r, c); });
    }
}

TEST(LeakyRelu, KeepsNaNAndClipsInfinity)
{
    const double values[] = {nan_value, infinity, -infinity, 0, -0.0, 3, -12, 2.9999};
    Matrix x(1, 8, {}, [&](int, int c) { return values[c]; });
    Matrix y(1, 8);
    launch_elements("leaky_relu_forward", 1, 8, 1, x.tensor(), Tensor(), y.tensor(), LeakyRelu{slope, 3.0f});
    const double expected[] = {nan_value, 3, -3, 0, 0, 3, -3, 2.9999};
    expect_matrix(y, "y", float_tolerance, [&](int, int c) { return expected[c]; });
}

TEST_P(Shapes, LeakyReluBackward)
{
    const Shape shape = GetParam();
    for (const float clip : clips)
        for (const bool masked : {false, true})
            for (const bool in_place : {false, true}) {
                Matrix y = Matrix::random(shape.rows, shape.columns, shape.layout, -2, 2);
                for (int r = 0; r < shape.rows; r++) {
                    y(r, 0) = r % 2 == 0 ? 0.0f : 1.5f;
                    y(r, shape.columns - 1) = r % 2 == 0 ? -1.5f : 0.0f;
                }
                const Matrix dy = Matrix::random(shape.rows, shape.columns, {2, 1}, -1, 1);
                Matrix source = dy, dx(shape.rows, shape.columns, shape.layout), masked_dx(shape.rows, shape.columns, {1, 3});
                Matrix mask(shape.rows, 1, {0, 1}, [](int r, int) { return r % 2 == 0 ? 1 : 0; });
                Matrix& target = in_place ? source : dx;
                launch_elements("leaky_relu_backward", shape.rows, shape.columns, shape.grid_rows, source.tensor(), y.tensor(), target.tensor(),
                    masked ? mask.tensor() : Tensor(), masked ? masked_dx.tensor() : Tensor(), LeakyRelu{slope, clip});
                const auto expected = [&](int r, int c) {
                    const double derivative = std::abs(y(r, c)) >= clip ? 0 : y(r, c) > 0 ? 1 : slope;
                    return dy(r, c) * derivative;
                };
                expect_matrix(target, "dx", float_tolerance, expected);
                if (masked)
                    expect_matrix(masked_dx, "masked dx", float_tolerance, [&](int r, int c) { return mask(r, 0) * expected(r, c); });
            }
}
