#include "product.h"

#include "device.h"

#include <cmath>
#include <cstring>
#include <limits>

double rounded_to_tf32(double value)
{
    int exponent = 0;
    const double mantissa = std::frexp(value, &exponent);
    constexpr int bits = 11;   // with the leading one
    return std::ldexp(std::round(std::ldexp(mantissa, bits)), exponent - bits);
}

HostProduct HostProduct::random(bool transpose_a, bool transpose_b, int rows, int columns, int inner, int gap, unsigned seed)
{
    HostProduct p;
    p.transpose_a = transpose_a;
    p.transpose_b = transpose_b;
    p.rows = rows;
    p.columns = columns;
    p.inner = inner;
    const auto matrix = [&](int height, int width, int& step, unsigned offset) {
        step = height + gap;
        std::vector<float> values = random_values(static_cast<std::size_t>(step) * (width - 1) + height, seed + offset);
        for (int j = 0; j + 1 < width; ++j)
            for (int i = height; i < step; ++i)
                values[static_cast<std::size_t>(j) * step + i] = std::numeric_limits<float>::quiet_NaN();
        return values;
    };
    p.a = transpose_a ? matrix(inner, rows, p.a_step, 1) : matrix(rows, inner, p.a_step, 1);
    p.b = transpose_b ? matrix(columns, inner, p.b_step, 2) : matrix(inner, columns, p.b_step, 2);
    p.c = matrix(rows, columns, p.c_step, 3);
    return p;
}

std::vector<std::uint16_t> HostProduct::to_bf16(std::vector<float>& operand)
{
    std::vector<std::uint16_t> halves;
    for (float& value : operand) {
        std::uint32_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        bits &= 0xffff0000u;
        std::memcpy(&value, &bits, sizeof bits);
        halves.push_back(static_cast<std::uint16_t>(bits >> 16));
    }
    return halves;
}

std::string HostProduct::difference(const std::vector<float>& result) const
{
    const auto convert = [&](float value) { return tf32 ? rounded_to_tf32(value) : static_cast<double>(value); };
    for (int j = 0; j < columns; ++j) {
        for (int i = 0; i < rows; ++i) {
            double sum = 0, magnitude = 0;
            for (int k = 0; k < inner; ++k) {
                const float left = transpose_a ? a[static_cast<std::size_t>(i) * a_step + k] : a[static_cast<std::size_t>(k) * a_step + i];
                const float right = transpose_b ? b[static_cast<std::size_t>(k) * b_step + j] : b[static_cast<std::size_t>(j) * b_step + k];
                const double term = convert(left) * convert(right);
                sum += term;
                magnitude += std::abs(term);
            }
            const std::size_t at = static_cast<std::size_t>(j) * c_step + i;
            const double addend = accumulates ? c[at] : 0, shift = bias.empty() ? 0 : bias[i];
            const double expected = sum + addend + shift;
            const double bound = (inner + 4) * std::ldexp(magnitude + std::abs(addend) + std::abs(shift), -24);
            if (!(std::abs(result[at] - expected) <= bound))
                return "element (" + std::to_string(i) + ", " + std::to_string(j) + ") is " + std::to_string(result[at]) + ", not " + std::to_string(expected)
                    + " within " + std::to_string(bound);
        }
        if (j + 1 < columns && std::memcmp(&result[static_cast<std::size_t>(j) * c_step + rows], &c[static_cast<std::size_t>(j) * c_step + rows],
            (c_step - rows) * sizeof(float)) != 0)
            return "memory behind column " + std::to_string(j) + " was written";
    }
    return {};
}
