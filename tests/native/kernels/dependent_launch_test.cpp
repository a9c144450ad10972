#include "gpu.h"
#include "operands.h"

extern "C" int softgpu_configure(const char* name, const char* value);

// Two products of what a kernel before each writes: neither reads x too early, nor is x written while the first one reads it.
TEST(DependentLaunch, ThinProductsReadWhatTheKernelBeforeWrites)
{
    constexpr int rows = 33, depth = 200, columns = 40;
    constexpr Dimensions elements{1, rows, 1}, strips{3, 1, 1};
    Matrix first = Matrix::random(rows, depth, {}, -1, 1), second = Matrix::random(rows, depth, {}, -1, 1);
    Matrix w = Matrix::random(columns, depth, {}, -1, 1);
    const Operands weights(w, {});
    const auto product = [&](const Matrix& x, int r, int c) {
        Expected sum = 0;
        for (int k = 0; k < depth; k++) {
            const double term = static_cast<double>(rounded_to_bfloat16(x(r, k))) * rounded_to_bfloat16(w(c, k));
            sum.value += term;
            sum.magnitude += std::abs(term);
        }
        return sum;
    };
    for (int seed = 0; seed <= 10; seed++) {
        ASSERT_EQ(softgpu_configure("SOFTGPU_SEED", std::to_string(seed).c_str()), 0);
        const Operands x(rows, depth, {});
        Matrix y(rows, columns), z(rows, columns);
        const Tensor y_tensor = y.tensor(), z_tensor = z.tensor(), sources[] = {first.tensor(), second.tensor()};
        enqueue("copy", elements, {64, 1, 1}, sources[0], x.tensor());
        enqueue("thin_multiply_transposed", strips, {256, 1, 1}, x.tensor(), weights.tensor(), Tensor(), y_tensor);
        enqueue("copy", elements, {64, 1, 1}, sources[1], x.tensor());
        enqueue("thin_multiply_transposed", strips, {256, 1, 1}, x.tensor(), weights.tensor(), Tensor(), z_tensor);
        const std::string what = "seed " + std::to_string(seed);
        expect_matrix(y, what + ", the first", 4e-6, [&](int r, int c) { return product(first, r, c); });
        expect_matrix(z, what + ", the second", 4e-6, [&](int r, int c) { return product(second, r, c); });
    }
    softgpu_configure("SOFTGPU_SEED", "0");
}
