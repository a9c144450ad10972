// Rows of a table by id, and the sum of their gradients.
#include "dependent_launch.cuh"
#include "elements.cuh"
#include "reduce.cuh"

// y = table[ids]. ids [R], table [V, E], y [R, E].
extern "C" __global__ void embedding_forward(IdTensor ids, Tensor table, Tensor y)
{
    wait_for_earlier_kernels();
    for_elements(y.rows, y.columns, [&](auto width, int row, int column, int count) {
        store(load<width>(table.row(ids.data[row]) + column, count), y, row, column, count);
    });
}

// Which of the 32 ids from `start` on, up to `end`, are this id: a bit each, the same on every lane.
__device__ inline unsigned rows_of_id(const IdTensor& ids, int id, int start, int end)
{
    const int index = start + static_cast<int>(threadIdx.x) % warp_size;
    return __ballot_sync(all_lanes, index < end && ids.data[index] == id);
}

// d_table[id] = sum of the rows of dy with that id, in row order and without atomics: the block of an id's first row adds them all.
// d_table [V, E] is zero before; ids [R], dy [R, E]; grid (R, columns / 256), block (64, 1, 1).
extern "C" __global__ void embedding_backward(IdTensor ids, Tensor dy, Tensor d_table)
{
    wait_for_earlier_kernels();
    const int first = static_cast<int>(blockIdx.x);
    const int id = ids.data[first];
    for (int start = 0; start < first; start += warp_size)
        if (rows_of_id(ids, id, start, first) != 0)
            return;

    const int column = 4 * static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    const int count = dy.columns - column;
    Four sum = {};
    for (int start = first; start < ids.count; start += warp_size) {
        for (unsigned rows = rows_of_id(ids, id, start, ids.count); rows != 0; rows &= rows - 1) {
            if (count <= 0)
                continue;
            const Four d = load(dy.row(start + __ffs(static_cast<int>(rows)) - 1) + column, count);
            for (int k = 0; k < 4; k++)
                sum[k] += d[k];
        }
    }
    if (count > 0)
        store(sum, d_table.row(id) + column, count);
}
