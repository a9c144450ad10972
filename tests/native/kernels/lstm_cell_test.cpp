#include "matrix.h"

namespace {

// Pre-activations of a gate: the sum of what is given.
struct CellInputs
{
    Matrix gates, addend, c_previous, validity;
    bool with_addend, with_validity;

    CellInputs(const Shape& shape, bool addend_given, bool validity_given)
        : gates(Matrix::random(shape.rows, 4 * shape.columns, shape.layout, -4, 4)),
          addend(Matrix::random(shape.rows, 4 * shape.columns, {1, 2}, -2, 2)),
          c_previous(Matrix::random(shape.rows, shape.columns, shape.layout, -2, 2)),
          validity(shape.rows, 1, {0, 1}, [](int row, int) { return row % 3 == 1 ? 0 : 1; }),
          with_addend(addend_given), with_validity(validity_given)
    {
    }

    double pre_activation(int gate, int row, int column) const
    {
        const int at = gate * c_previous.columns() + column;
        return gates(row, at) + (with_addend ? addend(row, at) : 0.0);
    }
};

// Dropout of updates: a quarter is gone, the rest scaled.
double drop(int row, int column) { return (row + 3 * column) % 4 == 1 ? 0 : 4.0 / 3; }

}

TEST_P(Shapes, LstmCellForward)
{
    const Shape shape = GetParam();
    const int n = shape.columns;
    for (int given = 0; given < 8; given++) {
        CellInputs in(shape, (given & 1) != 0, (given & 2) != 0);
        const bool with_mask = (given & 4) != 0;
        Matrix mask(shape.rows, n, {2, 1}, drop);
        Matrix gates = in.gates, c(shape.rows, n, {0, 2}), tanh_c(shape.rows, n, {1, 0}), h(shape.rows, n, shape.layout);
        launch_elements("lstm_cell_forward", shape.rows, n, shape.grid_rows, gates.tensor(), in.with_addend ? in.addend.tensor() : Tensor(),
            in.c_previous.tensor(), in.with_validity ? in.validity.tensor() : Tensor(), c.tensor(),
            tanh_c.tensor(), h.tensor(), with_mask ? mask.tensor() : Tensor());
        const auto gate = [&](int number, int row, int column) {
            const double a = in.pre_activation(number, row, column);
            return number == 2 ? std::tanh(a) : sigmoid(a);
        };
        const auto unmasked = [&](int row, int column) {
            return gate(1, row, column) * in.c_previous(row, column) + gate(0, row, column) * (with_mask ? mask(row, column) : 1.0) * gate(2, row, column);
        };
        const auto v = [&](int row) { return in.with_validity ? in.validity(row, 0) : 1.0; };
        expect_matrix(gates, "gates", float_tolerance, [&](int row, int column) { return gate(column / n, row, column % n); });
        expect_matrix(c, "c", float_tolerance, [&](int row, int column) { return v(row) * unmasked(row, column); });
        expect_matrix(tanh_c, "tanh c", float_tolerance, [&](int row, int column) { return std::tanh(unmasked(row, column)); });
        expect_matrix(h, "h", float_tolerance, [&](int row, int column) { return v(row) * gate(3, row, column) * std::tanh(unmasked(row, column)); });
    }
}

TEST_P(Shapes, LstmCellBackward)
{
    const Shape shape = GetParam();
    const int n = shape.columns;
    for (int given = 0; given < 16; given++) {
        const bool with_mask = (given & 8) != 0;
        Matrix mask(shape.rows, n, {1, 0}, drop);
        const bool with_dh1 = (given & 1) != 0, with_dh2 = (given & 2) != 0, with_validity = (given & 4) != 0;
        const Matrix a = Matrix::random(shape.rows, 4 * n, shape.layout, -3, 3);
        const Matrix activations(shape.rows, 4 * n, shape.layout, [&](int r, int c) { return c / n == 2 ? std::tanh(a(r, c)) : sigmoid(a(r, c)); });
        Matrix gates = activations, c_previous = Matrix::random(shape.rows, n, {0, 1}, -2, 2), tanh_c = Matrix::random(shape.rows, n, shape.layout, -1, 1);
        Matrix dh1 = Matrix::random(shape.rows, n, shape.layout, -1, 1), dh2 = Matrix::random(shape.rows, n, {2, 0}, -1, 1);
        Matrix validity(shape.rows, 1, {0, 2}, [](int row, int) { return row % 4 == 2 ? 0 : 1; });
        const Matrix dc = Matrix::random(shape.rows, n, shape.layout, -1, 1);
        Matrix dc_previous = dc;
        launch_elements("lstm_cell_backward", shape.rows, n, shape.grid_rows, gates.tensor(), c_previous.tensor(), tanh_c.tensor(),
            with_dh1 ? dh1.tensor() : Tensor(), with_dh2 ? dh2.tensor() : Tensor(), with_validity ? validity.tensor() : Tensor(), dc_previous.tensor(),
                with_mask ? mask.tensor() : Tensor());
        const auto v = [&](int row) { return with_validity ? validity(row, 0) : 1.0; };
        const auto dh = [&](int r, int c) { return v(r) * ((with_dh1 ? dh1(r, c) : 0.0) + (with_dh2 ? dh2(r, c) : 0.0)); };
        const auto gate = [&](int number, int r, int c) -> double { return activations(r, number * n + c); };
        const auto dc_hat = [&](int r, int c) { return v(r) * dc(r, c) + dh(r, c) * gate(3, r, c) * (1 - std::pow(tanh_c(r, c), 2)); };
        expect_matrix(dc_previous, "dc of the previous cell", float_tolerance, [&](int r, int c) { return dc_hat(r, c) * gate(1, r, c); });
        expect_matrix(gates, "da", float_tolerance, [&](int r, int column) {
            const int c = column % n;
            const double i = gate(0, r, c), f = gate(1, r, c), u = gate(2, r, c), o = gate(3, r, c), m = with_mask ? mask(r, c) : 1.0;
            switch (column / n) {
            case 0:
                return dc_hat(r, c) * m * u * i * (1 - i);
            case 1:
                return dc_hat(r, c) * c_previous(r, c) * f * (1 - f);
            case 2:
                return dc_hat(r, c) * i * m * (1 - u * u);
            default:
                return dh(r, c) * tanh_c(r, c) * o * (1 - o);
            }
        });
    }
}

TEST(LstmCell, SaturatesWithoutOverflowAndKeepsNaN)
{
    const double extremes[] = {-infinity, -1000, -100, 0, 100, 1000, infinity, nan_value};
    Matrix gates(1, 32, {}, [&](int, int column) { return extremes[column % 8]; });
    Matrix c_previous(1, 8, {}, [](int, int) { return 0.5; });
    Matrix c(1, 8), tanh_c(1, 8), h(1, 8);
    launch_elements("lstm_cell_forward", 1, 8, 1, gates.tensor(), Tensor(), c_previous.tensor(), Tensor(), c.tensor(), tanh_c.tensor(), h.tensor(), Tensor());
    expect_matrix(gates, "gates", float_tolerance, [&](int, int column) {
        const double a = extremes[column % 8];
        return column / 8 == 2 ? std::tanh(a) : sigmoid(a);
    });
    expect_matrix(h, "h", float_tolerance, [&](int, int column) {
        const double a = extremes[column];
        return sigmoid(a) * std::tanh(sigmoid(a) * 0.5 + sigmoid(a) * std::tanh(a));
    });
}
