// Sums of the loss and of the gradient, and Adam.
#include "gpu.h"
#include "matrix.h"

namespace {

// The device's blocks have 256 threads, and there are at most 256 of them.
double norm_of(Matrix& gradients, unsigned blocks, unsigned threads = 32)
{
    std::shared_ptr<double> partial(static_cast<double*>(allocate(256 * sizeof(double))), release);
    Matrix result(1, 1);
    launch("sum_of_squares", {blocks}, {threads}, gradients.tensor(), partial.get());
    launch("gradient_norm", {1}, {256}, partial.get(), static_cast<int>(blocks), result.tensor());
    result.fetch();
    return result(0, 0);
}

Matrix scalar(double value) { return Matrix(1, 1, {}, [=](int, int) { return value; }); }

}

TEST(WeightedSum, IsAccumulatedInDouble)
{
    for (const int rows : {1, 17, 33, 257, 1025, 20000}) {
        // Terms whose sum float32 would lose among the large ones, which cancel.
        Matrix values(rows, 1, {1, 1}, [](int r, int) { return r % 2 == 0 ? 1e8 : 1.25; }),
            w(rows, 1, {0, 2}, [](int r, int) { return r % 4 == 0 ? 1 : r % 4 == 2 ? -1 : 0.5; });
        Matrix result(1, 1);
        launch("weighted_sum", {1}, {256}, values.tensor(), w.tensor(), result.tensor());
        double expected = 0;
        for (int r = 0; r < rows; r++)
            expected += static_cast<double>(values(r, 0)) * w(r, 0);
        expect_matrix(result, "result", 1e-7, [&](int, int) { return expected; });
    }
}

// The two products differ by less than a rounding of either in float32.
TEST(WeightedSum, MultipliesInDouble)
{
    Matrix values(2, 1, {}, [](int r, int) { return r == 0 ? 33333332 : 33333334; }), w(2, 1, {}, [](int r, int) { return r == 0 ? -0.7 : 0.7; }), result(1, 1);
    launch("weighted_sum", {1}, {256}, values.tensor(), w.tensor(), result.tensor());
    expect_matrix(result, "result", 1e-7, [&](int, int) { return 2.0 * w(1, 0); });
}

TEST(GradientNorm, IsAccumulatedInDouble)
{
    for (const int offset : {0, 1})
        for (const int count : {1, 17, 33, 1025, 40000}) {
            Matrix gradients = Matrix::random(1, count, {offset, 0}, -1, 1);
            gradients(0, count - 1) = 30000;
            double sum = 0;
            for (int c = 0; c < count; c++)
                sum += static_cast<double>(gradients(0, c)) * gradients(0, c);
            for (const unsigned blocks : {1, 7, 256})
                EXPECT_NEAR(norm_of(gradients, blocks), std::sqrt(sum), 1e-7 * std::sqrt(sum)) << count << " elements in " << blocks << " blocks";
            if (count == 40000) {
                EXPECT_NEAR(norm_of(gradients, 40, 256), std::sqrt(sum), 1e-7 * std::sqrt(sum));
            }
        }
}

TEST(GradientNorm, NeitherOverflowsNorHidesNonFiniteGradients)
{
    Matrix large(1, 100, {}, [](int, int) { return 3e37; });
    EXPECT_NEAR(norm_of(large, 256), 3e38, 1e32);
    for (const double bad : {nan_value, infinity, -infinity}) {
        Matrix gradients(1, 5000, {}, [&](int, int c) { return c == 4999 ? bad : 1; });
        EXPECT_FALSE(std::isfinite(norm_of(gradients, 256))) << bad;
    }
}

