// Products of a thin x (up to 128 rows) with a matrix of weights on tensor cores, for kernels that go on with the sums: operands of bf16, or of float32
// that is rounded to TF32; float32 sums, the same bits every time.
//
// A block has a strip of the columns for all rows, so that each weight leaves L2 once, and x once for each strip. Strips are 16 columns wide or a
// multiple: 32 bytes of a row of weights, which is what L2 hands out; a narrower strip would fetch its neighbour's half as well. With B = 32,
// K = 1024, N = 1024 + 4096 in bf16 on an H100 (132 multiprocessors, L2 5.5 TB/s = 42 KB a microsecond for each of them, device memory 3.35 TB/s):
//   strips of 48    107 blocks, one a multiprocessor: 96 KB of weights and 64 KB of x each, 17 MB in all: 3.1 us from L2; the weights' 10.5 MB from
//                   device memory, where they have left L2: 3.1 us as well, at the same time
//   strips of 32    160 blocks, two on 28 of the multiprocessors: 64 + 64 KB each, 20 MB in all: 3.7 us
//   strips of 16    320 blocks, three on 56: 32 + 64 KB each, 31 MB in all: 5.6 us
// About 2 us more go to the launch, the first chunk's way, sums and epilogue: 5 to 6 us are expected. In flight are all chunks but one, 30 to 38 KB a
// block; 42 KB a microsecond at a latency of 0.7 us need 29. The arithmetic hides behind it: of a chunk of 64 and a strip of 48, whose 10 KB take some
// 430 cycles to come, a warp has one barrier, 5 ldmatrix and 6 products, some 250 cycles of latency; all warps' take 100 of the tensor cores.
// Where K is large beside N, x leaves L2 too often: the gates' gradient times W^T, K = 4096, N = 2560, moves 21 MB of weights and 20 MB of x in strips
// of 32, 7.5 us. Blocks that share K and a wider strip would save a quarter of it.
// The weights of the first chunks are fetched before the kernel waits for the one before it (dependent_launch.cuh).
// TF32 has the same bytes in a chunk and the same number of products for them, each of half the depth, and so twice the chunks: 17 MB become 34, 6.2 us from
// L2, with the rest 8 to 9 us. To round what it reads takes a warp 14 instructions beside 6 products.
#pragma once

#include "async_copy.cuh"
#include "dependent_launch.cuh"
#include "elements.cuh"
#include "mma.cuh"

// Two halves of the strip's columns times four parts: 32 rows each or, where there are fewer rows, shares of K.
constexpr int thin_block = 256;
constexpr int thin_residents = 2; // blocks on a multiprocessor at least
constexpr int thin_parts = 4;
constexpr int rows_of_part = 32;
constexpr int most_stages = 6;

struct alignas(16) EightOperands
{
    bfloat16 value[8];
};

struct alignas(16) ThinMemory
{
    unsigned char bytes[48 << 10]; // what every GPU gives without being asked
};

// One for all kernels of an image.
__device__ inline unsigned char* thin_memory()
{
    __shared__ ThinMemory memory;
    return memory.bytes;
}

// At most so many of the latest groups may be under way.
__device__ inline void wait_for_all_copies_but(int groups)
{
    switch (groups) {
    case 1:
        return wait_for_copies<1>();
    case 2:
        return wait_for_copies<2>();
    case 3:
        return wait_for_copies<3>();
    case 4:
        return wait_for_copies<4>();
    default:
        return wait_for_copies<0>();
    }
}

// Brings 16 bytes of operands of a row to shared memory, zeros from column `end` on and for rows past the last. What no copy of 16 bytes can fetch is there
// at once.
__device__ inline void bring_operands(const Tensor& source, int row, int column, int end, bfloat16* target)
{
    const int count = row < source.rows ? end - column : 0;
    EightOperands eight = {};
    if (source.operand != nullptr) {
        const bfloat16* const from = source.operand_row(row) + column;
        if (count >= 8 && reinterpret_cast<unsigned long long>(from) % 16 == 0) {
            copy_16_bytes(target, from);
            return;
        }
        for (int i = 0; i < 8; i++)
            if (i < count)
                eight.value[i] = from[i];
    } else if (count > 0) {
        const float* const from = source.row(row) + column;
        const Four first = load(from, count), second = load(from + 4, count - 4);
        for (int i = 0; i < 4; i++) {
            eight.value[i] = to_bfloat16(first[i]);
            eight.value[4 + i] = to_bfloat16(second[i]);
        }
    }
    *reinterpret_cast<EightOperands*>(target) = eight;
}

