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
// What a multiprocessor does beside the copies must stay below that: each thread computes its addresses once and steps them on from chunk to chunk, and
// what follows the sums loads for several elements before it computes one. (One at a time, with every address computed anew, took 12 to 19 us.)
// Where K is large beside N, x leaves L2 too often: the gates' gradient times W^T, K = 4096, N = 2560, moves 21 MB of weights and 20 MB of x in strips
// of 32, 7.5 us. Blocks that share K and a wider strip would save a quarter of it.
// The weights of the first chunks are fetched before the kernel waits for the one before it (dependent_launch.cuh), for which two blocks have room.
// TF32 has the same bytes in a chunk and the same number of products for them, each of half the depth, and so twice the chunks. To round what it reads
// takes a warp 14 instructions beside 6 products.
#pragma once

#include "async_copy.cuh"
#include "dependent_launch.cuh"
#include "dynamic_memory.cuh"
#include "elements.cuh"
#include "mma.cuh"

// Two halves of the strip's columns times four parts: 32 rows each or, where there are fewer rows, shares of K.
constexpr int thin_block = 256;
constexpr int thin_residents = 2; // blocks on a multiprocessor at least
constexpr int thin_parts = 4;
constexpr int rows_of_part = 32;
constexpr int copies_of_row = 8; // of 16 bytes, of a row of a chunk
constexpr int most_stages = 8;
constexpr int thin_bytes = 96 << 10; // of dynamic shared memory: what every GPU with these products has for a block
static_assert(thin_block == rows_of_part * copies_of_row);

struct alignas(16) EightOperands
{
    bfloat16 value[8];
};

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
    case 5:
        return wait_for_copies<5>();
    case 6:
        return wait_for_copies<6>();
    default:
        return wait_for_copies<0>();
    }
}

template <typename Operand>
__device__ inline const Operand* operands_of(const Tensor& source);

template <>
__device__ inline const bfloat16* operands_of<bfloat16>(const Tensor& source) { return source.operand; }

template <>
__device__ inline const float* operands_of<float>(const Tensor& source) { return source.data; }

// Whether every row begins on a multiple of 16 bytes, so that copies of 16 bytes bring all of it.
template <typename Operand>
__device__ inline bool is_aligned(const Tensor& source)
{
    const Operand* const operands = operands_of<Operand>(source);
    return operands != nullptr && reinterpret_cast<unsigned long long>(operands) % 16 == 0 && source.stride % operands_of_16_bytes<Operand> == 0;
}

// Of so many operands that are left in a row, what one copy brings.
template <typename Operand>
__device__ inline int bytes_of_copy(int left)
{
    return left <= 0 ? 0 : left < operands_of_16_bytes<Operand> ? left * static_cast<int>(sizeof(Operand)) : 16;
}

