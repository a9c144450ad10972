// The bf16 operands that a tensor may have beside its elements, in an allocation of their own.
#pragma once

#include "matrix.h"

// To eight significant bits, ties to even.
float rounded_to_bfloat16(float value);

unsigned short bits_of_bfloat16(float value);

class Operands
{
public:
    // Not-a-number everywhere, at distances of columns + gap from row to row.
    Operands(int rows, int columns, Layout layout);
    // Rounded.
    Operands(const Matrix& values, Layout layout);

    // A tensor of operands alone.
    Tensor tensor() const;
    // The tensor with them; it must have the same distances.
    Tensor beside(Tensor tensor) const;

    // Fails the test unless they are the rounded values, and nothing between their rows was written.
    void expect(const std::string& name, const Matrix& values) const;
    // As expect_matrix, to the precision that they have.
    void expect_near(const std::string& name, const std::function<Expected(int, int)>& expected) const;

private:
    std::size_t place(int row, int column) const;
    std::vector<unsigned short> fetch() const;

    int rows_, columns_;
    Layout layout_;
    std::vector<unsigned short> initial_;
    std::shared_ptr<unsigned short> memory_;
};