__device__ inline void bring_operands(const Tensor& source, int row, int column, int end, float* target)
{
    const int count = row < source.rows ? end - column : 0;
    const float* const from = source.row(row) + column;
    if (is_vector(from, count))
        copy_16_bytes(target, from);
    else
        store(load(from, count), target, 4);
}

// The sums of a block's strip in shared memory: one part for each share of K.
template <int columns>
struct ThinSums
{
    const float* parts;
    int shares;
    int rows;

    // In a fixed order.
    __device__ float operator()(int row, int column) const
    {
        float sum = 0.0f;
        for (int i = 0; i < shares; i++)
            sum += parts[(i * rows + row) * columns + column];
        return sum;
    }
};

// x w for a strip of w's columns, or x w^T for a strip of its rows: `columns` of them, the same ones of each of `groups` equal groups of which each
// has `count`, from `first` of the group on. Every thread of the block calls this and gets the sums of all.
template <typename Operand, bool is_transposed, int columns, int groups>
__device__ inline ThinSums<columns> multiply_thin(const Tensor& x, const Tensor& w, int first, int count)
{
    constexpr int operands_per_copy = operands_of_16_bytes<Operand>;
    static_assert(columns % 16 == 0 && columns % (groups * operands_per_copy) == 0 && columns <= 64 && (groups == 1 || !is_transposed));
    constexpr int padding = operands_per_copy; // rows of an odd number of 16 bytes: eight of them lie in different banks
    constexpr int w_padding = is_transposed ? padding : 8; // as load_fragment_b wants it
    constexpr int tiles = columns / 16; // of 8 columns, in a half
    const int depth = x.columns;
    const int thread = static_cast<int>(threadIdx.x);
    const int lane = thread % 32;
    const int warp = thread / 32;

    const int row_parts = x.rows <= rows_of_part ? 1 : x.rows <= 2 * rows_of_part ? 2 : 4;
    const int shares = thin_parts / row_parts;
    const int half = warp % 2;
    const int first_row = rows_of_part * (warp / 2 % row_parts);
    const int share = warp / 2 / row_parts;

    const int copies_log2 = row_parts == 1 ? 3 : 2; // for a row of a chunk
    const int copies = 1 << copies_log2;
    const int chunk = operands_per_copy * copies;
    const int chunks = (depth + chunk - 1) / chunk;
    const int x_stride = chunk + padding;
    const int w_stride = is_transposed ? x_stride : columns + w_padding;
    const int w_begin = rows_of_part * row_parts * x_stride;
    const int stage = w_begin + (is_transposed ? columns : chunk) * w_stride;
    const int places = static_cast<int>(sizeof(ThinMemory) / sizeof(Operand)) / stage;
    const int stages = places < most_stages ? places : most_stages;
    Operand* const memory = reinterpret_cast<Operand*>(thin_memory());

    // Where a column of the strip begins in its group.
    const auto offset = [first](int column) { return first + column % (columns / groups); };
    const auto group = [count](int column) { return count * (column / (columns / groups)); };

    const auto bring_x = [&](int number, Operand* x_tile) {
        for (int j = thread; j < rows_of_part * row_parts * copies; j += thin_block) {
            const int row = j >> copies_log2;
            const int column = operands_per_copy * (j & (copies - 1));
            bring_operands(x, row, chunk * number + column, depth, x_tile + row * x_stride + column);
        }
    };
    const auto bring_w = [&](int number, Operand* w_tile) {
        const int begin = chunk * number;
        if (is_transposed) {
            for (int j = thread; j < columns * copies; j += thin_block) {
                const int row = j >> copies_log2;
                const int column = operands_per_copy * (j & (copies - 1));
                bring_operands(w, first + row, begin + column, depth, w_tile + row * w_stride + column);
            }
        } else {
            for (int j = thread; j < chunk * (columns / operands_per_copy); j += thin_block) {
                const int row = j / (columns / operands_per_copy);
                const int column = operands_per_copy * (j % (columns / operands_per_copy));
                bring_operands(w, begin + row, group(column) + offset(column), group(column) + count, w_tile + row * w_stride + column);
            }
        }
    };

    // The kernel before may run still. It writes no weights: the host launches none so behind one that might.
    for (int i = 0; i < stages - 1 && i < chunks; i++)
        bring_w(i, memory + i * stage + w_begin);
    wait_for_earlier_kernels();

    FragmentOfSums sums[2][tiles] = {};
    int place = 0;
    int next_place = 0;
    for (int i = 1 - stages; i < chunks; i++) {
        if (i >= 0) {
            wait_for_all_copies_but(stages - 2);
            __syncthreads(); // all of the chunk is there, and nobody reads the one before it any more
        }
        const int next = i + stages - 1;
        if (next < chunks) {
            Operand* const x_tile = memory + next_place * stage;
            bring_x(next, x_tile);
            if (i >= 0)
                bring_w(next, x_tile + w_begin);
            next_place = next_place + 1 < stages ? next_place + 1 : 0;
        }
        commit_copies();
        if (i < 0)
            continue;
        __syncwarp(); // lanes may have parted where not all of them could copy
        const Operand* const x_tile = memory + place * stage;
        const Operand* const w_tile = x_tile + w_begin;
        for (int step = share; step < chunk / depth_of_step<Operand>; step += shares) {
            const int k = depth_of_step<Operand> * step;
            FragmentA<Operand> a[2];
            for (int m = 0; m < 2; m++)
                a[m] = load_fragment_a(x_tile + (first_row + 16 * m) * x_stride + k, x_stride, lane);
            for (int n = 0; n < tiles; n++) {
                const int column = 8 * (half * tiles + n);
                const FragmentB<Operand> b = is_transposed ? load_fragment_b_transposed(w_tile + column * w_stride + k, w_stride, lane)
                                                           : load_fragment_b(w_tile + k * w_stride + column, w_stride, lane);
                for (int m = 0; m < 2; m++)
                    multiply_add(sums[m][n], a[m], b);
            }
        }
        place = place + 1 < stages ? place + 1 : 0;
    }

    __syncthreads(); // the sums take the chunks' memory
    float* const parts = reinterpret_cast<float*>(thin_memory());
    const int rows = rows_of_part * row_parts;
    for (int m = 0; m < 2; m++)
        for (int n = 0; n < tiles; n++)
            for (int i = 0; i < 4; i++) {
                const int row = share * rows + first_row + 16 * m + row_of_sums(lane) + 8 * (i / 2);
                parts[row * columns + 8 * (half * tiles + n) + column_of_sums(lane) + i % 2] = sums[m][n].values[i];
            }
    __syncthreads();
    return {parts, shares, rows};
}

