#include "matrix.h"

INSTANTIATE_TEST_SUITE_P(Kernels, Shapes, testing::ValuesIn(shapes()), [](const auto& given) { return name_of(given.param); });
