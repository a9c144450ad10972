// Noise keyed by (seed, training step, stream, time step, row id, column), so that any element can be drawn anywhere in any order.
#include "box_muller.cuh"
#include "elements.cuh"
#include "philox.cuh"

struct NoiseSource
{
    IdTensor key;     // seed low, seed high, training step
    IdTensor row_ids; // [B], numbers of the rows in the whole, possibly distributed, batch
    int stream;
};

static_assert(sizeof(NoiseSource) == 40, "the managed side passes these bytes");

// Row t B + n of a tensor has time step t and the id of row n.
__device__ inline Words random_words(const NoiseSource& noise, int row, int block)
{
    const unsigned batch = static_cast<unsigned>(noise.row_ids.count);
    const unsigned id = static_cast<unsigned>(noise.row_ids.data[static_cast<unsigned>(row) % batch]);
    const unsigned time_and_stream = static_cast<unsigned>(row) / batch | static_cast<unsigned>(noise.stream) << 24;
    const Words counter = {static_cast<unsigned>(block), id, time_and_stream, static_cast<unsigned>(noise.key.data[2])};
    return philox(counter, static_cast<unsigned>(noise.key.data[0]), static_cast<unsigned>(noise.key.data[1]));
}

// x [T B, N] = standard normals; columns 4j to 4j + 3 are the two pairs of block j.
extern "C" __global__ void fill_normal(Tensor x, NoiseSource noise)
{
    const int column = first_column();
    const int count = x.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < x.rows; row += row_step()) {
        const Words words = random_words(noise, row, column / 4);
        const NormalPair first = box_muller(words.w0, words.w1);
        const NormalPair second = box_muller(words.w2, words.w3);
        store({{first.cosine, first.sine, second.cosine, second.sine}}, x.row(row) + column, count);
    }
}

// x [T B, 1] = ones with the given probability, zeros otherwise.
extern "C" __global__ void fill_bernoulli(Tensor x, float probability, NoiseSource noise)
{
    if (first_column() != 0)
        return;
    const float two_to_minus_24 = 5.9604644775390625e-8f;
    for (int row = first_row(); row < x.rows; row += row_step()) {
        const float uniform = __fmul_rn(static_cast<float>(random_words(noise, row, 0).w0 >> 8), two_to_minus_24);
        *x.row(row) = uniform < probability ? 1.0f : 0.0f;
    }
}
