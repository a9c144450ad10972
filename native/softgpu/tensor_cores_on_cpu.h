// What the kernels' PTX does, for a host compiler: the fragments of matrices that a warp's lanes hold (PTX ISA, "mma.m16n8k16", "mma.m16n8k8" and
// "ldmatrix"), and asynchronous copies to shared memory. Included by native/kernels/mma.cuh and async_copy.cuh.
#pragma once

#include "cuda_on_cpu.h"

#include <cstring>

namespace softgpu {

// The matrices of a product of fragments, whole.
template <unsigned depth>
struct Product {
    float a[16][depth], b[depth][8], sums[16][8];

    // In float32, k by k.
    void multiply_add()
    {
        for (unsigned row = 0; row < 16; row++)
            for (unsigned k = 0; k < depth; k++)
                for (unsigned column = 0; column < 8; column++)
                    sums[row][column] = fmaf(a[row][k], b[k][column], sums[row][column]);
    }
};

// A lane's words of a product: a, b and the sums, two to each of these.
constexpr unsigned words_of_product = 5;

template <typename Word>
inline std::uint64_t pair_of(Word first, Word second)
{
    return bits_of<std::uint32_t>(first) | static_cast<std::uint64_t>(bits_of<std::uint32_t>(second)) << 32;
}

inline std::uint32_t word_of(const std::uint64_t* lane_s_words, unsigned i) { return static_cast<std::uint32_t>(lane_s_words[i / 2] >> 32 * (i % 2)); }

// By one lane for all: fragments into matrices, `set_operands(product, lane, words)` but for the sums, and the sums back. Element c_i of a lane: row groupID,
// and 8 more from i = 2 on; column 2 threadID_in_group + i % 2. What a lane hands over orders nothing but the meeting, which ThreadSanitizer does not know of.
template <unsigned depth, typename SetOperands>
__attribute__((no_sanitize("thread"))) void multiply_add_fragments(std::uint64_t* all, SetOperands set_operands)
{
    Product<depth> product;
    for (unsigned lane = 0; lane < 32; lane++) {
        const std::uint64_t* const words = all + words_of_product * lane;
        set_operands(product, lane, words);
        for (unsigned i = 0; i < 4; i++)
            product.sums[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2] = bits_of<float>(word_of(words, 6 + i));
    }
    product.multiply_add();
    for (unsigned lane = 0; lane < 32; lane++)
        for (unsigned i = 0; i < 2; i++) {
            const float* const pair = product.sums[lane / 4 + i * 8] + lane % 4 * 2;
            all[words_of_product * lane + 3 + i] = pair_of(pair[0], pair[1]);
        }
}

inline void exchange_product(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2], void (*combine)(std::uint64_t* all), const Site& site)
{
    const std::uint64_t words[words_of_product]
        = {pair_of(a[0], a[1]), pair_of(a[2], a[3]), pair_of(b[0], b[1]), pair_of(sums[0], sums[1]), pair_of(sums[2], sums[3])};
    const std::uint64_t* const own = exchange_all(words, words_of_product, combine, site) + words_of_product * lane();
    for (unsigned i = 0; i < 4; i++)
        sums[i] = bits_of<float>(word_of(own, 6 + i));
}

// sums += a b. a 16 x 16, b 16 x 8: two bf16 elements a word, the first in the lower half; groupID = lane / 4, threadID_in_group = lane % 4.
inline void multiply_add_m16n8k16(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2], const Site& site)
{
    exchange_product(sums, a, b, [](std::uint64_t* all) {
        multiply_add_fragments<16>(all, [](Product<16>& product, unsigned lane, const std::uint64_t* words) {
            const auto element = [words](unsigned word, unsigned half) { return bits_of<float>(word_of(words, word) >> 16 * half << 16); };
            for (unsigned half = 0; half < 2; half++) {
                // Element a_i: row groupID, and 8 more for i = 2, 3, 6, 7; column 2 threadID_in_group + i % 2, and 8 more from i = 4 on.
                for (unsigned i = 0; i < 4; i++)
                    product.a[lane / 4 + i % 2 * 8][lane % 4 * 2 + half + i / 2 * 8] = element(i, half);
                // Element b_i: row 2 threadID_in_group + i % 2, and 8 more from i = 2 on; column groupID.
                for (unsigned i = 0; i < 2; i++)
                    product.b[lane % 4 * 2 + half + i * 8][lane / 4] = element(4 + i, half);
            }
        });
    }, site);
}

