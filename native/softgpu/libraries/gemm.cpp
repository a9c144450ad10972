#include "gemm.h"

#include "gemm_kernel.h"
#include "softgpu.h"
#include "tf32.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>

namespace softgpu::blas {

namespace {

const GemmKernel& best_kernel()
{
#if defined(__x86_64__)
    static const GemmKernel& kernel = __builtin_cpu_supports("avx512f") ? gemm_kernel_avx512
        : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? gemm_kernel_avx2
        : gemm_kernel_portable;
    return kernel;
#else
    return gemm_kernel_portable;
#endif
}

// Tiles and blocks of the inner index are sized for the second-level cache of one core.
constexpr long tile_rows = 192;
constexpr long tile_columns = 192;
constexpr long block_depth = 256;

struct Scratch {
    alignas(64) float a[tile_rows * block_depth];
    alignas(64) float b[tile_columns * block_depth];
    alignas(64) float sums[tile_rows * tile_columns];
};

Scratch& scratch()
{
    thread_local const auto buffer = std::make_unique_for_overwrite<Scratch>();
    return *buffer;
}

template <Operands operands>
struct Element {
    using Type = float;
    static float value(float stored) { return operands == Operands::tf32 ? round_to_tf32(stored) : stored; }
};

template <>
struct Element<Operands::bf16> {
    using Type = std::uint16_t;
    static float value(std::uint16_t stored) { return std::bit_cast<float>(static_cast<std::uint32_t>(stored) << 16); }
};

// Packs `count` vectors of the operand, `width` of them side by side for every inner index, the rest of the last group zero.
// Element (vector i, inner k) lies at first_element + i * vector_step + k * inner_step.
template <Operands operands>
void pack(const void* matrix, long first_element, long vector_step, long inner_step, long count, long depth, int width, float* target)
{
    const auto* const source = static_cast<const typename Element<operands>::Type*>(matrix) + first_element;
    const auto convert = Element<operands>::value;
    for (long first = 0; first < count; first += width, target += width * depth) {
        const long present = std::min<long>(width, count - first);
        const auto* const group = source + first * vector_step;
        if (vector_step == 1) {
            for (long k = 0; k < depth; ++k) {
                for (long i = 0; i < present; ++i)
                    target[k * width + i] = convert(group[k * inner_step + i]);
                std::fill(target + k * width + present, target + (k + 1) * width, 0.0f);
            }
            continue;
        }
        for (long i = 0; i < present; ++i)
            for (long k = 0; k < depth; ++k)
                target[k * width + i] = convert(group[i * vector_step + k * inner_step]);
        for (long i = present; i < width; ++i)
            for (long k = 0; k < depth; ++k)
                target[k * width + i] = 0.0f;
    }
}

void pack(Operands operands, const void* matrix, long first_element, long vector_step, long inner_step, long count, long depth, int width, float* target)
{
    (operands == Operands::float32 ? pack<Operands::float32> : operands == Operands::tf32 ? pack<Operands::tf32> : pack<Operands::bf16>)(
        matrix, first_element, vector_step, inner_step, count, depth, width, target);
}

void multiply_tile(const Gemm& p, const GemmKernel& kernel, long row, long rows, long column, long columns, Scratch& s)
{
    const long a_row_step = p.transpose_a ? p.a_step : 1, a_inner_step = p.transpose_a ? 1 : p.a_step;
    const long b_column_step = p.transpose_b ? 1 : p.b_step, b_inner_step = p.transpose_b ? p.b_step : 1;
    const long padded_rows = (rows + kernel.rows - 1) / kernel.rows * kernel.rows;
    const long padded_columns = (columns + kernel.columns - 1) / kernel.columns * kernel.columns;
    // Rows that lie side by side in memory are multiplied where they are; only a last, partial group is packed.
    const long direct_rows = p.transpose_a || p.operands != Operands::float32 ? 0 : rows / kernel.rows * kernel.rows;

    // As a library takes another algorithm for another shape, products of another shape add in another order.
    const long begin = p.inner == 0 ? 0 : (p.rows + p.columns) % p.inner;
    std::fill(s.sums, s.sums + padded_columns * tile_rows, 0.0f);
    for (long done = 0, depth; done < p.inner; done += depth) {
        const long first = (begin + done) % p.inner;
        depth = std::min({block_depth, p.inner - done, p.inner - first});
        const long a_first = row * a_row_step + first * a_inner_step, b_first = column * b_column_step + first * b_inner_step;
        const float* const a = direct_rows == 0 ? nullptr : static_cast<const float*>(p.a) + a_first;
        pack(p.operands, p.a, a_first + direct_rows * a_row_step, a_row_step, a_inner_step, rows - direct_rows, depth, kernel.rows, s.a);
        pack(p.operands, p.b, b_first, b_column_step, b_inner_step, columns, depth, kernel.columns, s.b);
        for (long j = 0; j < padded_columns; j += kernel.columns)
            for (long i = 0; i < padded_rows; i += kernel.rows) {
                const bool direct = i < direct_rows;
                kernel.run(depth, direct ? a + i : s.a + (i - direct_rows) * depth, direct ? p.a_step : kernel.rows,
                    s.b + j * depth, s.sums + j * tile_rows + i, tile_rows);
            }
    }
}

void write_tile(const Gemm& p, long row, long rows, long column, long columns, const Scratch& s)
{
    for (long j = 0; j < columns; ++j) {
        const float* const sums = s.sums + j * tile_rows;
        float* const d = p.d + (column + j) * p.d_step + row;
        for (long i = 0; i < rows; ++i) {
            float value = sums[i];
            if (p.accumulates)
                value += d[i];
            if (p.bias)
                value += p.bias[row + i];
            d[i] = value;
        }
    }
}

}

void gemm(const Gemm& p)
{
    const GemmKernel& kernel = best_kernel();

    // An element's sum does not depend on its tile, so tiles may be as small as it takes to give every thread one.
    long height = tile_rows, width = tile_columns;
    const auto count = [](long length, long size) { return (length + size - 1) / size; };
    while (width > 24 && count(p.rows, height) * count(p.columns, width) < 8 && p.columns > width / 2)
        width /= 2;
    while (height > 96 && count(p.rows, height) * count(p.columns, width) < 8 && p.rows > height / 2)
        height /= 2;
    const long tiles_down = count(p.rows, height), tiles = tiles_down * count(p.columns, width);

    const auto run = [&](long begin, long end) {
        Scratch& s = scratch();
        for (long tile = begin; tile < end; ++tile) {
            const long row = tile % tiles_down * height, rows = std::min(height, p.rows - row);
            const long column = tile / tiles_down * width, columns = std::min(width, p.columns - column);
            multiply_tile(p, kernel, row, rows, column, columns, s);
            write_tile(p, row, rows, column, columns, s);
        }
    };
    constexpr double worth_sharing = 200'000;
    if (static_cast<double>(p.rows) * static_cast<double>(p.columns) * static_cast<double>(p.inner) < worth_sharing)
        run(0, tiles);
    else
        parallel_for(tiles, run);
}

}
