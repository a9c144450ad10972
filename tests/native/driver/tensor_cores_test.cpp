// The fragments of mma and ldmatrix against the tables of the PTX ISA, and asynchronous copies whose waits and barriers are missing.
#include "planted_kernels.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>

namespace {

using Matrix = std::function<int(unsigned row, unsigned column)>;

constexpr unsigned warps = 2;

std::uint32_t bits_of(int value) { return std::bit_cast<std::uint32_t>(static_cast<float>(value)) >> 16; }

// PTX ISA, "Matrix Fragments for mma.m16n8k16", .bf16: element a_i of a lane, of the 16 x 16 matrix A.
int element_of_a(const Matrix& a, unsigned lane, unsigned i)
{
    const unsigned group = lane >> 2, in_group = lane % 4;
    const unsigned row = i < 2 || (4 <= i && i < 6) ? group : group + 8;
    const unsigned column = i < 4 ? in_group * 2 + (i & 1) : in_group * 2 + (i & 1) + 8;
    return a(row, column);
}

// The same of B, 16 x 8.
int element_of_b(const Matrix& b, unsigned lane, unsigned i)
{
    const unsigned group = lane >> 2, in_group = lane % 4;
    const unsigned row = i < 2 ? in_group * 2 + (i & 1) : in_group * 2 + (i & 1) + 8;
    return b(row, group);
}

// And of C and D, 16 x 8.
int element_of_c(const Matrix& c, unsigned lane, unsigned i)
{
    const unsigned group = lane >> 2, in_group = lane % 4;
    return c(i < 2 ? group : group + 8, in_group * 2 + (i & 1));
}

using Element = int (*)(const Matrix&, unsigned, unsigned);

// Two elements a word, the first in the lower half.
std::uint32_t word_of(Element element, const Matrix& matrix, unsigned lane, unsigned word)
{
    return bits_of(element(matrix, lane, 2 * word)) | bits_of(element(matrix, lane, 2 * word + 1)) << 16;
}

// "Matrix Fragments for mma.m16n8k8", .tf32: element a_i of a lane, of the 16 x 8 matrix A, and b_i, of the 8 x 8 matrix B.
int element_of_tf32_a(const Matrix& a, unsigned lane, unsigned i)
{
    const unsigned group = lane >> 2, in_group = lane % 4;
    return a(i == 0 || i == 2 ? group : group + 8, i < 2 ? in_group : in_group + 4);
}

int element_of_tf32_b(const Matrix& b, unsigned lane, unsigned i)
{
    const unsigned group = lane >> 2, in_group = lane % 4;
    return b(i == 0 ? in_group : in_group + 4, group);
}

std::uint32_t tf32_word_of(int value) { return std::bit_cast<std::uint32_t>(static_cast<float>(value)); }

// Small whole numbers without a pattern, whose products and sums are exact.
Matrix numbers(unsigned seed)
{
    return [seed](unsigned row, unsigned column) {
        std::uint32_t x = (row * 16 + column + 1) * 2654435761u + seed * 40503u;
        x = (x ^ x >> 15) * 2246822519u;
        return static_cast<int>((x >> 13) % 201) - 100;
    };
}

class WithRestarts : public PlantedKernels {
protected:
    // A context of its own, for a launch that fails ends one.
    void restart(int seed)
    {
        TearDown();
        SetUp();
        set_seed(seed);
    }
};

class TensorCores : public WithRestarts {
protected:
    // Under some seeds, for every warp a product of its own of a 16 x depth and a depth x 8 matrix, whose words of a lane the functions give.
    template <typename WordOfA, typename WordOfB>
    void expect_products(const char* kernel, unsigned depth, const WordOfA& word_of_a, const WordOfB& word_of_b)
    {
        for (int seed = 0; seed < 4; seed++) {
            set_seed(seed);
            std::vector<std::uint32_t> a_words, b_words;
            std::vector<float> c_values, expected;
            for (unsigned warp = 0; warp < warps; warp++) {
                const Matrix a = numbers(3 * warp), b = numbers(3 * warp + 1), c = numbers(3 * warp + 2);
                const Matrix d = [&](unsigned row, unsigned column) {
                    int sum = c(row, column);
                    for (unsigned k = 0; k < depth; k++)
                        sum += a(row, k) * b(k, column);
                    return sum;
                };
                for (unsigned lane = 0; lane < 32; lane++) {
                    for (unsigned i = 0; i < 4; i++)
                        a_words.push_back(word_of_a(a, lane, i));
                    for (unsigned i = 0; i < 2; i++)
                        b_words.push_back(word_of_b(b, lane, i));
                    for (unsigned i = 0; i < 4; i++) {
                        c_values.push_back(static_cast<float>(element_of_c(c, lane, i)));
                        expected.push_back(static_cast<float>(element_of_c(d, lane, i)));
                    }
                }
            }
            const DeviceArray<std::uint32_t> a(a_words), b(b_words);
            const DeviceArray<float> c(c_values);
            launch(kernel, a.data(), b.data(), c.data(), n);
            EXPECT_EQ(synchronize(), "");
            EXPECT_EQ(c.download(), expected);
        }
    }
};

TEST_F(TensorCores, MultiplyFragmentsAsThePtxIsaLaysThemOut)
{
    expect_products("multiply_fragments", 16, [](const Matrix& a, unsigned lane, unsigned i) { return word_of(element_of_a, a, lane, i); },
        [](const Matrix& b, unsigned lane, unsigned i) { return word_of(element_of_b, b, lane, i); });
}

// What is below the 10 stored bits of mantissa is cut off, not rounded.
TEST_F(TensorCores, MultiplyTf32FragmentsAsThePtxIsaLaysThemOutAndReadNineteenBits)
{
    expect_products("multiply_fragments_tf32", 8,
        [](const Matrix& a, unsigned lane, unsigned i) { return tf32_word_of(element_of_tf32_a(a, lane, i)) | 0x1fff >> i; },
        [](const Matrix& b, unsigned lane, unsigned i) { return tf32_word_of(element_of_tf32_b(b, lane, i)) | 0x1fff; });
}

TEST_F(TensorCores, FragmentsLoadedFromSharedMemoryAreThoseThatAProductTakes)
{
    const Matrix matrix = numbers(7), transpose = [&](unsigned row, unsigned column) { return matrix(column, row); };
    std::vector<unsigned short> elements;
    for (unsigned i = 0; i < 256; i++)
        elements.push_back(static_cast<unsigned short>(bits_of(matrix(i / 16, i % 16))));
    const DeviceArray<unsigned short> source(elements);
    const DeviceArray<std::uint32_t> words(8 * n);
    launch("load_fragments", source.data(), words.data(), 0);
    EXPECT_EQ(synchronize(), "");
    std::vector<std::uint32_t> expected;
    for (unsigned thread = 0; thread < n; thread++) {
        for (unsigned i = 0; i < 4; i++)
            expected.push_back(word_of(element_of_a, matrix, thread % 32, i));
        for (unsigned i = 0; i < 2; i++)
            expected.push_back(word_of(element_of_b, matrix, thread % 32, i));
        for (unsigned i = 0; i < 2; i++)
            expected.push_back(word_of(element_of_b, transpose, thread % 32, i));
    }
    EXPECT_EQ(words.download(), expected);
}

TEST_F(TensorCores, Tf32FragmentsLoadedFromSharedMemoryAreRoundedToTheNearest)
{
    const Matrix matrix = numbers(8), transpose = [&](unsigned row, unsigned column) { return matrix(column, row); };

    // An odd number's tie is an even number more: away from zero, to either side.
    const auto rounded = [](int value) { return tf32_word_of(value) + (value % 2 != 0 ? 0x2000u : 0u); };
    std::vector<float> elements;
    for (unsigned i = 0; i < 128; i++) {
        const int value = matrix(i / 8, i % 8);
        elements.push_back(std::bit_cast<float>(tf32_word_of(value) + (value == 0 ? 0u : value % 2 != 0 ? 0x1000u : 0xfffu)));
    }
    const DeviceArray<float> source(elements);
    const DeviceArray<std::uint32_t> words(8 * n);
    launch("load_fragments_tf32", source.data(), words.data(), 0);
    EXPECT_EQ(synchronize(), "");
    std::vector<std::uint32_t> expected;
    for (unsigned thread = 0; thread < n; thread++) {
        for (unsigned i = 0; i < 4; i++)
            expected.push_back(rounded(element_of_tf32_a(matrix, thread % 32, i)));
        for (unsigned i = 0; i < 2; i++)
            expected.push_back(rounded(element_of_tf32_b(matrix, thread % 32, i)));
        for (unsigned i = 0; i < 2; i++)
            expected.push_back(rounded(element_of_tf32_b(transpose, thread % 32, i)));
    }
    EXPECT_EQ(words.download(), expected);
}

TEST_F(TensorCores, AProductWithoutAllLanesIsCaught)
{
    for (const std::string kernel : {"multiply_fragments", "multiply_fragments_tf32"}) {
        restart(0);
        const DeviceArray<std::uint32_t> a(std::vector<std::uint32_t>(4 * n)), b(std::vector<std::uint32_t>(2 * n));
        const DeviceArray<float> c(std::vector<float>(4 * n));
        launch(kernel.c_str(), a.data(), b.data(), c.data(), 40);
        const std::string failure = synchronize();
        EXPECT_TRUE(contains(failure, kernel + ", block (0, 0, 0)"));
        EXPECT_TRUE(contains(failure, "mma.sync at "));
    }
}

TEST_F(TensorCores, RowsOffSixteenBytesAreCaught)
{
    for (const char* const kernel : {"load_fragments", "load_fragments_tf32"}) {
        restart(0);
        const DeviceArray<float> source(std::vector<float>(128));
        const DeviceArray<std::uint32_t> words(8 * n);
        launch(kernel, source.data(), words.data(), 1);
        EXPECT_TRUE(contains(synchronize(), "of an address that is no multiple of 16"));
    }
}

class AsynchronousCopies : public WithRestarts {
protected:
    // Whether the kernel, in a context of its own for this seed, did what it does with all its waits.
    bool is_right(int seed, int waits, int has_barrier)
    {
        restart(seed);
        const DeviceArray<float> x(counting(512)), y(n);
        launch("copy_to_neighbour", x.data(), y.data(), waits, has_barrier, 0);
        std::vector<float> expected;
        for (int i = 0; i < n; i++)
            expected.push_back(static_cast<float>(256 + (i + 63) % 64 * 4));
        return synchronize().empty() && y.download() == expected;
    }
};

TEST_F(AsynchronousCopies, AreThereAfterTheWaitAndABarrier)
{
    for (int seed = 0; seed <= seeds; seed++)
        EXPECT_TRUE(is_right(seed, 2, 1)) << seed;
}

TEST_F(AsynchronousCopies, ThatAThreadEndsWithoutAreCaught)
{
    const DeviceArray<float> x(counting(256));
    launch("copy_without_wait", x.data());
    EXPECT_TRUE(contains(synchronize(), "ended with copies to shared memory that it had not waited for"));
}

TEST_F(AsynchronousCopies, FromAnAddressOffSixteenBytesAreCaught)
{
    const DeviceArray<float> x(counting(513)), y(n);
    launch("copy_to_neighbour", x.data(), y.data(), 2, 1, 1);
    EXPECT_TRUE(contains(synchronize(), "from an address that is no multiple of 16"));
}

TEST_F(AsynchronousCopies, ElsewhereThanToSharedMemoryAreCaught)
{
    const DeviceArray<float> x(counting(n)), y(n);
    launch("copy_to_device_memory", x.data(), y.data());
    EXPECT_TRUE(contains(synchronize(), "cp.async at "));
}

TEST_F(AsynchronousCopies, FromBeyondTheirAllocationAreCaught)
{
    const DeviceArray<float> x(counting(4 * n - 4));
    launch("copy_to_neighbour", x.data(), x.data(), 2, 1, 0);
    EXPECT_TRUE(contains(synchronize(), "past the end of allocation"));
}

// ThreadSanitizer would report these races and end the process.
#if !defined(__SANITIZE_THREAD__)

TEST_F(AsynchronousCopies, AreNotThereBeforeTheWait)
{
    for (int seed = 0; seed <= seeds; seed++)
        EXPECT_FALSE(is_right(seed, 0, 1)) << seed;
}

TEST_F(AsynchronousCopies, AreNotThereAfterAWaitForAnEarlierGroup)
{
    for (int seed = 0; seed <= seeds; seed++)
        EXPECT_FALSE(is_right(seed, 1, 1)) << seed;
}

TEST_F(AsynchronousCopies, OfAnotherThreadAreNotThereWithoutABarrier)
{
    for (int seed = 0; seed <= seeds; seed++)
        EXPECT_FALSE(is_right(seed, 2, 0)) << seed;
}

TEST_F(AsynchronousCopies, OfFewerBytesLeaveZerosBehindThem)
{
    const std::vector<float> source{1.5f, -2.0f, 3.25f, 4.0f};
    const DeviceArray<float> x(source), y(4 * n);
    launch("copy_some_bytes", x.data(), y.data(), 0);
    ASSERT_EQ(synchronize(), "");
    std::vector<float> expected;
    for (int i = 0; i < n; i++) {
        float words[4] = {};
        std::memcpy(words, source.data(), static_cast<std::size_t>(i % 17));
        expected.insert(expected.end(), words, words + 4);
    }
    EXPECT_EQ(y.download(), expected);
}

TEST_F(AsynchronousCopies, OfMoreThan16BytesAreRefused)
{
    const DeviceArray<float> x(counting(n)), y(4 * n);
    launch("copy_some_bytes", x.data(), y.data(), 1);
    EXPECT_TRUE(contains(synchronize(), "of 17 bytes"));
}

TEST_F(AsynchronousCopies, OverWhatOtherThreadsStillReadNeedABarrier)
{
    int caught = 0;
    for (int seed = 1; seed <= seeds; seed++)
        for (const int has_barrier : {0, 1}) {
            restart(seed);
            const DeviceArray<float> x(counting(2 * n)), y(n);
            std::vector<float> expected;
            for (int i = 0; i < n; i++)
                expected.push_back(static_cast<float>((i + 4) % n));
            launch("overwrite_by_copy", x.data(), y.data(), has_barrier);
            const bool right = synchronize().empty() && y.download() == expected;
            if (has_barrier != 0)
                EXPECT_TRUE(right) << seed;
            else
                caught += right ? 0 : 1;
        }
    EXPECT_GT(caught, 0);
}

#endif

}
