#include "gaussian_oracle.h"
#include "gpu.h"
#include "operands.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

extern "C" int softgpu_configure(const char* name, const char* value);

namespace {

// What a product of bf16 finds of an operand: elements that it rounds, its bf16 alone, or those beside elements that it must not read. One of TF32 finds
// elements, and beside them where it says both, operands that it must not read.
enum class Source { elements, operands, both };

enum class Precision { bf16, tf32 };

// x [rows, depth], w [depth, columns] or transposed; strips of up to so many columns a block.
struct ThinShape
{
    int rows, depth, columns;
    Source x_source, w_source;
    Layout x, w, others;
    int strip;
    Precision precision = Precision::bf16;
};

const ThinShape thin_shapes[] = {
    {1, 1, 1, Source::operands, Source::operands, {}, {}, {}, 16},
    {7, 15, 33, Source::elements, Source::operands, {}, {}, {0, 1}, 16},
    {16, 33, 15, Source::both, Source::both, {0, 7}, {0, 1}, {1, 2}, 16},
    {17, 500, 1, Source::operands, Source::operands, {0, 4}, {0, 7}, {}, 16},
    {50, 1025, 33, Source::operands, Source::operands, {8, 7}, {0, 7}, {0, 3}, 32},
    {128, 33, 500, Source::both, Source::operands, {1, 0}, {0, 4}, {4, 4}, 64},
    {1, 1025, 193, Source::operands, Source::operands, {}, {0, 7}, {0, 3}, 64},
    {50, 500, 64, Source::elements, Source::operands, {}, {}, {}, 64},
    {128, 500, 33, Source::operands, Source::operands, {0, 4}, {1, 0}, {3, 0}, 48},
    {32, 64, 144, Source::operands, Source::operands, {}, {}, {}, 48},
    {33, 96, 80, Source::operands, Source::elements, {}, {4, 4}, {}, 32},
    {64, 1, 17, Source::elements, Source::elements, {3, 1}, {1, 2}, {1, 1}, 16},
    {128, 1025, 16, Source::operands, Source::operands, {0, 7}, {}, {}, 16},
    {65, 128, 32, Source::operands, Source::both, {}, {4, 0}, {0, 4}, 32},
};

// Every shape in either precision.
std::vector<ThinShape> all_thin_shapes()
{
    std::vector<ThinShape> shapes;
    for (const Precision precision : {Precision::bf16, Precision::tf32})
        for (ThinShape shape : thin_shapes) {
            shape.precision = precision;
            shapes.push_back(shape);
        }
    return shapes;
}

// To eleven significant bits, ties away from zero.
float rounded_to_tf32(float value)
{
    if (!std::isfinite(value) || value == 0)
        return value;
    int exponent = 0;
    const double mantissa = std::frexp(static_cast<double>(value), &exponent);
    return static_cast<float>(std::ldexp(std::round(std::ldexp(mantissa, 11)), exponent - 11));
}

// A factor of a product: as the kernel finds it, and as it should read it.
class Factor
{
public:
    Factor(int rows, int columns, Layout layout, Source source, Precision precision, double scale)
        : values_(Matrix::random(rows, columns, layout, -scale, scale)), never_read_(rows, columns, layout), source_(source), precision_(precision)
    {
        if (precision == Precision::tf32)
            operands_.emplace(never_read_, layout);
        else if (source != Source::elements)
            operands_.emplace(values_, layout);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++)
                rounded_.push_back(precision == Precision::tf32 ? rounded_to_tf32(values_(r, c)) : rounded_to_bfloat16(values_(r, c)));
    }

    double operator()(int row, int column) const { return rounded_[static_cast<std::size_t>(row * values_.columns() + column)]; }

    Tensor tensor()
    {
        if (precision_ == Precision::tf32)
            return source_ == Source::both ? operands_->beside(values_.tensor()) : values_.tensor();
        switch (source_) {
        case Source::elements:
            return values_.tensor();
        case Source::operands:
            return operands_->tensor();
        default:
            return operands_->beside(never_read_.tensor());
        }
    }

private:
    Matrix values_, never_read_;
    std::vector<double> rounded_;
    Source source_;
    Precision precision_;
    std::optional<Operands> operands_;
};

