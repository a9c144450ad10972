// Products of a loop over time whose weights stay in shared memory: x [B, K] of up to 128 rows in bf16 with strips of a matrix, float32 sums. The bits are
// those of thin_product.cuh: the same shares of K on the same products of fragments, added in the same order.
//
// What a block has of a matrix are tiles of 8 columns, of each of equal groups of columns the same ones, in the order that tensor cores take them: 8 bytes a
// lane, no two lanes of a warp in one bank. x comes from other blocks through L2 in the order of its fragments too, 512 bytes for a warp at once, and each
// fragment is read by one warp of the block; 8 of a warp's are under way, 32 KB a block.
// An H100's 132 multiprocessors have 227 KB for a block each, 27.9 MB without the sums: room for the weights of ptb-char (24.9 MB) and seq-mnist (26.7).
#pragma once

#include "dynamic_memory.cuh"
#include "grid_barrier.cuh"
#include "mma.cuh"
#include "tensor.cuh"

constexpr int resident_block = 256;
constexpr int warps_of_block = resident_block / 32;
constexpr int tile_columns = 8;
constexpr int most_tiles = 8; // of a product in a block
constexpr int tiles_at_once = 4; // whose sums are in shared memory
constexpr int fragment_depth = depth_of_step<bfloat16>;
constexpr int rows_of_fragment = 16;
constexpr int fragments_ahead = 8;

// The launch's shared memory: sums, then weights.
constexpr int sums_stride = tiles_at_once * tile_columns;
constexpr int bytes_of_sums = warps_of_block * rows_of_fragment * sums_stride * static_cast<int>(sizeof(float));

__device__ constexpr int fragments_of(int depth) { return (depth + fragment_depth - 1) / fragment_depth; }

// What one block writes for the products of others: an x [B, K] by fragments, each with its 32 lanes' four words. Rows and columns past its end are zeros that
// nobody writes.
struct Exchange
{
    bfloat16* elements;
    int fragments; // in a row of them

    __device__ void put(int row, int column, float value) const
    {
        const int fragment = row / rows_of_fragment * fragments + column / fragment_depth;
        const int lane = row % 8 * 4 + column % 8 / 2;
        const int word = row % rows_of_fragment / 8 + column % fragment_depth / 8 * 2;
        elements[((fragment * 32 + lane) * 4 + word) * 2 + column % 2] = to_bfloat16(value);
    }

    // Past the multiprocessor's own cache, which may have what stood there a time step ago.
    __device__ FragmentA<bfloat16> load(int row_of_fragments, int place, int lane) const
    {
        FragmentA<bfloat16> a = {};
        const auto* const words = reinterpret_cast<const unsigned*>(elements) + ((row_of_fragments * fragments + place) * 32 + lane) * 4;
#ifndef __CUDACC__
        for (int i = 0; i < 4; i++)
            a.words[i] = words[i];
#else
        asm volatile("ld.global.cg.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(a.words[0]), "=r"(a.words[1]), "=r"(a.words[2]), "=r"(a.words[3]) : "l"(__cvta_generic_to_global(words)) : "memory");
#endif
        return a;
    }
};

static_assert(sizeof(Exchange) == 16, "the managed side passes these bytes");

// The same of single elements in float32.
__device__ inline float load_from_other_block(const Tensor& source, int row, int column)
{
#ifndef __CUDACC__
    return source.row(row)[column];
#else
    return __ldcg(source.row(row) + column);
#endif
}

// Rows so many time steps on; empty stays empty, and so does what holds a single time step stay where it is.
__device__ inline Tensor at_step(const Tensor& sequence, int step, int rows)
{
    if (sequence.is_empty() || sequence.rows == rows)
        return sequence;
    const long long offset = static_cast<long long>(step) * rows * sequence.stride;
    return {sequence.data == nullptr ? nullptr : sequence.data + offset, rows, sequence.columns, sequence.stride,
        sequence.operand == nullptr ? nullptr : sequence.operand + offset};
}

__device__ inline bfloat16 operand_at(const Tensor& source, int row, int column)
{
    return source.operand != nullptr ? source.operand_row(row)[column] : to_bfloat16(source.row(row)[column]);
}

// All blocks together copy x [B, K] into an exchange.
__device__ inline void put_all(const Tensor& x, const Exchange& exchange)
{
    const long long threads = static_cast<long long>(gridDim.x) * resident_block;
    for (long long i = static_cast<long long>(blockIdx.x) * resident_block + threadIdx.x; i < static_cast<long long>(x.rows) * x.columns; i += threads) {
        const int row = static_cast<int>(i / x.columns), column = static_cast<int>(i % x.columns);
        exchange.put(row, column, to_float(operand_at(x, row, column)));
    }
}

// x w, w [K, groups units], or x w^T, w [units, K], of the tiles of units that this block has.
template <bool is_transposed, int groups>
class ResidentProduct
{
public:
    // begins [blocks + 1]: where each block's tiles begin. Takes its room from `memory`.
    __device__ ResidentProduct(const Tensor& w, const int* begins, unsigned long long*& memory)
        : weights_(memory), units_(is_transposed ? w.rows : w.columns / groups), depth_(is_transposed ? w.columns : w.rows),
          first_(begins[blockIdx.x]), tiles_(groups * (begins[blockIdx.x + 1] - first_))
    {
        static_assert(groups == 1 || !is_transposed);
        const int fragments = fragments_of(depth_);
        auto* const words = reinterpret_cast<unsigned*>(memory);
        for (int i = static_cast<int>(threadIdx.x); i < tiles_ * fragments * 64; i += resident_block) {
            const int lane = i / 2 % 32, fragment = i / 64;
            const int tile = fragment / fragments;
            const int unit = tile_columns * (first_ + tile / groups) + lane / 4;
            const int column = tile % groups * units_ + unit;
            const int k = fragment % fragments * fragment_depth + i % 2 * 8 + lane % 4 * 2;
            unsigned word = 0;
            for (int j = 0; j < 2; j++)
                if (unit < units_ && k + j < depth_)
                    word |= static_cast<unsigned>((is_transposed ? operand_at(w, column, k + j) : operand_at(w, k + j, column)).bits) << 16 * j;
            words[i] = word;
        }
        memory += tiles_ * fragments * 32;
    }

