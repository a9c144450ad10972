#include "gpu.h"
#include "matrix.h"

namespace {

// Repeated, rare and missing ids; the last row of the table is used.
Ids some_ids(int count, int table_rows)
{
    std::vector<int> values;
    for (int r = 0; r < count; r++)
        values.push_back(r % 5 == 0 ? table_rows - 1 : (r * r + r / 7) % (table_rows - 1));
    return Ids(values);
}

constexpr int table_rows = 40;

}

TEST_P(Shapes, EmbeddingForward)
{
    const Shape shape = GetParam();
    const Ids ids = some_ids(shape.rows, table_rows);
    Matrix table = Matrix::random(table_rows, shape.columns, shape.layout, -1, 1), y(shape.rows, shape.columns, {1, 1});
    launch_elements("embedding_forward", shape.rows, shape.columns, shape.grid_rows, ids.tensor(), table.tensor(), y.tensor());
    expect_matrix(y, "y", 0, [&](int r, int c) { return table(ids[r], c); });
}

// The sum in row order, in float32: the bits are part of the meaning.
TEST_P(Shapes, EmbeddingBackward)
{
    const Shape shape = GetParam();
    const Ids ids = some_ids(shape.rows, table_rows);
    Matrix dy = Matrix::random(shape.rows, shape.columns, shape.layout, -1, 1), d_table(table_rows, shape.columns, {3, 2}, [](int, int) { return 0; });
    launch("embedding_backward", {static_cast<unsigned>(shape.rows), static_cast<unsigned>((shape.columns + 255) / 256)}, {64}, ids.tensor(), dy.tensor(),
        d_table.tensor());
    expect_matrix(d_table, "d_table", 0, [&](int id, int c) {
        float sum = 0;
        for (int r = 0; r < shape.rows; r++)
            if (ids[r] == id)
                sum += dy(r, c);
        return sum;
    });
}

TEST(Embedding, OneIdForAllRows)
{
    const int rows = 100;
    const Ids ids(std::vector<int>(rows, 2));
    Matrix dy = Matrix::random(rows, 5, {}, -1, 1), d_table(4, 5, {}, [](int, int) { return 0; });
    launch("embedding_backward", {rows, 1}, {64}, ids.tensor(), dy.tensor(), d_table.tensor());
    expect_matrix(d_table, "d_table", 0, [&](int id, int c) {
        float sum = 0;
        for (int r = 0; id == 2 && r < rows; r++)
            sum += dy(r, c);
        return sum;
    });
}