namespace {

struct AdamCase
{
    int count, offset, blocks;
    double norm, clip;
};

void check_adam(const AdamCase& given)
{
    const float beta1 = 0.9f, beta2 = 0.99f, epsilon = 1e-3f;
    Matrix norm = scalar(given.norm), objective = scalar(12), rate = scalar(0.02), correction1 = scalar(0.271), correction2 = scalar(0.0297),
        halted = scalar(0);
    const Matrix p = Matrix::random(1, given.count, {given.offset, 0}, -1, 1), m = Matrix::random(1, given.count, {given.offset, 0}, -1, 1);
    const Matrix v = Matrix::random(1, given.count, {0, 0}, 0, 0.1);
    Matrix gradients = Matrix::random(1, given.count, {given.offset, 0}, -1, 1), parameters = p, first = m, second = v;
    const AdamArguments arguments = {norm.tensor(), objective.tensor(), rate.tensor(), correction1.tensor(), correction2.tensor(), halted.tensor(), beta1,
        beta2, epsilon,
        static_cast<float>(given.clip), false};
    launch("adam_step", {static_cast<unsigned>(given.blocks)}, {256}, parameters.tensor(), gradients.tensor(), first.tensor(), second.tensor(), arguments);
    const double scale = given.clip > 0 && given.norm > given.clip ? given.clip / given.norm : 1;
    const auto new_m = [&](int c) { return static_cast<double>(beta1) * m(0, c) + (1.0 - beta1) * scale * gradients(0, c); };
    const auto new_v = [&](int c) { return static_cast<double>(beta2) * v(0, c) + (1.0 - beta2) * std::pow(scale * gradients(0, c), 2); };
    expect_matrix(first, "first moments", float_tolerance, [&](int, int c) { return new_m(c); });
    expect_matrix(second, "second moments", 1e-7, [&](int, int c) { return new_v(c); });
    expect_matrix(parameters, "parameters", float_tolerance, [&](int, int c) {
        return p(0, c) - rate(0, 0) * (new_m(c) / correction1(0, 0)) / (std::sqrt(new_v(c) / correction2(0, 0)) + epsilon);
    });
}

}

TEST(Adam, IsTheFormula)
{
    for (const double clip : {0.0, 2.0, 50.0})
        for (const int count : {1, 17, 33, 1025}) {
            check_adam({count, 0, (count + 1023) / 1024, 5, clip});
            check_adam({count, 1, (count + 1023) / 1024, 5, clip});
        }
}

TEST(Adam, StridesOverMoreThanItsGrid) { check_adam({5000, 0, 2, 5, 1}); }

namespace {

// Launches as the device does, where a step that is not finite must be the last, and says whether the parameters moved.
bool adam_moves(double norm_value, double objective_value, Matrix& halted, bool guard)
{
    const int count = 9;
    Matrix norm = scalar(norm_value), objective = scalar(objective_value), rate = scalar(0.1), correction = scalar(0.1);
    const Matrix before = Matrix::random(1, count, {}, 0.1, 1);
    Matrix gradients(1, count, {}, [](int, int) { return -1; }), parameters = before, first = before, second = before;
    const AdamArguments arguments = {norm.tensor(), objective.tensor(), rate.tensor(), correction.tensor(), correction.tensor(), halted.tensor(), 0.9f, 0.99f,
        1e-5f, 0, guard};
    if (guard)
        launch("adam_guard", {1}, {1}, arguments);
    launch("adam_step", {1}, {256}, parameters.tensor(), gradients.tensor(), first.tensor(), second.tensor(), arguments);
    int moved = 0;
    for (Matrix* const matrix : {&parameters, &first, &second}) {
        matrix->fetch();
        for (int c = 0; c < count; c++)
            moved += (*matrix)(0, c) != before(0, c) ? 1 : 0;
    }
    EXPECT_TRUE(moved == 0 || moved == 3 * count) << moved << " values moved";
    return moved != 0;
}

}

TEST(Adam, DoesNothingWhereNormOrObjectiveIsNotFinite)
{
    for (const double bad : {nan_value, infinity, -infinity})
        for (const bool in_norm : {false, true}) {
            Matrix halted = scalar(0);
            EXPECT_FALSE(adam_moves(in_norm ? bad : 1, in_norm ? 1 : bad, halted, false)) << bad;
            EXPECT_TRUE(adam_moves(1, 1, halted, false)) << "the next step goes on";
        }
}

TEST(Adam, StaysHaltedAfterAStepThatWasNotFiniteWhereTheGuardWatches)
{
    for (const double bad : {nan_value, infinity, -infinity})
        for (const bool in_norm : {false, true}) {
            Matrix halted = scalar(0);
            EXPECT_TRUE(adam_moves(1, -1, halted, true));
            EXPECT_FALSE(adam_moves(in_norm ? bad : 1, in_norm ? 1 : bad, halted, true)) << bad;
            EXPECT_FALSE(adam_moves(1, 1, halted, true)) << "after " << bad;
            expect_matrix(halted, "halted", 0, [](int, int) { return 1; });
        }
}