    // Calls epilogue(row, unit, sum) for the block's units of every row, sum(i) of the i-th group. Every thread of the block calls this.
    template <typename Epilogue>
    __device__ void multiply(const Exchange& x, int rows, const Epilogue& epilogue) const
    {
        if (tiles_ == 0)
            return;
        const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
        const int rows_of_fragments = rows <= 32 ? 2 : rows <= 64 ? 4 : 8;
        const int shares = warps_of_block / rows_of_fragments;
        const int row_of_fragments = warp % rows_of_fragments;
        const int fragments = fragments_of(depth_);

        FragmentOfSums sums[most_tiles] = {};
        FragmentA<bfloat16> a[fragments_ahead] = {};
        const int begin = warp / rows_of_fragments;
        VBILSTM_UNROLL
        for (int i = 0; i < fragments_ahead; i++)
            if (begin + i * shares < fragments)
                a[i] = x.load(row_of_fragments, begin + i * shares, lane);
        for (int next = begin; next < fragments; next += fragments_ahead * shares) {
            VBILSTM_UNROLL
            for (int i = 0; i < fragments_ahead; i++) {
                const int k = next + i * shares;
                if (k >= fragments)
                    continue;
                VBILSTM_UNROLL
                for (int n = 0; n < most_tiles; n++)
                    if (n < tiles_) {
                        const unsigned long long both = weights_[(n * fragments + k) * 32 + lane];
                        multiply_add(sums[n], a[i], {{static_cast<unsigned>(both), static_cast<unsigned>(both >> 32)}});
                    }
                if (k + fragments_ahead * shares < fragments)
                    a[i] = x.load(row_of_fragments, k + fragments_ahead * shares, lane);
            }
        }

        float* const parts = reinterpret_cast<float*>(dynamic_memory());
        const int rows_of_share = rows_of_fragments * rows_of_fragment;
        VBILSTM_UNROLL
        for (int first = 0; first < most_tiles; first += tiles_at_once) {
            if (first >= tiles_)
                break;
            float* const own = parts + (begin * rows_of_share + row_of_fragments * rows_of_fragment + row_of_sums(lane)) * sums_stride + column_of_sums(lane);
            VBILSTM_UNROLL
            for (int n = 0; n < tiles_at_once; n++)
                for (int i = 0; i < 4; i++)
                    own[i / 2 * 8 * sums_stride + n * tile_columns + i % 2] = sums[first + n].values[i];
            __syncthreads();
            const int columns = (tiles_ - first < tiles_at_once ? tiles_ - first : tiles_at_once) / groups * tile_columns; // of a group
            for (int i = static_cast<int>(threadIdx.x); i < rows * columns; i += resident_block) {
                const int row = i / columns, place = i % columns;
                const int unit = tile_columns * (first_ + first / groups) + place;
                if (unit >= units_)
                    continue;
                epilogue(row, unit, [&](int group) {
                    float sum = 0.0f;
                    for (int share = 0; share < shares; share++)
                        sum += parts[(share * rows_of_share + row) * sums_stride + (place / tile_columns * groups + group) * tile_columns
                            + place % tile_columns];
                    return sum;
                });
            }
            __syncthreads(); // the next sums take their memory
        }
    }

private:
    const unsigned long long* weights_; // by tile, fragment and lane
    int units_, depth_, first_, tiles_;
};