// x w, or x w^T, in double precision.
struct Product
{
    Factor x, w;
    int columns;
    std::vector<Expected> sums;

    Product(const ThinShape& shape, int width, bool is_transposed)
        : x(shape.rows, shape.depth, shape.x, shape.x_source, shape.precision, 1),
          w(is_transposed ? width : shape.depth, is_transposed ? shape.depth : width, shape.w, shape.w_source, shape.precision, 3 / std::sqrt(shape.depth)),
          columns(width)
    {
        for (int r = 0; r < shape.rows; r++)
            for (int c = 0; c < width; c++) {
                Expected sum = 0;
                for (int k = 0; k < shape.depth; k++) {
                    const double term = x(r, k) * (is_transposed ? w(c, k) : w(k, c));
                    sum.value += term;
                    sum.magnitude += std::abs(term);
                }
                sums.push_back(sum);
            }
    }

    const Expected& operator()(int row, int column) const { return sums[static_cast<std::size_t>(row * columns + column)]; }
};

// Of groups of columns fewer, for there are two or four of them.
int columns_of_group(const ThinShape& shape) { return shape.columns > 100 ? shape.columns / 4 + 1 : shape.columns; }

// Sums in float32 of up to 1025 terms, through functions of a slope of a few.
constexpr double thin_tolerance = 4e-6;

constexpr LeakyRelu phi = {0.25f, 1.5f};

double phi_of(double a)
{
    const double value = a > 0 ? a : phi.slope * a;
    return std::clamp(value, -static_cast<double>(phi.clip), static_cast<double>(phi.clip));
}

Dimensions strips(int columns, int width) { return {static_cast<unsigned>((columns + width - 1) / width), 1, 1}; }

template <typename... Arguments>
void launch_thin(Precision precision, const std::string& kernel, int columns, int strip, Arguments... arguments)
{
    launch((precision == Precision::tf32 ? kernel + "_tf32" : kernel).c_str(), strips(columns, strip), {256, 1, 1}, arguments...);
}

Tensor given(bool is_given, Matrix& matrix) { return is_given ? matrix.tensor() : Tensor(); }

// Shapes run with five orders of threads and blocks in turn.
class ThinProduct : public testing::TestWithParam<ThinShape>
{
protected:
    void SetUp() override { set_seed(GetParam().rows % 5); }
    void TearDown() override { set_seed(0); }

    static void set_seed(int seed) { ASSERT_EQ(softgpu_configure("SOFTGPU_SEED", std::to_string(seed).c_str()), 0); }
};

std::string name_of_thin(const testing::TestParamInfo<ThinShape>& info)
{
    const ThinShape& shape = info.param;
    return std::to_string(shape.rows) + "x" + std::to_string(shape.depth) + "x" + std::to_string(shape.columns)
        + (shape.precision == Precision::tf32 ? "Tf32" : "");
}

INSTANTIATE_TEST_SUITE_P(Kernels, ThinProduct, testing::ValuesIn(all_thin_shapes()), name_of_thin);

}

TEST_P(ThinProduct, LeakyRelu)
{
    const ThinShape shape = GetParam();
    const int activated = shape.columns - shape.columns / 3, others = shape.columns - activated;
    Product product(shape, shape.columns, false);
    for (const bool is_bias : {false, true}) {
        const Matrix addend = Matrix::random(is_bias ? 1 : shape.rows, activated, shape.others, -1, 1);
        Matrix y(shape.rows, activated, shape.others), added = addend, sums(shape.rows, std::max(others, 1), shape.others);
        Matrix& target = is_bias ? y : added; // in place of the addend
        const Operands operands(shape.rows, activated, {shape.others.offset + 1, shape.others.gap});
        launch_thin(shape.precision, "thin_multiply_leaky_relu", shape.columns, shape.strip, product.x.tensor(), product.w.tensor(), added.tensor(),
            operands.beside(target.tensor()), given(others > 0, sums), phi);
        expect_matrix(target, "y", thin_tolerance, [&](int r, int c) {
            return Expected(phi_of(product(r, c).value + addend(is_bias ? 0 : r, c)), product(r, c).magnitude);
        });
        operands.expect("y", target);
        if (others > 0)
            expect_matrix(sums, "sums", thin_tolerance, [&](int r, int c) { return product(r, activated + c); });
    }
}

