// Bernoulli and categorical likelihoods.
#include "matrix.h"

namespace {

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// -log softmax of a row that has a finite logit, without the cancellation of logsumexp(o) - o.
double surprise(const Matrix& logits, int row, int column)
{
    double largest = -infinity, sum = 0;
    for (int c = 0; c < logits.columns(); c++)
        largest = std::max(largest, static_cast<double>(logits(row, c)));
    for (int c = 0; c < logits.columns(); c++)
        sum += std::exp(logits(row, c) - largest);
    return largest - logits(row, column) + std::log(sum);
}

Ids labels(int rows, int classes)
{
    std::vector<int> values;
    for (int r = 0; r < rows; r++)
        values.push_back(r == 0 ? classes - 1 : 7 * r % classes);
    return Ids(values);
}

}

TEST_P(Shapes, BernoulliNllForward)
{
    const Shape shape = GetParam();
    Matrix logits = Matrix::random(shape.rows, shape.columns, shape.layout, -6, 6), y = Matrix::random(shape.rows, shape.columns, {1, 0}, 0, 1),
        nll(shape.rows, 1, {0, 1});
    launch_rows("bernoulli_nll_forward", shape.rows, shape.columns, logits.tensor(), y.tensor(), nll.tensor());
    expect_matrix(nll, "nll", float_tolerance, [&](int r, int) {
        double sum = 0, magnitude = 0;
        for (int c = 0; c < shape.columns; c++) {
            const double o = logits(r, c);
            sum += softplus(o) - y(r, c) * o;
            magnitude += std::abs(o) + 1;
        }
        return Expected(sum, magnitude);
    });
}

TEST_P(Shapes, BernoulliNllBackward)
{
    const Shape shape = GetParam();
    const Matrix before = Matrix::random(shape.rows, shape.columns, shape.layout, -6, 6);
    Matrix logits = before, y = Matrix::random(shape.rows, shape.columns, {1, 0}, 0, 1), w = Matrix::random(shape.rows, 1, {0, 1}, 0.5, 2);
    launch_elements("bernoulli_nll_backward", shape.rows, shape.columns, shape.grid_rows, logits.tensor(), y.tensor(), w.tensor());
    expect_matrix(logits, "gradient", float_tolerance, [&](int r, int c) { return w(r, 0) * (sigmoid(before(r, c)) - y(r, c)); });
}

TEST(Bernoulli, IsExactFarFromZeroAndKeepsNaN)
{
    const double logits[] = {200, -200, 200, -200, 1e30, nan_value};
    const double targets[] = {1, 0, 0, 1, 0, 1};
    for (int i = 0; i < 6; i++) {
        Matrix o(1, 1, {}, [&](int, int) { return logits[i]; }), y(1, 1, {}, [&](int, int) { return targets[i]; }), nll(1, 1),
            w(1, 1, {}, [](int, int) { return 1; });
        launch_rows("bernoulli_nll_forward", 1, 1, o.tensor(), y.tensor(), nll.tensor());
        const double expected[] = {0, 0, 200, 200, 1e30, nan_value};
        expect_matrix(nll, "nll", float_tolerance, [&](int, int) { return expected[i]; });
        launch_elements("bernoulli_nll_backward", 1, 1, 1, o.tensor(), y.tensor(), w.tensor());
        const double gradient[] = {0, 0, 1, -1, 1, nan_value};
        expect_matrix(o, "gradient", float_tolerance, [&](int, int) { return gradient[i]; });
    }
}

TEST_P(Shapes, CategoricalNllForward)
{
    const Shape shape = GetParam();
    Matrix logits = Matrix::random(shape.rows, shape.columns, shape.layout, -8, 8), nll(shape.rows, 1, {0, 1});
    const Ids y = labels(shape.rows, shape.columns);
    launch_rows("categorical_nll_forward", shape.rows, shape.columns, logits.tensor(), y.tensor(), nll.tensor());
    expect_matrix(nll, "nll", float_tolerance, [&](int r, int) { return surprise(logits, r, y[r]); });
}

TEST_P(Shapes, CategoricalNllBackward)
{
    const Shape shape = GetParam();
    const Matrix before = Matrix::random(shape.rows, shape.columns, shape.layout, -8, 8);
    Matrix logits = before, w = Matrix::random(shape.rows, 1, {0, 2}, 0.5, 2);
    const Ids y = labels(shape.rows, shape.columns);
    launch_rows("categorical_nll_backward", shape.rows, shape.columns, logits.tensor(), y.tensor(), w.tensor());
    expect_matrix(logits, "gradient", float_tolerance,
        [&](int r, int c) { return w(r, 0) * (std::exp(-surprise(before, r, c)) - (c == y[r] ? 1 : 0)); });
}

// Large, rising and falling, with impossible classes: each way of meeting a new largest logit.
TEST(Categorical, TakesAnyFiniteLogitsAndImpossibleClasses)
{
    const int n = 700;
    const std::function<double(int)> rows[] = {
        [](int c) { return 1000.0 + c; },
        [](int c) { return 3000.0 - 5.0 * c; },
        [](int c) { return c % 2 == 0 ? -infinity : 0.01 * c; },
        [](int c) { return c < 600 ? -infinity : -90.0; },
        [](int c) { return -3e38 + 0 * c; },
    };
    const int count = 5;
    const Matrix before(count, n, {}, [&](int r, int c) { return rows[r](c); });
    Matrix logits = before, nll(count, 1), w(count, 1, {}, [](int, int) { return 1; });
    const Ids y(std::vector<int>(count, 699));
    launch_rows("categorical_nll_forward", count, n, logits.tensor(), y.tensor(), nll.tensor());
    expect_matrix(nll, "nll", float_tolerance, [&](int r, int) { return surprise(before, r, 699); });
    launch_rows("categorical_nll_backward", count, n, logits.tensor(), y.tensor(), w.tensor());
    expect_matrix(logits, "gradient", float_tolerance,
        [&](int r, int c) { return std::exp(-surprise(before, r, c)) - (c == 699 ? 1 : 0); });
}

TEST(Categorical, ShowsANonFiniteLogitWhereverItIs)
{
    for (const double bad : {nan_value, infinity})
        for (const int at : {0, 31, 64, 299}) {
            Matrix logits(1, 300, {}, [&](int, int c) { return c == at ? bad : 0.1 * c; }), nll(1, 1), w(1, 1, {}, [](int, int) { return 1; });
            const Ids y(std::vector<int>(1, 5));
            launch_rows("categorical_nll_forward", 1, 300, logits.tensor(), y.tensor(), nll.tensor());
            nll.fetch();
            EXPECT_FALSE(std::isfinite(nll(0, 0))) << bad << " at " << at;
            launch_rows("categorical_nll_backward", 1, 300, logits.tensor(), y.tensor(), w.tensor());
            logits.fetch();
            EXPECT_FALSE(std::isfinite(logits(0, at))) << bad << " at " << at;
        }
}
