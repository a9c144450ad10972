// Kernels that see a matrix as a whole: transposition, sums of columns, the thin product.
#include "gpu.h"
#include "matrix.h"

namespace {

unsigned tiles(int count) { return static_cast<unsigned>((count + 31) / 32); }

}

TEST_P(Shapes, Transpose)
{
    const Shape shape = GetParam();
    Matrix x = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1), y(shape.columns, shape.rows, {1, 2});
    launch("transpose", {tiles(shape.columns), tiles(shape.rows)}, {32, 8}, x.tensor(), y.tensor());
    expect_matrix(y, "y", 0, [&](int r, int c) { return x(c, r); });
}

TEST_P(Shapes, ColumnSums)
{
    const Shape shape = GetParam();
    for (const bool accumulate : {false, true}) {
        Matrix dy = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1);
        const Matrix before = Matrix::random(1, shape.columns, {1, 0}, -1, 1);
        Matrix d_bias = accumulate ? before : Matrix(1, shape.columns, {1, 0});
        launch("column_sums", {tiles(shape.columns)}, {32, 16}, dy.tensor(), d_bias.tensor(), accumulate ? 1 : 0);
        expect_matrix(d_bias, "d_bias", float_tolerance, [&](int, int c) {
            double sum = accumulate ? before(0, c) : 0, magnitude = 0;
            for (int r = 0; r < shape.rows; r++) {
                sum += dy(r, c);
                magnitude += std::abs(dy(r, c));
            }
            return Expected(sum, magnitude);
        });
    }
}

TEST(ColumnSums, TakesSlicesOfTheRows)
{
    for (const int rows : {1, 16, 17, 100, 1025})
        for (const int slices : {1, 2, 7, 33})
            for (const int columns : {1, 40}) {
                Matrix dy = Matrix::random(rows, columns, {1, 2}, -1, 1), sums(slices, columns, {2, 1});
                launch("column_sums", {tiles(columns), static_cast<unsigned>(slices)}, {32, 16}, dy.tensor(), sums.tensor(), 0);
                const int slice_rows = (rows + slices - 1) / slices;
                expect_matrix(sums, "sums", float_tolerance, [&](int s, int c) {
                    double sum = 0, magnitude = 0;
                    for (int r = s * slice_rows; r < std::min(rows, (s + 1) * slice_rows); r++) {
                        sum += dy(r, c);
                        magnitude += std::abs(dy(r, c));
                    }
                    return Expected(sum, magnitude);
                });
            }
}

TEST(MultiplyLeakyRelu, IsTheHiddenLayer)
{
    const LeakyRelu phi = {0.25f, 2.5f};
    for (const int rows : {1, 17, 33, 65})
        for (const int inner : {1, 17, 33, 130})
            for (const int columns : {1, 33, 70}) {
                Matrix x = Matrix::random(rows, inner, {1, 2}, -1, 1), w = Matrix::random(inner, columns, {3, 5}, -1, 1);
                Matrix bias = Matrix::random(1, columns, {1, 0}, -1, 1), y(rows, columns, {0, 1});
                launch("multiply_leaky_relu", {tiles(columns), tiles(rows)}, {32, 8}, x.tensor(), w.tensor(), bias.tensor(), y.tensor(), phi);
                expect_matrix(y, "y", float_tolerance, [&](int r, int c) {
                    double a = bias(0, c), magnitude = std::abs(a);
                    for (int k = 0; k < inner; k++) {
                        a += static_cast<double>(x(r, k)) * w(k, c);
                        magnitude += std::abs(static_cast<double>(x(r, k)) * w(k, c));
                    }
                    const double value = a > 0 ? a : phi.slope * a;
                    return Expected(value > phi.clip ? phi.clip : value < -phi.clip ? -phi.clip : value, magnitude);
                });
            }
}
