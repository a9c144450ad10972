#pragma once

#include <bit>
#include <cstdint>

namespace softgpu {

// Nearest number with the 10 stored bits of mantissa of TF32, ties away from zero, as tensor cores round their operands.
inline float round_to_tf32(float value)
{
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7f800000u) == 0x7f800000u)
        return value;
    return std::bit_cast<float>((bits + 0x1000u) & ~0x1fffu);
}

}