TEST_P(ThinProduct, LeakyReluOfAllColumnsOrNone)
{
    const ThinShape shape = GetParam();
    Product product(shape, shape.columns, false);
    const Operands y(shape.rows, shape.columns, shape.others);
    launch_thin(shape.precision, "thin_multiply_leaky_relu", shape.columns, shape.strip, product.x.tensor(), product.w.tensor(), Tensor(), y.tensor(),
        Tensor(), phi);
    y.expect_near("y", [&](int r, int c) { return Expected(phi_of(product(r, c).value), 0); });
    Matrix sums(shape.rows, shape.columns, shape.others);
    launch_thin(shape.precision, "thin_multiply_leaky_relu", shape.columns, shape.strip, product.x.tensor(), product.w.tensor(), Tensor(), Tensor(),
        sums.tensor(), phi);
    expect_matrix(sums, "sums", thin_tolerance, [&](int r, int c) { return product(r, c); });
}

TEST_P(ThinProduct, SampleGaussian)
{
    const ThinShape shape = GetParam();
    const int n = columns_of_group(shape);
    Product product(shape, 2 * n, false);
    for (const bool all : {false, true}) {
        const GaussianHead head = all ? tanh_head : linear_head;
        Matrix bias = Matrix::random(1, 2 * n, shape.others, -1, 1), noise = Matrix::random(shape.rows, n, shape.others, -2, 2);
        Matrix output(shape.rows, 2 * n, shape.others), sample(shape.rows, n, shape.others), other_sample(shape.rows, n, {});
        const Operands operands(shape.rows, n, shape.others);
        const auto a = [&](int r, int c) {
            const Expected& sum = product(r, c);
            return Expected(sum.value + (all ? bias(0, c) : 0.0f), sum.magnitude);
        };
        const auto mu = [&](int r, int c) { return Expected(all ? std::tanh(a(r, c).value) : a(r, c).value, a(r, c).magnitude); };
        launch_thin(shape.precision, "thin_multiply_sample_gaussian", n, 16, product.x.tensor(), product.w.tensor(), given(all, bias), output.tensor(),
            given(all, noise), operands.beside(sample.tensor()), head);
        expect_matrix(output, "output", thin_tolerance, [&](int r, int c) { return c < n ? mu(r, c) : a(r, c); });
        expect_matrix(sample, "sample", thin_tolerance, [&](int r, int c) {
            const double deviation = all ? std::exp(clamped(head, a(r, n + c).value) / 2) * noise(r, c) : 0;
            return Expected(mu(r, c).value + deviation, a(r, c).magnitude + 2 * a(r, n + c).magnitude);
        });
        operands.expect("sample", sample);
        launch_thin(shape.precision, "thin_multiply_sample_gaussian", n, 16, product.x.tensor(), product.w.tensor(), given(all, bias), output.tensor(),
            given(all, noise), Tensor(), head);
        expect_matrix(output, "output without a sample", thin_tolerance, [&](int r, int c) { return c < n ? mu(r, c) : a(r, c); });
    }
}

