// Small kernels, most of them with a fault that the caller asks for. x, y and z are [n].
#include "async_copy.cuh"
#include "dependent_launch.cuh"
#include "grid_barrier.cuh"
#include "mma.cuh"

__device__ inline int position() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }

// y[i + shift] = x[i]
extern "C" __global__ void copy_to(const float* x, float* y, int n, int shift)
{
    if (position() < n)
        y[position() + shift] = x[position()];
}

// z = x + y
extern "C" __global__ void add(const float* x, const float* y, float* z, int n)
{
    if (position() < n)
        z[position()] = x[position()] + y[position()];
}

// x = factor x + addend
extern "C" __global__ void scale_and_shift(float* x, float factor, float addend, int n)
{
    if (position() < n)
        x[position()] = factor * x[position()] + addend;
}

// y[i] = x[i] + x[i - 1] by way of shared memory, in one block; the barrier between writing and reading may be left out.
extern "C" __global__ void add_neighbour(const float* x, float* y, int has_barrier)
{
    __shared__ float shared[64];
    const unsigned i = threadIdx.x;
    shared[i] = x[i];
    if (has_barrier != 0)
        __syncthreads();
    y[i] = shared[i] + (i > 0 ? shared[i - 1] : 0.0f);
}

// y[i] = 2 shared[i], where shared memory was written for even i only.
extern "C" __global__ void read_half_written_shared_memory(const float* x, float* y)
{
    __shared__ float shared[64];
    const unsigned i = threadIdx.x;
    if (i % 2 == 0)
        shared[i] = x[i];
    __syncthreads();
    y[i] = 2.0f * shared[i];
}

// Blocks take turns as if they came in order: y[block] = x[block] + y[block - 1].
extern "C" __global__ void accumulate_over_blocks(const float* x, float* y)
{
    const unsigned block = blockIdx.x;
    y[block] = x[block] + (block > 0 ? y[block - 1] : 0.0f);
}

// A barrier that only the first threads of the block reach.
extern "C" __global__ void barrier_of_first(float* y, int threads)
{
    if (static_cast<int>(threadIdx.x) < threads)
        __syncthreads();
    y[position()] = 1.0f;
}

// Two barriers, of which every thread reaches one.
extern "C" __global__ void two_barriers(float* y)
{
    if (threadIdx.x % 2 == 0)
        __syncthreads();
    else
        __syncthreads();
    y[position()] = 1.0f;
}

// Lanes from `living` on have returned when the others exchange with the whole warp.
extern "C" __global__ void exchange_with_ended_lanes(float* y, int living)
{
    if (static_cast<int>(threadIdx.x) >= living)
        return;
    y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, static_cast<float>(threadIdx.x), 1);
}

__attribute__((no_sanitize("undefined"))) __device__ inline int quotient(int x, int divisor) { return x / divisor; }

extern "C" __global__ void divide(int* x, int divisor) { *x = quotient(*x, divisor); }

template <typename Operand>
__device__ inline void multiply_fragments_of(const unsigned* a, const unsigned* b, float* c, int living)
{
    const unsigned i = threadIdx.x;
    __syncthreads(); // for ThreadSanitizer: no thread begins on the stack of one that has ended
    if (static_cast<int>(i) >= living)
        return;
    FragmentOfSums sums;
    FragmentA<Operand> fragment_a;
    FragmentB<Operand> fragment_b;
    for (unsigned j = 0; j < 4; j++) {
        sums.values[j] = c[4 * i + j];
        fragment_a.words[j] = a[4 * i + j];
    }
    for (unsigned j = 0; j < 2; j++)
        fragment_b.words[j] = b[2 * i + j];
    multiply_add(sums, fragment_a, fragment_b);
    for (unsigned j = 0; j < 4; j++)
        c[4 * i + j] = sums.values[j];
}

// Lane by lane: c [32, 4] += a b of the fragments a [32, 4] and b [32, 2], in as many warps as there are; lanes from `living` on have returned.
extern "C" __global__ void multiply_fragments(const unsigned* a, const unsigned* b, float* c, int living)
{
    multiply_fragments_of<bfloat16>(a, b, c, living);
}

extern "C" __global__ void multiply_fragments_tf32(const unsigned* a, const unsigned* b, float* c, int living)
{
    multiply_fragments_of<float>(a, b, c, living);
}

template <typename Operand>
__device__ inline void load_fragments_of(const Operand* matrix, unsigned* words, int shift)
{
    constexpr int depth = depth_of_step<Operand>, stride = 24;
    struct alignas(16) Rows
    {
        Operand elements[16 * stride + 8];
    };
    __shared__ Rows rows;
    const int i = static_cast<int>(threadIdx.x), lane = i % 32;
    for (int j = i; j < 16 * depth; j += 64)
        rows.elements[j / depth * stride + j % depth + shift] = matrix[j];
    __syncthreads();
    const Operand* const first = rows.elements + shift;
    const FragmentA<Operand> a = load_fragment_a(first, stride, lane);
    const FragmentB<Operand> b = load_fragment_b(first, stride, lane);
    const FragmentB<Operand> transposed = load_fragment_b_transposed(first, stride, lane);
    for (int j = 0; j < 4; j++)
        words[8 * i + j] = a.words[j];
    for (int j = 0; j < 2; j++) {
        words[8 * i + 4 + j] = b.words[j];
        words[8 * i + 6 + j] = transposed.words[j];
    }
}

// The fragments of matrix [16, 16] as A, of its first 8 columns as B, and of its first 8 rows as B's transpose: [64, 8]. `shift` elements spoil the
// alignment.
extern "C" __global__ void load_fragments(const bfloat16* matrix, unsigned* words, int shift) { load_fragments_of(matrix, words, shift); }

