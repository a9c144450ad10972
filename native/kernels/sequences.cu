// Sequences [T B, N] in time-major order: their lengths, and their steps gathered into another batch size or order.
#include "dependent_launch.cuh"
#include "elements.cuh"

// Target row (j, n), j < steps and n < target_batch, is zero where n >= source_batch or j >= length(n),
// otherwise the source's row (j, n), or (length(n) - 1 - j, n) in reverse. lengths [source_batch]; empty: `steps` for all.
extern "C" __global__ void gather_steps(Tensor source, int source_batch, Tensor target, int target_batch, IdTensor lengths, int steps, int reverse)
{
    wait_for_earlier_kernels();
    for_elements(target.rows, target.columns, [&](auto width, int row, int column, int count) {
        const int step = row / target_batch;
        const int n = row % target_batch;
        int length = 0;
        if (n < source_batch)
            length = lengths.is_empty() ? steps : lengths.data[n];
        Elements<width> values = {};
        if (step < length) {
            const int source_step = reverse != 0 ? length - 1 - step : step;
            values = load<width>(source.row(source_step * source_batch + n) + column, count);
        }
        store(values, target.row(row) + column, count);
    });
}

// lengths[n] = number of ones in column n of validity [steps * batch, 1]. One thread a sequence.
extern "C" __global__ void sequence_lengths(Tensor validity, int batch, IdTensor lengths)
{
    wait_for_earlier_kernels();
    const int n = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (n >= batch)
        return;
    int length = 0;
    for (int row = n; row < validity.rows; row += batch)
        length += *validity.row(row) == 1.0f;
    lengths.data[n] = length;
}