TEST_P(ThinProduct, LstmCellForward)
{
    const ThinShape shape = GetParam();
    const int n = columns_of_group(shape);
    Product product(shape, 4 * n, false);
    for (const bool all : {false, true}) {
        const Matrix before = Matrix::random(shape.rows, 4 * n, shape.others, -1, 1);
        Matrix gates = before, c_previous = Matrix::random(shape.rows, n, shape.others, -2, 2);
        Matrix addend = Matrix::random(shape.rows, 4 * n, {1, 2}, -1, 1);
        Matrix validity(shape.rows, 1, {0, 1}, [](int row, int) { return row % 3 == 1 ? 0 : 1; });
        Matrix mask(shape.rows, n, shape.others, [](int row, int column) { return (row + 3 * column) % 4 == 1 ? 0 : 4.0 / 3; });
        Matrix c(shape.rows, n, shape.others), tanh_c(shape.rows, n, {0, 1}), h(shape.rows, n, shape.others);
        const Operands operands(shape.rows, n, shape.others), gate_operands(shape.rows, 4 * n, shape.others);
        launch_thin(shape.precision, "thin_multiply_lstm_cell_forward", n, 16, product.x.tensor(), product.w.tensor(),
            all ? gate_operands.beside(gates.tensor()) : gates.tensor(), given(all, addend), c_previous.tensor(), given(all, validity), c.tensor(),
            tanh_c.tensor(), operands.beside(h.tensor()), given(all, mask));
        const auto gate = [&](int number, int r, int column) {
            const double a = product(r, number * n + column).value + before(r, number * n + column) + (all ? addend(r, number * n + column) : 0);
            return number == 2 ? std::tanh(a) : sigmoid(a);
        };
        const auto unmasked = [&](int r, int column) {
            return gate(1, r, column) * c_previous(r, column) + gate(0, r, column) * (all ? mask(r, column) : 1.0) * gate(2, r, column);
        };
        const auto magnitude = [&](int r, int column) {
            double sum = 0;
            for (int i = 0; i < 4; i++)
                sum += product(r, i * n + column).magnitude;
            return sum;
        };
        const auto v = [&](int r) { return all ? validity(r, 0) : 1.0; };
        expect_matrix(gates, "gates", thin_tolerance, [&](int r, int column) {
            return Expected(gate(column / n, r, column % n), product(r, column).magnitude);
        });
        expect_matrix(c, "c", thin_tolerance, [&](int r, int column) { return Expected(v(r) * unmasked(r, column), magnitude(r, column)); });
        expect_matrix(tanh_c, "tanh c", thin_tolerance, [&](int r, int column) { return Expected(std::tanh(unmasked(r, column)), magnitude(r, column)); });
        expect_matrix(h, "h", thin_tolerance, [&](int r, int column) {
            return Expected(v(r) * gate(3, r, column) * std::tanh(unmasked(r, column)), magnitude(r, column));
        });
        operands.expect("h", h);
        if (all)
            gate_operands.expect("gates", gates);
    }
}

TEST_P(ThinProduct, Transposed)
{
    const ThinShape shape = GetParam();
    Product product(shape, shape.columns, true);
    for (const bool all : {false, true}) {
        const Matrix addend = Matrix::random(shape.rows, shape.columns, shape.others, -1, 1);
        Matrix y(shape.rows, shape.columns, shape.others), added = addend;
        Matrix& target = all ? added : y;
        const Operands operands(shape.rows, shape.columns, shape.others);
        launch_thin(shape.precision, "thin_multiply_transposed", shape.columns, shape.strip, product.x.tensor(), product.w.tensor(), given(all, added),
            operands.beside(target.tensor()));
        expect_matrix(target, "y", thin_tolerance, [&](int r, int c) {
            return Expected(product(r, c).value + (all ? addend(r, c) : 0.0f), product(r, c).magnitude);
        });
        operands.expect("y", target);
    }
}

TEST_P(ThinProduct, TransposedSampleGaussian)
{
    const ThinShape shape = GetParam();
    const int plain = shape.columns / 3, n = shape.columns - plain;
    Product product(shape, shape.columns, true);
    for (const bool all : {false, true}) {
        // Without columns of its own y is empty, and the sample's gradient has those after the first ones of a narrower w.
        const int first = all ? plain : 0;
        const GaussianHead head = all ? tanh_head : linear_head;
        const Matrix before = random_output(shape.rows, n, shape.others);
        Matrix y(shape.rows, std::max(first, 1), shape.others), output = before;
        Matrix d_sample1 = Matrix::random(shape.rows, n, shape.others, -1, 1), d_sample2 = Matrix::random(shape.rows, n, {1, 0}, -1, 1);
        Matrix noise = Matrix::random(shape.rows, n, shape.others, -2, 2), d_moments = Matrix::random(shape.rows, 2 * n, {0, 1}, -1, 1);
        const Operands operands(shape.rows, 2 * n, shape.others);
        Tensor w = product.w.tensor();
        w.rows = first + n;
        launch_thin(shape.precision, "thin_multiply_transposed_sample_gaussian", first + n, shape.strip, product.x.tensor(), w, given(first > 0, y),
            given(all, d_sample1), given(all, d_sample2), given(all, noise), d_moments.tensor(), operands.beside(output.tensor()), head);
        if (first > 0)
            expect_matrix(y, "y", thin_tolerance, [&](int r, int c) { return product(r, c); });
        expect_matrix(output, "output", thin_tolerance, [&](int r, int column) {
            const int c = column % n;
            const Expected& sum = product(r, first + c);
            const double ds = sum.value + (all ? static_cast<double>(d_sample1(r, c)) + d_sample2(r, c) : 0);
            if (column < n)
                return Expected((d_moments(r, c) + ds) * (head.tanh_mean ? 1 - square(before(r, c)) : 1), 3 * sum.magnitude);
            const double log_variance = before(r, n + c);
            const double through_noise = all ? 0.5 * ds * noise(r, c) * std::exp(clamped(head, log_variance) / 2) : 0;
            return Expected((d_moments(r, n + c) + through_noise) * gate(head, log_variance), 2 * sum.magnitude);
        });
        operands.expect("output", output);
    }
}

