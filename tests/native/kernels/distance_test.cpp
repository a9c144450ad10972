// Distances of rows, and the norm stabiliser.
#include "matrix.h"

namespace {

double norm_of(int columns, const std::function<double(int)>& element)
{
    double sum = 0;
    for (int c = 0; c < columns; c++)
        sum += element(c) * element(c);
    return std::sqrt(sum);
}

}

TEST_P(Shapes, Distance)
{
    // The last row is where it should be.
    const Shape shape = GetParam();
    const int last = shape.rows - 1;
    const Matrix before = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1), random = Matrix::random(shape.rows, shape.columns, {}, -1, 1);
    Matrix x = before, target(shape.rows, shape.columns, {1, 1}, [&](int r, int c) { return r == last ? before(r, c) : random(r, c); });
    Matrix result(shape.rows, 1, {0, 1}), w = Matrix::random(shape.rows, 1, {0, 2}, 0.5, 2), coefficient(1, 1, {}, [](int, int) { return 0.4; }),
        dx(shape.rows, shape.columns);
    launch_rows("distance_forward", shape.rows, shape.columns, x.tensor(), target.tensor(), result.tensor());
    const auto distance = [&](int r) { return norm_of(shape.columns, [&](int c) { return static_cast<double>(before(r, c)) - target(r, c); }); };
    expect_matrix(result, "result", float_tolerance, [&](int r, int) { return distance(r); });
    const auto gradient = [&](int r, int c) { return r == last ? 0
        : static_cast<double>(coefficient(0, 0)) * w(r, 0) * (static_cast<double>(before(r, c)) - target(r, c)) / distance(r); };
    for (Matrix* const sink : {&dx, &x}) {
        launch_rows("distance_backward", shape.rows, shape.columns, x.tensor(), target.tensor(), w.tensor(), coefficient.tensor(), sink->tensor());
        expect_matrix(*sink, "dx", float_tolerance, gradient);
    }
}

namespace {

struct States
{
    int steps, batch, columns;
};

// States change little, so that float32 would lose the difference of their norms; one is zero.
void check_norm_stabiliser(const States& size)
{
    const int rows = size.steps * size.batch, slots = rows + size.batch;
    const Matrix small = Matrix::random(slots, size.columns, {}, 0, 1e-3);
    Matrix h(slots, size.columns, {1, 2}, [&](int r, int c) { return r == size.batch - 1 ? 0 : 1.5 + c % 3 + small(r, c); });
    Matrix result(rows, 1, {0, 1}), w = Matrix::random(rows, 1, {0, 2}, 0.5, 2);
    const Matrix before = Matrix::random(slots, size.columns, {3, 0}, -1e-3, 1e-3);
    Matrix dh = before;
    const float coefficient = 0.7f;
    const auto norm = [&](int r) { return norm_of(size.columns, [&](int c) { return h(r, c); }); };
    std::vector<double> norms;
    for (int r = 0; r < slots; r++)
        norms.push_back(norm(r));
    const auto difference = [&](int r) { return norms[static_cast<std::size_t>(r + size.batch)] - norms[static_cast<std::size_t>(r)]; };
    launch_rows("norm_stabiliser_forward", rows, size.columns, h.tensor(), result.tensor());
    result.fetch();
    for (int r = 0; r < rows; r++)
        ASSERT_NEAR(result(r, 0), difference(r) * difference(r), 1e-6 * difference(r) * difference(r)) << r;
    launch_rows("norm_stabiliser_backward", slots, size.columns, h.tensor(), w.tensor(), coefficient, dh.tensor());
    expect_matrix(dh, "dh", 2e-7, [&](int r, int c) {
        const double own = norms[static_cast<std::size_t>(r)];
        double slope = 0;
        if (r >= size.batch)
            slope += w(r - size.batch, 0) * difference(r - size.batch);
        if (r < rows)
            slope -= w(r, 0) * difference(r);
        return before(r, c) + (own == 0 ? 0 : 2.0 * coefficient * slope * h(r, c) / own);
    });
}

}

TEST(NormStabiliser, IsThatOfDoublePrecision)
{
    for (const States size : {States{1, 1, 1}, States{4, 3, 5}, States{2, 17, 33}, States{11, 1, 200}, States{1, 5, 1025}, States{20, 6, 7}})
        check_norm_stabiliser(size);
}
