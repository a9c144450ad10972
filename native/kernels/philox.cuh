// Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): a keyed bijection of 128-bit counters.
#pragma once

#include "tensor.cuh"

struct Words
{
    unsigned w0, w1, w2, w3;
};

__device__ inline Words philox(Words counter, unsigned key0, unsigned key1)
{
    for (int round = 0; round < 10; round++) {
        const unsigned long long product0 = 0xD2511F53ull * counter.w0;
        const unsigned long long product1 = 0xCD9E8D57ull * counter.w2;
        counter = {static_cast<unsigned>(product1 >> 32) ^ counter.w1 ^ key0, static_cast<unsigned>(product1),
            static_cast<unsigned>(product0 >> 32) ^ counter.w3 ^ key1, static_cast<unsigned>(product0)};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return counter;
}
