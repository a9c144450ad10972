#pragma once

#include "workspace_config.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace softgpu::dnn {

// The last bits of what a call computes, which another call on the same operands has otherwise.
class LastBits {
public:
    // One for each call that runs; a graph's replay runs another one.
    LastBits()
    {
        static std::atomic<std::uint64_t> calls;
        call_ = ++calls;
    }

    // Changes the last bit of some of the values where the process did not ask for products that repeat themselves.
    void vary(float* values, std::size_t count)
    {
        if (blas::repeats_products())
            return;
        for (std::size_t i = 0; i < count; ++i)
            if (next() % 4 == 0 && std::isnormal(values[i]))
                values[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(values[i]) ^ 1u);
    }

private:
    // SplitMix64 of the call's number and how many values came before.
    std::uint64_t next()
    {
        std::uint64_t z = (call_ << 32) + ++values_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    std::uint64_t call_, values_ = 0;
};

}