TEST_P(ThinProduct, TransposedLeakyRelu)
{
    const ThinShape shape = GetParam();
    Product product(shape, shape.columns, true);
    for (const bool is_masked : {false, true}) {
        Matrix y = Matrix::random(shape.rows, shape.columns, shape.others, -1, 1), dx(shape.rows, shape.columns, shape.others);
        y(0, 0) = phi.clip;
        y(shape.rows - 1, shape.columns - 1) = 0;
        Matrix mask(shape.rows, 1, {0, 1}, [](int r, int) { return r % 2 == 0 ? 1 : 0; });
        const Operands operands(shape.rows, shape.columns, shape.others), masked_dx(shape.rows, shape.columns, {1, 0});
        launch_thin(shape.precision, "thin_multiply_transposed_leaky_relu", shape.columns, shape.strip, product.x.tensor(), product.w.tensor(), y.tensor(),
            operands.beside(dx.tensor()), given(is_masked, mask), is_masked ? masked_dx.tensor() : Tensor(), phi);
        const auto derivative = [&](int r, int c) { return std::abs(y(r, c)) >= phi.clip ? 0 : y(r, c) > 0 ? 1 : phi.slope; };
        expect_matrix(dx, "dx", thin_tolerance, [&](int r, int c) {
            return Expected(product(r, c).value * derivative(r, c), product(r, c).magnitude);
        });
        operands.expect("dx", dx);
        if (is_masked)
            masked_dx.expect("masked dx", Matrix(shape.rows, shape.columns, {}, [&](int r, int c) { return mask(r, 0) * dx(r, c); }));
    }
}

TEST_P(ThinProduct, TransposedLstmCellBackward)
{
    const ThinShape shape = GetParam();
    const int n = shape.columns;
    Product product(shape, n, true);
    for (const bool all : {false, true}) {
        const Matrix activations(shape.rows, 4 * n, shape.others, [&](int r, int c) { return c / n == 2 ? std::tanh(r - 2 * c % 5) : sigmoid(c % 7 - r % 3); });
        Matrix gates = activations, c_previous = Matrix::random(shape.rows, n, shape.others, -2, 2), tanh_c = Matrix::random(shape.rows, n, {}, -1, 1);
        Matrix dh1 = Matrix::random(shape.rows, n, shape.others, -1, 1), dh2 = Matrix::random(shape.rows, n, {2, 0}, -1, 1);
        Matrix validity(shape.rows, 1, {0, 2}, [](int row, int) { return row % 4 == 2 ? 0 : 1; });
        Matrix mask(shape.rows, n, shape.others, [](int row, int column) { return (row + 3 * column) % 4 == 1 ? 0 : 4.0 / 3; });
        const Matrix dc = Matrix::random(shape.rows, n, shape.others, -1, 1);
        Matrix dc_previous = dc;
        const Operands operands(shape.rows, 4 * n, shape.others);
        launch_thin(shape.precision, "thin_multiply_transposed_lstm_cell_backward", n, shape.strip, product.x.tensor(), product.w.tensor(), given(all, dh1),
            given(all, dh2), operands.beside(gates.tensor()), c_previous.tensor(), tanh_c.tensor(), given(all, validity), dc_previous.tensor(),
            given(all, mask));
        const auto v = [&](int row) { return all ? validity(row, 0) : 1.0; };
        const auto dh = [&](int r, int c) { return v(r) * (product(r, c).value + (all ? static_cast<double>(dh1(r, c)) + dh2(r, c) : 0.0)); };
        const auto gate = [&](int number, int r, int c) -> double { return activations(r, number * n + c); };
        const auto dc_hat = [&](int r, int c) { return v(r) * dc(r, c) + dh(r, c) * gate(3, r, c) * (1 - square(tanh_c(r, c))); };
        expect_matrix(dc_previous, "dc of the previous cell", thin_tolerance, [&](int r, int c) {
            return Expected(dc_hat(r, c) * gate(1, r, c), product(r, c).magnitude);
        });
        expect_matrix(gates, "da", thin_tolerance, [&](int r, int column) {
            const int c = column % n;
            const double i = gate(0, r, c), f = gate(1, r, c), u = gate(2, r, c), o = gate(3, r, c), m = all ? mask(r, c) : 1.0;
            const double da[] = {dc_hat(r, c) * m * u * i * (1 - i), dc_hat(r, c) * c_previous(r, c) * f * (1 - f), dc_hat(r, c) * i * m * (1 - u * u),
                dh(r, c) * tanh_c(r, c) * o * (1 - o)};
            return Expected(da[column / n], product(r, c).magnitude);
        });
        operands.expect("da", gates);
    }
}

