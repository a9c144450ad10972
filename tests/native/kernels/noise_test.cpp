// Noise against an implementation of its own: Philox as the paper states it, checked with the published vectors, and Box-Muller in double.
#include "matrix.h"

#include <array>
#include <numbers>

namespace {

using Block = std::array<std::uint32_t, 4>;

// The two halves of a round swap sides: L' = low(M R), R' = high(M R) xor k xor L.
Block philox(Block counter, std::uint64_t key)
{
    std::uint32_t k[] = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
    for (int round = 0; round < 10; round++) {
        const std::uint64_t m0 = std::uint64_t{0xD2511F53} * counter[0], m1 = std::uint64_t{0xCD9E8D57} * counter[2];
        counter = {static_cast<std::uint32_t>(m1 >> 32) ^ k[0] ^ counter[1], static_cast<std::uint32_t>(m1),
            static_cast<std::uint32_t>(m0 >> 32) ^ k[1] ^ counter[3],
            static_cast<std::uint32_t>(m0)};
        k[0] += 0x9E3779B9;
        k[1] += 0xBB67AE85;
    }
    return counter;
}

double normal(const Block& words, int lane)
{
    const std::uint32_t radius_word = words[static_cast<std::size_t>(lane / 2 * 2)], angle_word = words[static_cast<std::size_t>(lane / 2 * 2 + 1)];
    const double radius = std::sqrt(-2 * std::log(((radius_word >> 9) + 0.5) * 0x1p-23)), angle = 2 * std::numbers::pi * angle_word * 0x1p-32;
    return radius * (lane % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

constexpr std::uint64_t seed = 0x9abcdef012345678;
constexpr int step = 77;

struct Source
{
    Ids key{{static_cast<int>(seed & 0xffffffff), static_cast<int>(seed >> 32), step}};
    Ids row_ids;

    explicit Source(int batch) : row_ids(numbers(batch)) {}

    static std::vector<int> numbers(int batch)
    {
        std::vector<int> values;
        for (int n = 0; n < batch; n++)
            values.push_back(1000 * n - 5);
        return values;
    }

    NoiseSource tensor(int stream) const { return {key.tensor(), row_ids.tensor(), stream}; }

    Block words(int row, int block, int stream) const
    {
        const int batch = static_cast<int>(row_ids.values.size());
        const auto time_and_stream = static_cast<std::uint32_t>(row / batch) | static_cast<std::uint32_t>(stream) << 24;
        return philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(row_ids[row % batch]), time_and_stream, step}, seed);
    }
};

}

