// Matrices of the tests: values on the host, and an allocation of their own on the device, so that an access past either end meets a guard page.
#pragma once

#include "arguments.h"

#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <string>
#include <vector>

// Where a matrix lies: elements before it, and elements between its rows.
struct Layout
{
    int offset = 0;
    int gap = 0;
};

class Matrix
{
public:
    // Not-a-number everywhere: what a kernel leaves out shows.
    Matrix(int rows, int columns, Layout layout = {});
    Matrix(int rows, int columns, Layout layout, const std::function<double(int, int)>& value);

    // Uniform numbers in [low, high], others for every matrix of a test.
    static Matrix random(int rows, int columns, Layout layout, double low, double high);

    int rows() const { return rows_; }
    int columns() const { return columns_; }
    float& operator()(int row, int column) { return values_[index(row, column)]; }
    float operator()(int row, int column) const { return values_[index(row, column)]; }

    // A view of the device's memory; the host's values are uploaded by the first call.
    Tensor tensor();

    // Takes the device's values. Fails the test where anything between the rows was written.
    void fetch();

private:
    std::size_t index(int row, int column) const
    {
        return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) + static_cast<std::size_t>(column);
    }
    std::size_t place(int row, int column) const;
    std::size_t elements() const;

    int rows_, columns_;
    Layout layout_;
    std::vector<float> values_;
    std::shared_ptr<float> memory_;
};

class Ids
{
public:
    explicit Ids(std::vector<int> numbers);

    int operator[](int i) const { return values[static_cast<std::size_t>(i)]; }
    IdTensor tensor() const { return {memory_.get(), static_cast<int>(values.size())}; }
    void fetch();

    std::vector<int> values;

private:
    std::shared_ptr<int> memory_;
};

// One shape of a test: its rows and columns, how its matrices lie, and the grid and block of launch_elements: rows at once, threads for 256 columns.
struct Shape
{
    int rows, columns;
    Layout layout;
    int grid_rows;
    unsigned element_threads = 64; // for four columns each; 256 for one
};

std::string name_of(const Shape& shape);

// Sizes 1, 17, 33, 1025 and every rest of a division by 4; dense, strided, and at addresses that no vector access may touch; grids lower than the rows.
std::vector<Shape> shapes();

// The two geometries: element_threads for 256 columns, and one block a row.
inline unsigned element_threads = 64; // as the shape of a test of Shapes says
void launch_elements_untyped(const char* kernel, int rows, int columns, int grid_rows, void** arguments);
void launch_rows_untyped(const char* kernel, int rows, int columns, void** arguments);

template <typename... Arguments>
void launch_elements(const char* kernel, int rows, int columns, int grid_rows, Arguments... arguments)
{
    void* pointers[] = {&arguments...};
    launch_elements_untyped(kernel, rows, columns, grid_rows, pointers);
}

template <typename... Arguments>
void launch_rows(const char* kernel, int rows, int columns, Arguments... arguments)
{
    void* pointers[] = {&arguments...};
    launch_rows_untyped(kernel, rows, columns, pointers);
}

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// What an element should be: a closed form in double precision, and the size of the terms that it is a sum of.
struct Expected
{
    double value;
    double magnitude = 0;

    Expected(double expected, double size_of_terms = 0) : value(expected), magnitude(size_of_terms) {}
};

// Fetches the matrix and fails once, naming the first difference, unless everywhere |actual - expected| <= tolerance max(1, |expected|, magnitude);
// not-a-number and infinities must be the same.
void expect_matrix(Matrix& actual, const std::string& name, double tolerance, const std::function<Expected(int, int)>& expected);

// A few roundings of float32.
constexpr double float_tolerance = 2e-6;

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Tests that run for every shape.
class Shapes : public testing::TestWithParam<Shape>
{
protected:
    void SetUp() override { element_threads = GetParam().element_threads; }
    void TearDown() override { element_threads = 64; }
};