// To the nearest, ties away from zero; a NaN becomes the one that a GPU has.
inline unsigned rounded_to_tf32(unsigned word)
{
    if ((word & 0x7fffffffu) > 0x7f800000u)
        return 0x7fffffffu;
    return (word & 0x7f800000u) == 0x7f800000u ? word : (word + 0x1000u) & ~0x1fffu;
}

// sums += a b. a 16 x 8, b 8 x 8: an element a word, whose lower 13 bits are not read, whatever they are; groupID = lane / 4, threadID_in_group = lane % 4.
inline void multiply_add_m16n8k8(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2], const Site& site)
{
    exchange_product(sums, a, b, [](std::uint64_t* all) {
        multiply_add_fragments<8>(all, [](Product<8>& product, unsigned lane, const std::uint64_t* words) {
            const auto element = [words](unsigned word) { return bits_of<float>(word_of(words, word) & ~0x1fffu); };
            // Element a_i: row groupID, and 8 more for i = 1, 3; column threadID_in_group, and 4 more from i = 2 on.
            for (unsigned i = 0; i < 4; i++)
                product.a[lane / 4 + i % 2 * 8][lane % 4 + i / 2 * 4] = element(i);
            // Element b_i: row threadID_in_group, and 4 more for i = 1; column groupID.
            for (unsigned i = 0; i < 2; i++)
                product.b[lane % 4 + i * 4][lane / 4] = element(4 + i);
        });
    }, site);
}

// Matrices of 8 x 8 elements of 16 bits; lane 8 i + r gives the address of row r of matrix i. Word i of a lane: row lane / 4, columns 2 (lane % 4)
// and the next; where it is transposed, of the matrix's transpose.
template <unsigned count>
void load_matrices(unsigned (&words)[count], const void* row, bool is_transposed, const Site& site)
{
    const unsigned own = lane();
    if (own < 8 * count)
        require_shared(row, site);
    const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(row));
    const std::uint64_t* const all = exchange_all(&address, 1, nullptr, site);
    for (unsigned i = 0; i < count; i++) {
        const auto element = [&](unsigned r, unsigned column) {
            if (is_transposed)
                return static_cast<unsigned>(reinterpret_cast<const unsigned short*>(all[8 * i + column])[r]);
            return static_cast<unsigned>(reinterpret_cast<const unsigned short*>(all[8 * i + r])[column]);
        };
        words[i] = element(own / 4, own % 4 * 2) | element(own / 4, own % 4 * 2 + 1) << 16;
    }
}

// Until the wait, what the copy will overwrite is neither what was there nor what comes.
inline void copy_async(void* to, const void* from, unsigned bytes, const Site& site)
{
    issue_copy({to, from, bytes}, site);
    auto* const words = static_cast<std::uint32_t*>(to);
    for (int i = 0; i < 4; i++)
        words[i] = 0x7fbadbad; // never written
}

inline void wait_for_copies(unsigned groups_left)
{
    for (Copy copy; next_copy(groups_left, &copy);)
        for (unsigned i = 0; i < 4; i++) {
            std::uint32_t word = 0;
            if (4 * i < copy.bytes)
                std::memcpy(&word, static_cast<const unsigned char*>(copy.from) + 4 * i, copy.bytes - 4 * i < 4 ? copy.bytes - 4 * i : 4);
            static_cast<std::uint32_t*>(copy.to)[i] = word;
        }
}

}
