#include "operands.h"

#include "gpu.h"

#include <bit>
#include <cstdint>

namespace {

constexpr unsigned short untouched = 0xa5a5;

float value_of(unsigned short bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

}

float rounded_to_bfloat16(float value)
{
    if (!std::isfinite(value) || value == 0)
        return value;
    int exponent = 0;
    const double mantissa = std::frexp(static_cast<double>(value), &exponent);
    return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(mantissa, 8)), exponent - 8));
}

unsigned short bits_of_bfloat16(float value) { return static_cast<unsigned short>(std::bit_cast<std::uint32_t>(rounded_to_bfloat16(value)) >> 16); }

Operands::Operands(int rows, int columns, Layout layout) : rows_(rows), columns_(columns), layout_(layout)
{
    initial_.assign(place(rows - 1, columns - 1) + 1, untouched);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            initial_[place(r, c)] = 0x7fc0;
    memory_ = std::shared_ptr<unsigned short>(static_cast<unsigned short*>(allocate(initial_.size() * sizeof(unsigned short))), release);
    upload(memory_.get(), initial_.data(), initial_.size() * sizeof(unsigned short));
}

Operands::Operands(const Matrix& values, Layout layout) : Operands(values.rows(), values.columns(), layout)
{
    for (int r = 0; r < rows_; r++)
        for (int c = 0; c < columns_; c++)
            initial_[place(r, c)] = bits_of_bfloat16(values(r, c));
    upload(memory_.get(), initial_.data(), initial_.size() * sizeof(unsigned short));
}

Tensor Operands::tensor() const { return beside({nullptr, rows_, columns_, columns_ + layout_.gap}); }

Tensor Operands::beside(Tensor tensor) const
{
    EXPECT_EQ(tensor.stride, columns_ + layout_.gap);
    tensor.operand = memory_.get() + layout_.offset;
    return tensor;
}

std::size_t Operands::place(int row, int column) const
{
    return static_cast<std::size_t>(layout_.offset) + static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_ + layout_.gap)
        + static_cast<std::size_t>(column);
}

std::vector<unsigned short> Operands::fetch() const
{
    std::vector<unsigned short> all(initial_.size());
    download(all.data(), memory_.get(), all.size() * sizeof(unsigned short));
    std::vector<unsigned short> between = all;
    for (int r = 0; r < rows_; r++)
        for (int c = 0; c < columns_; c++)
            between[place(r, c)] = untouched;
    EXPECT_EQ(between, std::vector<unsigned short>(between.size(), untouched)) << "written between the rows of operands";
    return all;
}

void Operands::expect(const std::string& name, const Matrix& values) const
{
    const std::vector<unsigned short> all = fetch();
    int differences = 0;
    for (int r = 0; r < rows_; r++)
        for (int c = 0; c < columns_; c++) {
            const float value = values(r, c);
            const bool same = std::isnan(value) ? std::isnan(value_of(all[place(r, c)])) : all[place(r, c)] == bits_of_bfloat16(value);
            differences += same ? 0 : 1;
        }
    EXPECT_EQ(differences, 0) << "operands of " << name;
}

void Operands::expect_near(const std::string& name, const std::function<Expected(int, int)>& expected) const
{
    const std::vector<unsigned short> all = fetch();
    int differences = 0;
    for (int r = 0; r < rows_; r++)
        for (int c = 0; c < columns_; c++) {
            const Expected e = expected(r, c);
            differences += std::abs(value_of(all[place(r, c)]) - e.value) <= std::ldexp(1, -8) * std::max({1.0, std::abs(e.value), e.magnitude}) ? 0 : 1;
        }
    EXPECT_EQ(differences, 0) << "operands of " << name;
}
