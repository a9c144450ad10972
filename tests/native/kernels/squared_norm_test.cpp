#include "matrix.h"

TEST_P(Shapes, SquaredNormForward)
{
    const Shape shape = GetParam();
    Matrix h = Matrix::random(shape.rows, shape.columns, shape.layout, -2, 2), result(shape.rows, 1, {0, 1});
    launch_rows("squared_norm_forward", shape.rows, shape.columns, h.tensor(), result.tensor());
    expect_matrix(result, "result", float_tolerance, [&](int r, int) {
        double sum = 0;
        for (int c = 0; c < shape.columns; c++)
            sum += static_cast<double>(h(r, c)) * h(r, c);
        return sum;
    });
}

TEST_P(Shapes, SquaredNormBackward)
{
    const Shape shape = GetParam();
    const float gamma = 0.375f;
    Matrix h = Matrix::random(shape.rows, shape.columns, shape.layout, -2, 2), w = Matrix::random(shape.rows, 1, {0, 1}, 0.5, 2);
    const Matrix before = Matrix::random(shape.rows, shape.columns, {1, 1}, -1, 1);
    Matrix dh = before;
    launch_elements("squared_norm_backward", shape.rows, shape.columns, shape.grid_rows, h.tensor(), w.tensor(), gamma, dh.tensor());
    expect_matrix(dh, "dh", float_tolerance, [&](int r, int c) { return Expected(before(r, c) + 2.0 * gamma * w(r, 0) * h(r, c), 4); });
}