// Writes 16 bytes of operands of any row to shared memory, zeros from column `end` on and for rows past the last.
__device__ inline void bring_operands(const Tensor& source, int row, int column, int end, bfloat16* target)
{
    const int count = row < source.rows ? end - column : 0;
    EightOperands eight = {};
    if (source.operand != nullptr) {
        const bfloat16* const from = source.operand_row(row) + column;
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
    store(load(source.row(row) + column, count), target, 4);
}

// The sums of a block's strip in shared memory: one part for each share of K.
struct ThinSums
{
    const float* parts;
    int shares;
    int rows;
    int stride;

    // In a fixed order.
    __device__ float operator()(int row, int column) const
    {
        float sum = 0.0f;
        for (int i = 0; i < shares; i++)
            sum += parts[(i * rows + row) * stride + column];
        return sum;
    }
};

// x w for a strip of w's columns, or x w^T for a strip of its rows: `columns` of them, the same ones of each of `groups` equal groups of which each
// has `count`, from `first` of the group on. Every thread of the block calls this and gets the sums of all. `by_copies`: both matrices are aligned, and
// so are the groups.
template <typename Operand, bool is_transposed, int columns, int groups, bool by_copies>
__device__ inline ThinSums multiply_thin(const Tensor& x, const Tensor& w, int first, int count)
{
    constexpr int per_copy = operands_of_16_bytes<Operand>;
    static_assert(columns % 16 == 0 && columns % (groups * per_copy) == 0 && columns <= 64 && (groups == 1 || !is_transposed));
    constexpr int chunk = per_copy * copies_of_row;
    constexpr int steps_of_chunk = chunk / depth_of_step<Operand>;
    constexpr int x_stride = chunk + per_copy; // rows of an odd number of 16 bytes: eight of them lie in different banks
    constexpr int w_stride = is_transposed ? x_stride : columns + 8; // the latter as load_fragment_b wants it
    constexpr int w_copies = columns * copies_of_row; // of a chunk, either way
    constexpr int w_passes = (w_copies + thin_block - 1) / thin_block;
    constexpr int copies_of_w_row = is_transposed ? copies_of_row : columns / per_copy;
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

    const int chunks = (depth + chunk - 1) / chunk;
    const int w_begin = rows_of_part * row_parts * x_stride;
    const int stage = w_begin + (is_transposed ? columns : chunk) * w_stride;
    const int places = thin_bytes / static_cast<int>(sizeof(Operand)) / stage;
    const int stages = places < most_stages ? places : most_stages;
    Operand* const memory = reinterpret_cast<Operand*>(dynamic_memory());

    // A thread brings the same places of every chunk: of x one of each part, of w one in each pass.
    const int x_row = thread / copies_of_row;
    const int x_column = per_copy * (thread % copies_of_row);
    const Operand* const x_from = by_copies ? operands_of<Operand>(x) + static_cast<long long>(x_row) * x.stride + x_column : nullptr;
    const auto bring_x = [&](int number, Operand* x_tile) {
        const int begin = chunk * number;
        VBILSTM_UNROLL
        for (int part = 0; part < thin_parts; part++) {
            if (part >= row_parts)
                break;
            const int row = x_row + rows_of_part * part;
            Operand* const target = x_tile + row * x_stride + x_column;
            if constexpr (by_copies)
                copy_16_bytes(target, x_from + static_cast<long long>(rows_of_part * part) * x.stride + begin,
                    row < x.rows ? bytes_of_copy<Operand>(depth - begin - x_column) : 0);
            else
                bring_operands(x, row, begin + x_column, depth, target);
        }
    };

    int w_row[w_passes], w_column[w_passes], w_end[w_passes]; // of the tile; of w's row, its group's end
    const Operand* w_from[w_passes];
    VBILSTM_UNROLL
    for (int pass = 0; pass < w_passes; pass++) {
        const int place = thread + thin_block * pass;
        w_row[pass] = place / copies_of_w_row;
        const int column = per_copy * (place % copies_of_w_row);
        const int group = column / (columns / groups);
        w_column[pass] = is_transposed ? column : count * group + first + column % (columns / groups);
        w_end[pass] = is_transposed ? depth : count * (group + 1);
        w_from[pass] = by_copies
            ? operands_of<Operand>(w) + static_cast<long long>(is_transposed ? first + w_row[pass] : w_row[pass]) * w.stride + w_column[pass]
            : nullptr;
    }
    const auto bring_w = [&](int number, Operand* w_tile) {
        const int begin = chunk * number;
        VBILSTM_UNROLL
        for (int pass = 0; pass < w_passes; pass++) {
            const int place = thread + thin_block * pass;
            if (w_copies % thin_block != 0 && place >= w_copies)
                break;
            Operand* const target = w_tile + w_row[pass] * w_stride + per_copy * (place % copies_of_w_row);
            const int row = is_transposed ? first + w_row[pass] : begin + w_row[pass];
            const int column = is_transposed ? begin + w_column[pass] : w_column[pass];
            if constexpr (by_copies)
                copy_16_bytes(target, w_from[pass] + (is_transposed ? begin : static_cast<long long>(begin) * w.stride),
                    row < w.rows ? bytes_of_copy<Operand>(w_end[pass] - column) : 0);
            else
                bring_operands(w, row, column, w_end[pass], target);
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
        __syncwarp(); // lanes may have parted where they brought single elements
        const Operand* const x_tile = memory + place * stage;
        const Operand* const w_tile = x_tile + w_begin;
        for (int step = share; step < steps_of_chunk; step += shares) {
            const int k = depth_of_step<Operand> * step;
            FragmentA<Operand> a[2];
            VBILSTM_UNROLL
            for (int m = 0; m < 2; m++)
                a[m] = load_fragment_a(x_tile + (first_row + 16 * m) * x_stride + k, x_stride, lane);
            VBILSTM_UNROLL
            for (int n = 0; n < tiles; n++) {
                const int column = 8 * (half * tiles + n);
                const FragmentB<Operand> b = is_transposed ? load_fragment_b_transposed(w_tile + column * w_stride + k, w_stride, lane)
                                                           : load_fragment_b(w_tile + k * w_stride + column, w_stride, lane);
                VBILSTM_UNROLL
                for (int m = 0; m < 2; m++)
                    multiply_add(sums[m][n], a[m], b);
            }
        }
        place = place + 1 < stages ? place + 1 : 0;
    }

    __syncthreads(); // the sums take the chunks' memory
    constexpr int stride = columns + 8; // eight rows of two columns for a lane lie in different banks
    float* const parts = reinterpret_cast<float*>(memory);
    const int rows = rows_of_part * row_parts;
    VBILSTM_UNROLL
    for (int m = 0; m < 2; m++)
        VBILSTM_UNROLL
        for (int n = 0; n < tiles; n++)
            VBILSTM_UNROLL
            for (int i = 0; i < 4; i++) {
                const int row = share * rows + first_row + 16 * m + row_of_sums(lane) + 8 * (i / 2);
                parts[row * stride + 8 * (half * tiles + n) + column_of_sums(lane) + i % 2] = sums[m][n].values[i];
            }
    __syncthreads();
    return {parts, shares, rows, stride};
}

// end(row, column, load(row, column)) for the elements of so many rows and columns, by all threads of the block, each of which loads for four before it
// ends one.
template <typename Load, typename End>
__device__ inline void load_and_end(int rows, int columns, const Load& load, const End& end)
{
    constexpr int together = 4;
    for (int first = static_cast<int>(threadIdx.x); first < rows * columns; first += together * thin_block) {
        decltype(load(0, 0)) loaded[together] = {};
        VBILSTM_UNROLL
        for (int i = 0; i < together; i++) {
            const int place = first + i * thin_block;
            if (place < rows * columns)
                loaded[i] = load(place / columns, place % columns);
        }
        VBILSTM_UNROLL
        for (int i = 0; i < together; i++) {
            const int place = first + i * thin_block;
            if (place < rows * columns)
                end(place / columns, place % columns, loaded[i]);
        }
    }
}

template <typename Operand, bool is_transposed>
__device__ inline ThinSums multiply_strips(const Tensor& x, const Tensor& w, int first, int count, int strips)
{
    switch (strips) {
    case 1:
        return multiply_thin<Operand, is_transposed, 16, 1, true>(x, w, first, count);
    case 2:
        return multiply_thin<Operand, is_transposed, 32, 1, true>(x, w, first, count);
    case 3:
        return multiply_thin<Operand, is_transposed, 48, 1, true>(x, w, first, count);
    default:
        return multiply_thin<Operand, is_transposed, 64, 1, true>(x, w, first, count);
    }
}

// Calls end(row, column, sum, load(row, column)) for every element of x w or x w^T; the grid's blocks have strips of 16, 32, 48 or 64 columns, as few as
// cover all.
template <typename Operand, bool is_transposed, typename Load, typename End>
__device__ inline void multiply_thin_and(const Tensor& x, const Tensor& w, const Load& load, const End& end)
{
    const int count = is_transposed ? w.rows : w.columns;
    const int blocks = static_cast<int>(gridDim.x);
    const int strips = ((count + 15) / 16 + blocks - 1) / blocks;
    const bool by_copies = is_aligned<Operand>(x) && is_aligned<Operand>(w);
    const int rounds = by_copies ? 1 : strips;
    for (int round = 0; round < rounds; round++) {
        if (round > 0)
            __syncthreads(); // the next chunks take the sums' memory
        const int first = 16 * (strips * static_cast<int>(blockIdx.x) + round), width = 16 * strips / rounds;
        const ThinSums sums = by_copies ? multiply_strips<Operand, is_transposed>(x, w, first, count, strips)
                                        : multiply_thin<Operand, is_transposed, 16, 1, false>(x, w, first, count);
        load_and_end(
            x.rows, count - first < width ? count - first : width, [&](int row, int column) { return load(row, first + column); },
            [&](int row, int column, const auto& loaded) { end(row, first + column, sums(row, column), loaded); });
    }
}

constexpr int units_per_block = 16;

// Calls end(row, unit, sum, load(row, unit)) for every row and unit, sum(i) the unit's element of x w in the i-th of the groups that w's columns make;
// units / 16 blocks.
template <typename Operand, int groups, typename Load, typename End>
__device__ inline void multiply_thin_and_join(const Tensor& x, const Tensor& w, int units, const Load& load, const End& end)
{
    constexpr int columns = groups * units_per_block;
    const int first = units_per_block * static_cast<int>(blockIdx.x);
    const bool by_copies = is_aligned<Operand>(x) && is_aligned<Operand>(w) && units % operands_of_16_bytes<Operand> == 0;
    const ThinSums sums = by_copies ? multiply_thin<Operand, false, columns, groups, true>(x, w, first, units)
                                    : multiply_thin<Operand, false, columns, groups, false>(x, w, first, units);
    load_and_end(
        x.rows, units - first < units_per_block ? units - first : units_per_block, [&](int row, int unit) { return load(row, first + unit); },
        [&](int row, int unit, const auto& loaded) {
            end(row, first + unit, [&](int group) { return sums(row, group * units_per_block + unit); }, loaded);
        });
}
