// Sums and products with rows that repeat, and zoneout, whose masks do.
#include "matrix.h"

namespace {

// How many rows a tensor has that repeats in one of so many: one for all, those of a time step, all.
std::vector<int> blocks_of(int rows)
{
    std::vector<int> blocks = {1, rows};
    for (int block = 2; block < rows; block++)
        if (rows % block == 0) {
            blocks.push_back(block);
            break;
        }
    return blocks;
}

}

TEST_P(Shapes, Add)
{
    const Shape shape = GetParam();
    for (const int block : blocks_of(shape.rows))
        for (const int target : {0, 1, 2}) {
            const Matrix before = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1), other = Matrix::random(block, shape.columns, {1, 2}, -1, 1);
            Matrix x = before, addend = other, y(shape.rows, shape.columns, {0, 1});
            if (target == 2 && block != shape.rows)
                continue;
            Matrix& sum = target == 0 ? y : target == 1 ? x : addend;
            launch_elements("add", shape.rows, shape.columns, shape.grid_rows, x.tensor(), addend.tensor(), sum.tensor());
            expect_matrix(sum, "y", float_tolerance, [&](int r, int c) { return before(r, c) + other(r % block, c); });
        }
}

TEST_P(Shapes, MultiplyElements)
{
    const Shape shape = GetParam();
    for (const int block : blocks_of(shape.rows))
        for (const bool accumulate : {false, true})
            for (const bool in_place : {false, true}) {
                const Matrix before = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1),
                    y_before = Matrix::random(shape.rows, shape.columns, {3, 0}, -1, 1);
                Matrix x = before, y = accumulate ? y_before : Matrix(shape.rows, shape.columns, {3, 0}),
                    mask = Matrix::random(block, shape.columns, {0, 1}, 0, 2);
                Matrix& product = in_place ? x : y;
                launch_elements("multiply_elements", shape.rows, shape.columns, shape.grid_rows, x.tensor(), mask.tensor(), product.tensor(), accumulate ? 1
                    : 0);
                expect_matrix(product, "y", float_tolerance, [&](int r, int c) {
                    return (accumulate ? in_place ? before(r, c) : y_before(r, c) : 0.0) + static_cast<double>(before(r, c)) * mask(r % block, c);
                });
            }
}

TEST_P(Shapes, Mix)
{
    const Shape shape = GetParam();
    for (const int block : blocks_of(shape.rows))
        for (const bool drawn : {false, true})
            for (const int target : {0, 1, 2}) {
                const Matrix old = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1),
                    fresh = Matrix::random(shape.rows, shape.columns, {1, 1}, -1, 1);
                Matrix previous = old, candidate = fresh, y(shape.rows, shape.columns, {0, 2});
                Matrix keep(block, shape.columns, {2, 0}, [=](int r, int c) { return drawn ? (r + c) % 2 : 0.3; });
                Matrix& mixed = target == 0 ? y : target == 1 ? previous : candidate;
                launch_elements("mix", shape.rows, shape.columns, shape.grid_rows, previous.tensor(), candidate.tensor(), keep.tensor(), mixed.tensor());
                expect_matrix(mixed, "y", drawn ? 0 : float_tolerance, [&](int r, int c) {
                    const double k = keep(r % block, c);
                    return k * old(r, c) + (1 - k) * fresh(r, c);
                });
            }
}

TEST_P(Shapes, MixBackward)
{
    const Shape shape = GetParam();
    for (const int block : blocks_of(shape.rows))
        for (int given = 0; given < 16; given++) {
            const bool with_dy1 = (given & 1) != 0, with_dy2 = (given & 2) != 0, with_previous = (given & 4) != 0, accumulate = (given & 8) != 0;
            Matrix dy1 = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1), dy2 = Matrix::random(shape.rows, shape.columns, {1, 0}, -1, 1);
            Matrix keep = Matrix::random(block, shape.columns, {0, 1}, 0, 1), d_candidate(shape.rows, shape.columns, {3, 2});
            const Matrix before = Matrix::random(shape.rows, shape.columns, {0, 3}, -1, 1);
            Matrix d_previous = accumulate ? before : Matrix(shape.rows, shape.columns, {0, 3});
            launch_elements("mix_backward", shape.rows, shape.columns, shape.grid_rows, with_dy1 ? dy1.tensor() : Tensor(), with_dy2 ? dy2.tensor() : Tensor(),
                keep.tensor(), with_previous ? d_previous.tensor() : Tensor(), d_candidate.tensor(), accumulate ? 1 : 0);
            const auto dy = [&](int r, int c) { return (with_dy1 ? dy1(r, c) : 0.0) + (with_dy2 ? dy2(r, c) : 0.0); };
            if (with_previous)
                expect_matrix(d_previous, "d_previous", float_tolerance,
                    [&](int r, int c) { return (accumulate ? before(r, c) : 0.0) + keep(r % block, c) * dy(r, c); });
            expect_matrix(d_candidate, "d_candidate", float_tolerance, [&](int r, int c) { return (1.0 - keep(r % block, c)) * dy(r, c); });
        }
}

// In a loop that goes back, a gradient's place is that of the step before.
TEST(MixBackward, TakesTheGradientsInPlace)
{
    const Matrix first = Matrix::random(5, 9, {}, -1, 1), second = Matrix::random(5, 9, {}, -1, 1);
    Matrix dy1 = first, dy2 = second, keep = Matrix::random(5, 9, {}, 0, 1);
    launch_elements("mix_backward", 5, 9, 5, dy1.tensor(), dy2.tensor(), keep.tensor(), dy1.tensor(), dy2.tensor(), 0);
    expect_matrix(dy1, "d_previous", float_tolerance,
        [&](int r, int c) { return static_cast<double>(keep(r, c)) * (static_cast<double>(first(r, c)) + second(r, c)); });
    expect_matrix(dy2, "d_candidate", float_tolerance, [&](int r, int c) { return (1.0 - keep(r, c)) * (static_cast<double>(first(r, c)) + second(r, c)); });
}
