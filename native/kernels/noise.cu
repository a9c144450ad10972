// Noise keyed by (seed, training step, stream, time step, row id, column), so that any element can be drawn anywhere in any order.
#include "box_muller.cuh"
#include "dependent_launch.cuh"
#include "elements.cuh"
#include "philox.cuh"

struct NoiseSource
{
    IdTensor key;     // seed low, seed high, training step
    IdTensor row_ids; // [B], numbers of the rows in the whole, possibly distributed, batch
    int stream;
};

static_assert(sizeof(NoiseSource) == 40, "the managed side passes these bytes");

__device__ inline Words random_words(const IdTensor& key, unsigned id, unsigned time_and_stream, int block)
{
    const Words counter = {static_cast<unsigned>(block), id, time_and_stream, static_cast<unsigned>(key.data[2])};
    return philox(counter, static_cast<unsigned>(key.data[0]), static_cast<unsigned>(key.data[1]));
}

// Row t B + n of a tensor has time step t and the id of row n.
__device__ inline Words random_words(const NoiseSource& noise, int row, int block)
{
    const unsigned batch = static_cast<unsigned>(noise.row_ids.count);
    const unsigned id = static_cast<unsigned>(noise.row_ids.data[static_cast<unsigned>(row) % batch]);
    return random_words(noise.key, id, static_cast<unsigned>(row) / batch | static_cast<unsigned>(noise.stream) << 24, block);
}

__device__ inline Four normals(const Words& words)
{
    const NormalPair first = box_muller(words.w0, words.w1);
    const NormalPair second = box_muller(words.w2, words.w3);
    return {{first.cosine, first.sine, second.cosine, second.sine}};
}

// x [T B, N] = standard normals; columns 4j to 4j + 3 are the two pairs of block j.
extern "C" __global__ void fill_normal(Tensor x, NoiseSource noise)
{
    wait_for_earlier_kernels();
    const int column = first_column();
    const int count = x.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < x.rows; row += row_step())
        store(normals(random_words(noise, row, column / 4)), x.row(row) + column, count);
}

__device__ inline float bernoulli(unsigned word, float probability, float one)
{
    const float two_to_minus_24 = 5.9604644775390625e-8f;
    const float uniform = __fmul_rn(static_cast<float>(word >> 8), two_to_minus_24);
    return uniform < probability ? one : 0.0f;
}

// x [T B, N] = `one` with the given probability, zeros otherwise; columns 4j to 4j + 3 are the words of block j.
extern "C" __global__ void fill_bernoulli(Tensor x, float probability, NoiseSource noise, float one)
{
    wait_for_earlier_kernels();
    const int column = first_column();
    const int count = x.columns - column;
    if (count <= 0)
        return;
    for (int row = first_row(); row < x.rows; row += row_step()) {
        const Words words = random_words(noise, row, column / 4);
        const Four bits = {{bernoulli(words.w0, probability, one), bernoulli(words.w1, probability, one), bernoulli(words.w2, probability, one),
            bernoulli(words.w3, probability, one)}};
        store(bits, x.row(row) + column, count);
    }
}

// y = x + deviation times the normals of time step 0 and row id 0, in one rounding. x and y [1, N]; y may be x.
extern "C" __global__ void add_normal(Tensor x, float deviation, IdTensor key, int stream, Tensor y)
{
    wait_for_earlier_kernels();
    const int column = first_column();
    const int count = x.columns - column;
    if (count <= 0)
        return;
    const Four noise = normals(random_words(key, 0, static_cast<unsigned>(stream) << 24, column / 4));
    Four values = load(x.data + column, count);
    for (int k = 0; k < 4; k++)
        values[k] = __fmaf_rn(deviation, noise[k], values[k]);
    store(values, y, 0, column, count);
}
