#include "matrix.h"

#include "gpu.h"

#include <algorithm>
#include <iomanip>
#include <random>
#include <sstream>

namespace {

// What lies between the rows; any write there changes it.
constexpr float untouched = -12345.75f;

double uniform()
{
    static std::mt19937 generator(20171116);
    return generator() * 0x1p-32;
}

}

Matrix::Matrix(int rows, int columns, Layout layout)
    : rows_(rows), columns_(columns), layout_(layout),
        values_(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns), static_cast<float>(nan_value))
{
}

Matrix::Matrix(int rows, int columns, Layout layout, const std::function<double(int, int)>& value)
    : Matrix(rows, columns, layout)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            (*this)(r, c) = static_cast<float>(value(r, c));
}

Matrix Matrix::random(int rows, int columns, Layout layout, double low, double high)
{
    return Matrix(rows, columns, layout, [=](int, int) { return low + (high - low) * uniform(); });
}

std::size_t Matrix::place(int row, int column) const
{
    return static_cast<std::size_t>(layout_.offset) + static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_ + layout_.gap)
        + static_cast<std::size_t>(column);
}

std::size_t Matrix::elements() const { return place(rows_ - 1, columns_ - 1) + 1; }

Tensor Matrix::tensor()
{
    if (!memory_) {
        std::vector<float> all(elements(), untouched);
        for (int r = 0; r < rows_; r++)
            for (int c = 0; c < columns_; c++)
                all[place(r, c)] = (*this)(r, c);
        memory_ = std::shared_ptr<float>(static_cast<float*>(allocate(all.size() * sizeof(float))), release);
        upload(memory_.get(), all.data(), all.size() * sizeof(float));
    }
    return {memory_.get() + layout_.offset, rows_, columns_, columns_ + layout_.gap};
}

void Matrix::fetch()
{
    std::vector<float> all(elements());
    download(all.data(), memory_.get(), all.size() * sizeof(float));
    for (int r = 0; r < rows_; r++)
        for (int c = 0; c < columns_; c++) {
            (*this)(r, c) = all[place(r, c)];
            all[place(r, c)] = untouched;
        }
    EXPECT_TRUE(std::all_of(all.begin(), all.end(), [](float x) { return x == untouched; })) << "written between the rows";
}

Ids::Ids(std::vector<int> numbers)
    : values(std::move(numbers)), memory_(static_cast<int*>(allocate(values.size() * sizeof(int))), release)
{
    upload(memory_.get(), values.data(), values.size() * sizeof(int));
}

void Ids::fetch() { download(values.data(), memory_.get(), values.size() * sizeof(int)); }

std::string name_of(const Shape& shape)
{
    return std::to_string(shape.rows) + "x" + std::to_string(shape.columns) + "_offset" + std::to_string(shape.layout.offset) + "_gap"
        + std::to_string(shape.layout.gap) + "_grid" + std::to_string(shape.grid_rows) + "_threads" + std::to_string(shape.element_threads);
}

std::vector<Shape> shapes()
{
    std::vector<Shape> all = {
        {1, 1, {}, 1},
        {1, 17, {}, 1},
        {17, 1, {}, 17},
        {33, 33, {}, 33},
        {17, 33, {1, 0}, 4},
        {33, 17, {0, 3}, 5},
        {7, 19, {0, 1}, 3},
        {5, 6, {4, 2}, 5},
        {5, 64, {}, 2},
        {5, 64, {3, 1}, 5},
        {3, 260, {4, 12}, 1},
        {1, 1025, {}, 1},
        {3, 1025, {2, 5}, 2},
        {1025, 1, {0, 1}, 100},
    };
    for (std::size_t i = 0, count = all.size(); i < count; i++) {
        all.push_back(all[i]);
        all.back().element_threads = 256;
    }
    return all;
}

void launch_elements_untyped(const char* kernel, int rows, int columns, int grid_rows, void** arguments)
{
    const Dimensions grid = {static_cast<unsigned>((columns + 255) / 256), static_cast<unsigned>(std::min(rows, grid_rows)), 1};
    launch_untyped(kernel, grid, {element_threads, 1, 1}, arguments);
}

void launch_rows_untyped(const char* kernel, int rows, int columns, void** arguments)
{
    unsigned threads = 32;
    while (threads < 256 && threads < static_cast<unsigned>(columns))
        threads *= 2;
    launch_untyped(kernel, {static_cast<unsigned>(rows), 1, 1}, {threads, 1, 1}, arguments);
}

void expect_matrix(Matrix& actual, const std::string& name, double tolerance, const std::function<Expected(int, int)>& expected)
{
    actual.fetch();
    int differences = 0;
    std::ostringstream first;
    for (int r = 0; r < actual.rows(); r++) {
        for (int c = 0; c < actual.columns(); c++) {
            const double value = actual(r, c);
            const Expected e = expected(r, c);
            const bool close = std::isfinite(value) && std::isfinite(e.value)
                ? std::abs(value - e.value) <= tolerance * std::max({1.0, std::abs(e.value), e.magnitude})
                : std::isnan(e.value) ? std::isnan(value) : value == e.value;
            if (close)
                continue;
            if (differences++ == 0)
                first << '(' << r << ", " << c << "): " << std::setprecision(9) << value << " instead of " << e.value;
        }
    }
    EXPECT_EQ(differences, 0) << name << first.str();
}