template <typename Operand, bool is_transposed, int columns, typename Epilogue>
__device__ inline void multiply_strip(const Tensor& x, const Tensor& w, int count, const Epilogue& epilogue)
{
    const int first = columns * static_cast<int>(blockIdx.x);
    const ThinSums<columns> sums = multiply_thin<Operand, is_transposed, columns, 1>(x, w, first, count);
    for (int i = static_cast<int>(threadIdx.x); i < x.rows * columns; i += thin_block)
        if (first + i % columns < count)
            epilogue(i / columns, first + i % columns, sums(i / columns, i % columns));
}

// Calls epilogue(row, column, sum) for every element of x w or x w^T; the grid's blocks have strips of 16, 32, 48 or 64 columns, as few as cover all.
template <typename Operand, bool is_transposed, typename Epilogue>
__device__ inline void multiply_thin_and(const Tensor& x, const Tensor& w, const Epilogue& epilogue)
{
    const int count = is_transposed ? w.rows : w.columns;
    const int blocks = static_cast<int>(gridDim.x);
    switch (((count + 15) / 16 + blocks - 1) / blocks) {
    case 1:
        return multiply_strip<Operand, is_transposed, 16>(x, w, count, epilogue);
    case 2:
        return multiply_strip<Operand, is_transposed, 32>(x, w, count, epilogue);
    case 3:
        return multiply_strip<Operand, is_transposed, 48>(x, w, count, epilogue);
    default:
        return multiply_strip<Operand, is_transposed, 64>(x, w, count, epilogue);
    }
}

constexpr int units_per_block = 16;

// Calls epilogue(row, unit, sum) for every row and unit, sum(i) the unit's element of x w in the i-th of the groups that w's columns make; units / 16 blocks.
template <typename Operand, int groups, typename Epilogue>
__device__ inline void multiply_thin_and_join(const Tensor& x, const Tensor& w, int units, const Epilogue& epilogue)
{
    const int first = units_per_block * static_cast<int>(blockIdx.x);
    const auto sums = multiply_thin<Operand, false, groups * units_per_block, groups>(x, w, first, units);
    for (int i = static_cast<int>(threadIdx.x); i < x.rows * units_per_block; i += thin_block) {
        const int row = i / units_per_block;
        const int place = i % units_per_block;
        if (first + place < units)
            epilogue(row, first + place, [&](int group) { return sums(row, group * units_per_block + place); });
    }
}
