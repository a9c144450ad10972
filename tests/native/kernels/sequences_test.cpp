#include "gpu.h"
#include "matrix.h"

namespace {

void check_gather(int source_batch, int target_batch, int steps, int columns, bool with_lengths, bool reverse, Layout layout, int grid_rows)
{
    std::vector<int> values;
    for (int n = 0; n < source_batch; n++)
        values.push_back(steps - n % (steps + 1));
    const Ids lengths(values);
    Matrix source = Matrix::random(steps * source_batch, columns, layout, -1, 1), target(steps * target_batch, columns, {1, 1});
    launch_elements("gather_steps", steps * target_batch, columns, grid_rows, source.tensor(), source_batch, target.tensor(), target_batch,
        with_lengths ? lengths.tensor() : IdTensor(), steps, reverse ? 1 : 0);
    expect_matrix(target, "target", 0, [&](int row, int c) {
        const int j = row / target_batch, n = row % target_batch;
        const int length = n >= source_batch ? 0 : with_lengths ? lengths[n] : steps;
        if (j >= length)
            return 0.0f;
        return source((reverse ? length - 1 - j : j) * source_batch + n, c);
    });
}

}

TEST(GatherSteps, PadsCutsAndReverses)
{
    for (const bool with_lengths : {false, true})
        for (const bool reverse : {false, true})
            for (const int target_batch : {2, 3, 8})
                for (const int columns : {1, 17, 33, 300}) {
                    check_gather(3, target_batch, 5, columns, with_lengths, reverse, {}, 65535);
                    check_gather(3, target_batch, 5, columns, with_lengths, reverse, {1, 3}, 4);
                }
}

TEST(SequenceLengths, CountsTheOnesOfEachColumn)
{
    for (const int batch : {1, 17, 64, 65, 130}) {
        const int steps = 9;
        Matrix validity(steps * batch, 1, {1, 2}, [&](int row, int) { return row / batch < row % batch % (steps + 1) ? 1 : 0; });
        Ids lengths(std::vector<int>(static_cast<std::size_t>(batch), -1));
        launch("sequence_lengths", {static_cast<unsigned>((batch + 63) / 64)}, {64}, validity.tensor(), batch, lengths.tensor());
        lengths.fetch();
        for (int n = 0; n < batch; n++)
            EXPECT_EQ(lengths[n], n % (steps + 1)) << "column " << n << " of " << batch;
    }
}