// From kat_vectors of the authors' Random123.
TEST(Philox, TheTestsOwnIsThatOfThePaper)
{
    EXPECT_EQ(philox({0, 0, 0, 0}, 0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, ~0ull), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822), (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST_P(Shapes, FillNormal)
{
    const Shape shape = GetParam();
    const int batch = shape.rows % 3 == 0 ? 3 : 1, stream = 5;
    const Source source(batch);
    Matrix x(shape.rows, shape.columns, shape.layout);
    launch_elements("fill_normal", shape.rows, shape.columns, shape.grid_rows, x.tensor(), source.tensor(stream));
    expect_matrix(x, "x", 1e-6, [&](int r, int c) { return normal(source.words(r, c / 4, stream), c % 4); });
}

TEST(FillNormal, PublishedVectorUnderTheZeroKey)
{
    const Ids zeros({0, 0, 0}), row({0});
    Matrix x(1, 4);
    launch_elements("fill_normal", 1, 4, 1, x.tensor(), NoiseSource{zeros.tensor(), row.tensor(), 0});
    expect_matrix(x, "x", 1e-6, [](int, int c) { return normal({0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, c); });
}

TEST(FillNormal, IsAccurateFarOutAndInEveryQuadrant)
{
    const Source source(64);
    Matrix x(1024, 256);
    launch_elements("fill_normal", 1024, 256, 1024, x.tensor(), source.tensor(0));
    double largest = 0;
    int signs[4] = {};
    expect_matrix(x, "x", 1e-6, [&](int r, int c) {
        const double value = normal(source.words(r, c / 4, 0), c % 4);
        largest = std::max(largest, std::abs(value));
        return value;
    });
    for (int r = 0; r < 1024; r++)
        for (int c = 0; c < 256; c += 2)
            signs[(x(r, c) < 0 ? 1 : 0) + (x(r, c + 1) < 0 ? 2 : 0)]++;
    EXPECT_GT(largest, 4);
    for (const int count : signs)
        EXPECT_GT(count, 30000);
}

TEST_P(Shapes, FillBernoulli)
{
    const Shape shape = GetParam();
    const int batch = shape.rows % 3 == 0 ? 3 : 1, stream = 2;
    const Source source(batch);
    for (const auto& [probability, one] : {std::pair(0.0f, 1.0f), std::pair(0.3f, 1.0f), std::pair(0.75f, 1 / 0.75f), std::pair(1.0f, 1.0f)}) {
        Matrix x(shape.rows, shape.columns, shape.layout);
        launch_elements("fill_bernoulli", shape.rows, shape.columns, shape.grid_rows, x.tensor(), probability, source.tensor(stream), one);
        expect_matrix(x, "x", 0, [&](int r, int c) {
            return (source.words(r, c / 4, stream)[static_cast<std::size_t>(c % 4)] >> 8) * 0x1p-24 < probability ? one : 0;
        });
    }
}

// A probability on the grid of the uniform numbers: the comparison is strict.
TEST(FillBernoulli, ExcludesTheProbabilityItself)
{
    const Source source(1);
    const double uniform = (source.words(0, 0, 2)[0] >> 8) * 0x1p-24;
    for (const double above : {0.0, 0x1p-24}) {
        Matrix x(1, 1);
        launch_elements("fill_bernoulli", 1, 1, 1, x.tensor(), static_cast<float>(uniform + above), source.tensor(2), 1.0f);
        expect_matrix(x, "x", 0, [&](int, int) { return above > 0 ? 1 : 0; });
    }
}

TEST(AddNormal, AddsTheNormalsOfTheFirstRow)
{
    const Source source(1);
    const int stream = 17;
    const auto time_and_stream = static_cast<std::uint32_t>(stream) << 24;
    for (const int count : {1, 5, 255, 4099})
        for (const Layout layout : {Layout{}, Layout{1, 0}}) {
            Matrix x = Matrix::random(1, count, layout, -1, 1), y(1, count, {3, 0});
            const Matrix before = x;
            const auto expected = [&](int, int c) {
                return before(0, c) + 0.075f * normal(philox({static_cast<std::uint32_t>(c / 4), 0, time_and_stream, step}, seed), c % 4);
            };
            launch_elements("add_normal", 1, count, 1, x.tensor(), 0.075f, source.key.tensor(), stream, y.tensor());
            expect_matrix(y, "y", 1e-6, expected);
            launch_elements("add_normal", 1, count, 1, x.tensor(), 0.075f, source.key.tensor(), stream, x.tensor());
            expect_matrix(x, "x", 1e-6, expected);
        }
}

// With x = -deviation e, rounded, what is left is that rounding; two roundings would leave nothing.
TEST(AddNormal, RoundsOnce)
{
    const Source source(1);
    const int count = 256;
    const float deviation = 0.3f;
    Matrix zero(1, count, {}, [](int, int) { return 0; }), one_rounding(1, count), rest(1, count), alone(1, count);
    launch_elements("add_normal", 1, count, 1, zero.tensor(), 1.0f, source.key.tensor(), 0, alone.tensor());
    alone.fetch();
    launch_elements("add_normal", 1, count, 1, zero.tensor(), deviation, source.key.tensor(), 0, one_rounding.tensor());
    one_rounding.fetch();
    Matrix negative(1, count, {}, [&](int, int c) { return -one_rounding(0, c); });
    launch_elements("add_normal", 1, count, 1, negative.tensor(), deviation, source.key.tensor(), 0, rest.tensor());
    expect_matrix(rest, "rest", 0, [&](int, int c) { return static_cast<double>(deviation) * alone(0, c) - one_rounding(0, c); });
}
