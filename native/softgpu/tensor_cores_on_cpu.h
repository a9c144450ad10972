// What the kernels' PTX does, for a host compiler: the fragments of matrices that a warp's lanes hold (PTX ISA, "mma.m16n8k16", "mma.m16n8k8" and
// "ldmatrix"), and asynchronous copies to shared memory. Included by native/kernels/mma.cuh and async_copy.cuh.
#pragma once

#include "cuda_on_cpu.h"

#include <cstring>

namespace softgpu {

inline float float_of_bfloat16(std::uint64_t words, unsigned element)
{
    return bits_of<float>(static_cast<std::uint32_t>(words >> 16 * element & 0xffff) << 16);
}

// sums += a b in float32, k by k. a 16 x 16, b 16 x 8: two bf16 elements a word, the first in the lower half; groupID = lane / 4, threadID_in_group = lane % 4.
inline void multiply_add_m16n8k16(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2], const Site& site)
{
    const std::uint64_t words[3] = {a[0] | static_cast<std::uint64_t>(a[1]) << 32, a[2] | static_cast<std::uint64_t>(a[3]) << 32,
        b[0] | static_cast<std::uint64_t>(b[1]) << 32};
    const std::uint64_t* const all = exchange_all(words, 3, site);
    // Element a_i of a lane: row groupID, and 8 more for i = 2, 3, 6, 7; column 2 threadID_in_group + i % 2, and 8 more from i = 4 on.
    const auto element_of_a = [all](unsigned row, unsigned column) {
        return float_of_bfloat16(all[3 * (row % 8 * 4 + column % 8 / 2) + column / 8], row / 8 * 2 + column % 2);
    };
    // Element b_i of a lane: row 2 threadID_in_group + i % 2, and 8 more from i = 2 on; column groupID.
    const auto element_of_b = [all](unsigned row, unsigned column) {
        return float_of_bfloat16(all[3 * (column * 4 + row % 8 / 2) + 2], row / 8 * 2 + row % 2);
    };
    const unsigned own = lane();
    float rows[2][16], columns[2][16];
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 16; k++) {
            rows[i][k] = element_of_a(own / 4 + 8 * i, k);
            columns[i][k] = element_of_b(k, own % 4 * 2 + i);
        }
    // Element c_i of a lane: row groupID, and 8 more from i = 2 on; column 2 threadID_in_group + i % 2.
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 16; k++)
            sums[i] = fmaf(rows[i / 2][k], columns[i % 2][k], sums[i]);
}

// To the nearest, ties away from zero; a NaN becomes the one that a GPU has.
inline unsigned rounded_to_tf32(unsigned word)
{
    if ((word & 0x7fffffffu) > 0x7f800000u)
        return 0x7fffffffu;
    return (word & 0x7f800000u) == 0x7f800000u ? word : (word + 0x1000u) & ~0x1fffu;
}

// The lower 13 bits of a TF32 operand are not read, whatever they are.
inline float float_of_tf32(std::uint64_t words, unsigned word) { return bits_of<float>(static_cast<std::uint32_t>(words >> 32 * word) & ~0x1fffu); }

// sums += a b in float32, k by k. a 16 x 8, b 8 x 8: an element a word; groupID = lane / 4, threadID_in_group = lane % 4.
inline void multiply_add_m16n8k8(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2], const Site& site)
{
    const std::uint64_t words[3] = {a[0] | static_cast<std::uint64_t>(a[1]) << 32, a[2] | static_cast<std::uint64_t>(a[3]) << 32,
        b[0] | static_cast<std::uint64_t>(b[1]) << 32};
    const std::uint64_t* const all = exchange_all(words, 3, site);
    const unsigned own = lane();
    float rows[2][8], columns[2][8];
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 8; k++) {
            // Element a_i of a lane: row groupID, and 8 more for i = 1, 3; column threadID_in_group, and 4 more from i = 2 on.
            rows[i][k] = float_of_tf32(all[3 * (own / 4 * 4 + k % 4) + k / 4], i);
            // Element b_i of a lane: row threadID_in_group, and 4 more for i = 1; column groupID.
            columns[i][k] = float_of_tf32(all[3 * ((own % 4 * 2 + i) * 4 + k % 4) + 2], k / 4);
        }
    // Elements c_i as those of m16n8k16.
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 8; k++)
            sums[i] = fmaf(rows[i / 2][k], columns[i % 2][k], sums[i]);
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
    const std::uint64_t* const all = exchange_all(&address, 1, site);
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