// The same of matrix [16, 8], of its first 8 rows as B and as B's transpose.
extern "C" __global__ void load_fragments_tf32(const float* matrix, unsigned* words, int shift) { load_fragments_of(matrix, words, shift); }

// y[i] is the first of four elements that the thread before has copied to shared memory in its second group. The wait and the barrier may be left out;
// waits 1 leaves the second group under way. x [512], from `shift` elements on.
extern "C" __global__ void copy_to_neighbour(const float* x, float* y, int waits, int has_barrier, int shift)
{
    struct alignas(16) Places
    {
        float floats[2 * 4 * 64];
    };
    __shared__ Places places;
    const unsigned i = threadIdx.x;
    for (unsigned group = 0; group < 2; group++) {
        copy_16_bytes(places.floats + 256 * group + 4 * i, x + 256 * group + 4 * i + shift, 16);
        commit_copies();
    }
    if (waits == 1)
        wait_for_copies<1>();
    if (waits == 2)
        wait_for_copies<0>();
    if (has_barrier != 0)
        __syncthreads();
    y[i] = places.floats[256 + 4 * ((i + 63) % 64)];
    wait_for_copies<0>();
}

// y[i] = x[i + 4] by way of shared memory, which copies of x from 64 on take over when all have read it; the barrier before them may be left out.
extern "C" __global__ void overwrite_by_copy(const float* x, float* y, int has_barrier)
{
    struct alignas(16) Places
    {
        float floats[64];
    };
    __shared__ Places places;
    const unsigned i = threadIdx.x;
    places.floats[i] = x[i];
    __syncthreads();
    y[i] = places.floats[(i + 4) % 64];
    if (has_barrier != 0)
        __syncthreads();
    if (i % 4 == 0)
        copy_16_bytes(places.floats + i, x + 64 + i, 16);
    commit_copies();
    wait_for_copies<0>();
}

extern "C" __global__ void copy_without_wait(const float* x)
{
    struct alignas(16) Places
    {
        float floats[4 * 64];
    };
    __shared__ Places places;
    copy_16_bytes(places.floats + 4 * threadIdx.x, x + 4 * threadIdx.x, 16);
    commit_copies();
}

// Thread i copies i % 17 bytes and so many more.
extern "C" __global__ void copy_some_bytes(const float* x, float* y, int more)
{
    struct alignas(16) Places
    {
        float floats[4 * 64];
    };
    __shared__ Places places;
    const int i = static_cast<int>(threadIdx.x);
    copy_16_bytes(places.floats + 4 * i, x, i % 17 + more);
    commit_copies();
    wait_for_copies<0>();
    for (int j = 0; j < 4; j++)
        y[4 * i + j] = places.floats[4 * i + j];
}

extern "C" __global__ void copy_to_device_memory(const float* x, float* y) { copy_16_bytes(y, x, 16); }

// y[i] = x[i] + 1 behind earlier kernels. The fault: 1 reads x and 2 writes y before the wait, 3 never waits, 4 lets the next kernel start before.
extern "C" __global__ void add_one_behind(const float* x, float* y, int fault)
{
    const int i = position();
    float value = 0.0f;
    if (fault == 1)
        value = x[i];
    if (fault == 2)
        y[i] = -1.0f;
    static constexpr softgpu::Site start = {"griddepcontrol.launch_dependents", __FILE__, __LINE__};
    if (fault == 4)
        softgpu::let_next_kernel_start(start);
    if (fault != 3)
        wait_for_earlier_kernels();
    if (fault != 1)
        value = x[i];
    y[i] = value + 1.0f;
}

// y[i] = x[i] + w[i + 4], where w comes to shared memory before the wait, and through a barrier; half of it asynchronously.
extern "C" __global__ void add_fetched_before(const float* x, const float* w, float* y)
{
    struct alignas(16) Places
    {
        float floats[64];
    };
    __shared__ Places places;
    const int i = static_cast<int>(threadIdx.x);
    if (i % 8 == 0)
        copy_16_bytes(places.floats + i, w + 64 * blockIdx.x + i, 16);
    else if (i % 8 >= 4)
        places.floats[i] = w[position()];
    commit_copies();
    __syncthreads();
    wait_for_earlier_kernels();
    wait_for_copies<0>();
    __syncthreads();
    y[position()] = x[position()] + places.floats[(i + 4) % 64];
}

// Four times y = the sum of x over all blocks, which then is the next x, exchanged by way of partial sums [2, blocks, 64]. The fault: 1 lacks the grid's
// barrier, in 2 the last block never comes to it, 3 uses static shared memory.
extern "C" __global__ void sum_over_blocks(const float* x, float* partial, float* y, unsigned long long* arrivals, int fault)
{
    __shared__ float kept[64];
    const unsigned i = threadIdx.x, blocks = gridDim.x, own = blockIdx.x * blockDim.x + i;
    float value = x[own];
    for (unsigned round = 0; round < 4; round++) {
        float* const parts = partial + round % 2 * blocks * blockDim.x;
        parts[own] = value;
        if (fault == 3)
            kept[i] = value;
        if (fault != 1 && (fault != 2 || blockIdx.x + 1 < blocks))
            synchronise_grid(arrivals);
        value = 0.0f;
        for (unsigned block = 0; block < blocks; block++)
            value += parts[block * blockDim.x + i];
    }
    y[own] = fault == 3 ? kept[i] : value;
}

// y[i] = x[63 - i] by way of the launch's shared memory.
extern "C" __global__ void reverse_in_dynamic_memory(const float* x, float* y)
{
    float* const places = static_cast<float*>(softgpu::dynamic_shared_memory());
    places[threadIdx.x] = x[position()];
    __syncthreads();
    y[position()] = places[63 - threadIdx.x];
}
