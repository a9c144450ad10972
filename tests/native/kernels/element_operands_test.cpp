// What element-wise kernels leave beside a tensor's values for products, and what they read where there is nothing else.
#include "gpu.h"
#include "matrix.h"
#include "operands.h"

namespace {

constexpr LeakyRelu phi = {0.25f, 1.5f};

}

TEST_P(Shapes, OperandsAreTheRoundedValues)
{
    const Shape shape = GetParam();
    Matrix x = Matrix::random(shape.rows, shape.columns, {1, 2}, -2, 2), y(shape.rows, shape.columns, shape.layout);
    const Operands beside(shape.rows, shape.columns, shape.layout), alone(shape.rows, shape.columns, {3, 1});
    launch_elements("leaky_relu_forward", shape.rows, shape.columns, shape.grid_rows, x.tensor(), Tensor(), beside.beside(y.tensor()), phi);
    expect_matrix(y, "y", float_tolerance, [&](int r, int c) { return x(r, c) > 0 ? std::min(x(r, c), phi.clip) : phi.slope * x(r, c); });
    beside.expect("y's operands", y);
    launch_elements("leaky_relu_forward", shape.rows, shape.columns, shape.grid_rows, x.tensor(), Tensor(), alone.tensor(), phi);
    alone.expect("operands alone", y);
}

TEST_P(Shapes, OperandsAreCopiedAndCleared)
{
    const Shape shape = GetParam();
    Matrix x = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1);
    const Operands rounded(shape.rows, shape.columns, shape.layout);
    launch_elements("copy", shape.rows, shape.columns, shape.grid_rows, x.tensor(), rounded.tensor());
    rounded.expect("the copy", x);

    // Back to float32, from what is there.
    Matrix y(shape.rows, shape.columns, {2, 1});
    launch_elements("copy", shape.rows, shape.columns, shape.grid_rows, rounded.tensor(), y.tensor());
    expect_matrix(y, "the copy's copy", 0, [&](int r, int c) { return rounded_to_bfloat16(x(r, c)); });

    Matrix zeros(shape.rows, shape.columns, shape.layout);
    launch_elements("zero", shape.rows, shape.columns, shape.grid_rows, rounded.beside(zeros.tensor()));
    expect_matrix(zeros, "zeros", 0, [](int, int) { return 0; });
    rounded.expect("zeros' operands", zeros);
}
