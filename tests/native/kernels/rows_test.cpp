#include "gpu.h"
#include "matrix.h"

TEST_P(Shapes, Zero)
{
    const Shape shape = GetParam();
    Matrix x(shape.rows, shape.columns, shape.layout);
    launch_elements("zero", shape.rows, shape.columns, shape.grid_rows, x.tensor());
    expect_matrix(x, "x", 0, [](int, int) { return 0; });
}

TEST_P(Shapes, Copy)
{
    const Shape shape = GetParam();
    for (const Layout target : {Layout{}, Layout{2, 3}, shape.layout}) {
        Matrix x = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1), y(shape.rows, shape.columns, target);
        launch_elements("copy", shape.rows, shape.columns, shape.grid_rows, x.tensor(), y.tensor());
        expect_matrix(y, "y", 0, [&](int r, int c) { return x(r, c); });
    }
}

TEST_P(Shapes, MaskRows)
{
    const Shape shape = GetParam();
    const Matrix before = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1);
    Matrix x = before, mask(shape.rows, 1, {1, 1}, [](int r, int) { return r % 3 == 0 ? 0 : r % 3 == 1 ? 1 : 0.25; });
    launch_elements("mask_rows", shape.rows, shape.columns, shape.grid_rows, x.tensor(), mask.tensor());
    expect_matrix(x, "x", 0, [&](int r, int c) { return before(r, c) * mask(r, 0); });
}

// What differs only by its size adds nothing to the search for races, which is slow.
#if !defined(__SANITIZE_THREAD__)

// More rows than a grid has in y.
TEST(Rows, AsManyAsALongSequenceHas)
{
    const int rows = 66000;
    Matrix x(rows, 2, {0, 1}, [](int r, int c) { return r + 0.5 * c; }), y(rows, 2);
    launch("copy", {1, 65535}, {1}, x.tensor(), y.tensor());
    expect_matrix(y, "y", 0, [&](int r, int c) { return x(r, c); });
}

// One block a row has no such limit.
TEST(Rows, OfReductionsAsWell)
{
    const int rows = 66000;
    Matrix h(rows, 1, {}, [](int r, int) { return r % 100; }), result(rows, 1);
    launch_rows("squared_norm_forward", rows, 1, h.tensor(), result.tensor());
    expect_matrix(result, "result", 0, [&](int r, int) { return h(r, 0) * h(r, 0); });
}

#endif