TEST(ThinProduct, HasTheSameBitsInEveryOrder)
{
    for (const Precision precision : {Precision::bf16, Precision::tf32}) {
        const ThinShape shape = {50, 500, 100, Source::operands, Source::operands, {0, 4}, {0, 4}, {}, 32, precision};
        Product product(shape, shape.columns, true);
        std::vector<float> first;
        for (int seed = 0; seed < 6; seed++) {
            ASSERT_EQ(softgpu_configure("SOFTGPU_SEED", std::to_string(seed).c_str()), 0);
            Matrix y(shape.rows, shape.columns);
            launch_thin(shape.precision, "thin_multiply_transposed", shape.columns, shape.strip, product.x.tensor(), product.w.tensor(), Tensor(), y.tensor());
            y.fetch();
            std::vector<float> values;
            for (int r = 0; r < shape.rows; r++)
                for (int c = 0; c < shape.columns; c++)
                    values.push_back(y(r, c));
            if (seed == 0)
                first = values;
            EXPECT_EQ(values, first) << seed;
        }
    }
    softgpu_configure("SOFTGPU_SEED", "0");
}

namespace {

constexpr std::uint32_t unrounded[] = {0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, 0xbf818000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7f800001,
    0x7fffffff, 0xffffffff, 0x00000000, 0x80000000, 0x007fffff, 0x42280000, 0x3f801000, 0x3f803000, 0xbf803000, 0x3f800fff, 0xbf801001, 0x3ffff000};

}

TEST(ThinProduct, RoundsOperandsToTheNearestAndKeepsNaNAndInfinity)
{
    const int count = static_cast<int>(std::size(unrounded));
    for (const Precision precision : {Precision::bf16, Precision::tf32})
        for (const bool is_weight : {false, true}) {
            Matrix values(count, 1), result(is_weight ? 1 : count, is_weight ? count : 1);
            for (int r = 0; r < count; r++)
                values(r, 0) = std::bit_cast<float>(unrounded[r]);
            Matrix one(1, 1, {}, [](int, int) { return 1; });
            const Operands operands(result.rows(), result.columns(), {});
            const Tensor x = is_weight ? one.tensor() : values.tensor(), w = is_weight ? values.tensor() : one.tensor();
            launch_thin(precision, "thin_multiply_transposed", result.columns(), 16, x, w, Tensor(), operands.beside(result.tensor()));
            expect_matrix(result, "y", 0, [&](int r, int c) {
                const float value = std::bit_cast<float>(unrounded[r + c]);
                return static_cast<double>(precision == Precision::tf32 ? rounded_to_tf32(value) : rounded_to_bfloat16(value));
            });
            operands.expect("y", result);
        }
}
