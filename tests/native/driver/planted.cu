// Small kernels, most of them with a fault that the caller asks for. x, y and z are [n].

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
