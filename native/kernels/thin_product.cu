// One node of a time step's graph each: a product of a thin x on tensor cores and what follows it element by element.
//
// x [B, K] with B up to 128; w [K, N], or [N, K] where it is transposed. Of bf16, their operands are read, where they have one, instead of their elements;
// of TF32, whose kernels' names end in tf32, the elements. Results are written in float32, in bf16, or both, as their tensors have it; x must not overlap
// them.
// Block (256, 1, 1), 96 KB of dynamic shared memory, grid (blocks, 1, 1): at least N / 64, of use up to N / 16, rounded up, and best as many as there
// are multiprocessors or a few more; where the kernel says so exactly N / 16 of its N.
#include "product_epilogues.cuh"
#include "thin_product.cuh"

// The first columns of a = x w, as many as y has, become y = phi(a + addend); the others become sums. addend [B, M], [1, M] or empty;
// y [B, M] or empty, may be the addend; sums [B, N - M] or empty.
template <typename Operand>
__device__ inline void thin_multiply_leaky_relu_of(const Tensor& x, const Tensor& w, const Tensor& addend, const Tensor& y, const Tensor& sums,
    const LeakyRelu& phi)
{
    const int activated = y.is_empty() ? 0 : y.columns;
    multiply_thin_and<Operand, false>(
        x, w, [&](int row, int column) { return column < activated ? addend_at(addend, row, column) : 0.0f; },
        [&](int row, int column, float sum, float added) {
            if (column < activated)
                end_leaky_relu(row, column, sum + added, y, phi);
            else
                store_element(sums, row, column - activated, sum);
        });
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_leaky_relu(Tensor x, Tensor w, Tensor addend, Tensor y,
    Tensor sums, LeakyRelu phi)
{
    thin_multiply_leaky_relu_of<bfloat16>(x, w, addend, y, sums, phi);
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_leaky_relu_tf32(Tensor x, Tensor w, Tensor addend, Tensor y,
    Tensor sums, LeakyRelu phi)
{
    thin_multiply_leaky_relu_of<float>(x, w, addend, y, sums, phi);
}

// output = x w + bias, then sample_gaussian_forward of it. w [K, 2N], bias [1, 2N] or empty, output [B, 2N], noise and sample [B, N] or empty;
// N / 16 blocks.
template <typename Operand>
__device__ inline void thin_multiply_sample_gaussian_of(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& output,
    const Tensor& noise, const Tensor& sample, const GaussianHead& head)
{
    const int n = output.columns / 2;
    struct Inputs
    {
        float mean_bias, log_variance_bias, noise;
    };
    multiply_thin_and_join<Operand, 2>(
        x, w, n,
        [&](int row, int column) {
            return Inputs{addend_at(bias, row, column), addend_at(bias, row, n + column), element_or(noise, row, column, 0.0f)};
        },
        [&](int row, int column, const auto& sum, const Inputs& inputs) {
            end_sample_gaussian(row, column, sum(0) + inputs.mean_bias, sum(1) + inputs.log_variance_bias, output, !noise.is_empty(), inputs.noise, sample,
                head);
        });
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_sample_gaussian(Tensor x, Tensor w, Tensor bias, Tensor output,
    Tensor noise, Tensor sample, GaussianHead head)
{
    thin_multiply_sample_gaussian_of<bfloat16>(x, w, bias, output, noise, sample, head);
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_sample_gaussian_tf32(Tensor x, Tensor w, Tensor bias,
    Tensor output, Tensor noise, Tensor sample, GaussianHead head)
{
    thin_multiply_sample_gaussian_of<float>(x, w, bias, output, noise, sample, head);
}

// gates += x w + addend, then lstm_cell_forward. w [K, 4H], gates [B, 4H], addend [B, 4H] or empty, validity [B, 1] or empty, update_mask [B, H] or
// empty, the rest [B, H]; H / 16 blocks.
template <typename Operand>
__device__ inline void thin_multiply_lstm_cell_forward_of(const Tensor& x, const Tensor& w, const Tensor& gates, const Tensor& addend,
    const Tensor& c_previous, const Tensor& validity, const Tensor& c, const Tensor& tanh_c, const Tensor& h, const Tensor& update_mask)
{
    const int n = c.columns;
    struct Inputs
    {
        LstmGates gates, added;
        CellInputs cell;
    };
    multiply_thin_and_join<Operand, 4>(
        x, w, n,
        [&](int row, int column) {
            const auto added = [&](int gate) { return addend_at(addend, row, gate * n + column); };
            return Inputs{gates_at(gates, row, column), {added(0), added(1), added(2), added(3)},
                cell_inputs(row, column, c_previous, validity, update_mask)};
        },
        [&](int row, int column, const auto& sum, const Inputs& inputs) {
            const LstmGates& a = inputs.gates;
            const LstmGates& added = inputs.added;
            end_lstm_cell_forward(row, column, {a.i + sum(0) + added.i, a.f + sum(1) + added.f, a.u + sum(2) + added.u, a.o + sum(3) + added.o},
                inputs.cell, gates, c, tanh_c, h);
        });
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_lstm_cell_forward(Tensor x, Tensor w, Tensor gates,
    Tensor addend, Tensor c_previous, Tensor validity, Tensor c, Tensor tanh_c, Tensor h, Tensor update_mask)
{
    thin_multiply_lstm_cell_forward_of<bfloat16>(x, w, gates, addend, c_previous, validity, c, tanh_c, h, update_mask);
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_lstm_cell_forward_tf32(Tensor x, Tensor w, Tensor gates,
    Tensor addend, Tensor c_previous, Tensor validity, Tensor c, Tensor tanh_c, Tensor h, Tensor update_mask)
{
    thin_multiply_lstm_cell_forward_of<float>(x, w, gates, addend, c_previous, validity, c, tanh_c, h, update_mask);
}

// y = x w^T + addend. w [N, K], addend [B, N], [1, N] or empty, may be y; y [B, N].
template <typename Operand>
__device__ inline void thin_multiply_transposed_of(const Tensor& x, const Tensor& w, const Tensor& addend, const Tensor& y)
{
    multiply_thin_and<Operand, true>(
        x, w, [&](int row, int column) { return addend_at(addend, row, column); },
        [&](int row, int column, float sum, float added) { store_element(y, row, column, sum + added); });
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_transposed(Tensor x, Tensor w, Tensor addend, Tensor y)
{
    thin_multiply_transposed_of<bfloat16>(x, w, addend, y);
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_transposed_tf32(Tensor x, Tensor w, Tensor addend, Tensor y)
{
    thin_multiply_transposed_of<float>(x, w, addend, y);
}

// The first columns of a = x w^T, as many as y has, become y; the others, plus d_sample1 and d_sample2, go through sample_gaussian_backward: output
// [B, 2N] becomes its own gradient. w [M + N, K], y [B, M] or empty, d_sample1, d_sample2 and noise [B, N] or empty, d_moments [B, 2N].
template <typename Operand>
__device__ inline void thin_multiply_transposed_sample_gaussian_of(const Tensor& x, const Tensor& w, const Tensor& y, const Tensor& d_sample1,
    const Tensor& d_sample2, const Tensor& noise, const Tensor& d_moments, const Tensor& output, const GaussianHead& head)
{
    const int plain = y.is_empty() ? 0 : y.columns;
    struct Inputs
    {
        float d_sample1, d_sample2;
        SampleInputs sample;
    };
    multiply_thin_and<Operand, true>(
        x, w,
        [&](int row, int place) {
            const int column = place - plain;
            return column < 0 ? Inputs{}
                              : Inputs{element_or(d_sample1, row, column, 0.0f), element_or(d_sample2, row, column, 0.0f),
                                    sample_inputs(row, column, noise, d_moments, output)};
        },
        [&](int row, int place, float sum, const Inputs& inputs) {
            if (place < plain)
                store_element(y, row, place, sum);
            else
                end_sample_gaussian_backward(row, place - plain, sum + inputs.d_sample1 + inputs.d_sample2, inputs.sample, !noise.is_empty(), output, head);
        });
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_transposed_sample_gaussian(Tensor x, Tensor w, Tensor y,
    Tensor d_sample1, Tensor d_sample2, Tensor noise, Tensor d_moments, Tensor output, GaussianHead head)
{
    thin_multiply_transposed_sample_gaussian_of<bfloat16>(x, w, y, d_sample1, d_sample2, noise, d_moments, output, head);
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_transposed_sample_gaussian_tf32(Tensor x, Tensor w, Tensor y,
    Tensor d_sample1, Tensor d_sample2, Tensor noise, Tensor d_moments, Tensor output, GaussianHead head)
{
    thin_multiply_transposed_sample_gaussian_of<float>(x, w, y, d_sample1, d_sample2, noise, d_moments, output, head);
}

// dx = (x w^T) phi', from the output y; where mask [B, 1] is given, masked_dx = mask dx as well. w [N, K], the rest [B, N].
template <typename Operand>
__device__ inline void thin_multiply_transposed_leaky_relu_of(const Tensor& x, const Tensor& w, const Tensor& y, const Tensor& dx, const Tensor& mask,
    const Tensor& masked_dx, const LeakyRelu& phi)
{
    struct Inputs
    {
        float y, mask;
    };
    multiply_thin_and<Operand, true>(
        x, w, [&](int row, int column) { return Inputs{load_element(y, row, column), element_or(mask, row, 0, 1.0f)}; },
        [&](int row, int column, float sum, const Inputs& inputs) {
            const float d = end_leaky_relu_backward(row, column, sum, inputs.y, dx, phi);
            if (!mask.is_empty())
                store_element(masked_dx, row, column, d * inputs.mask);
        });
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_transposed_leaky_relu(Tensor x, Tensor w, Tensor y, Tensor dx,
    Tensor mask, Tensor masked_dx, LeakyRelu phi)
{
    thin_multiply_transposed_leaky_relu_of<bfloat16>(x, w, y, dx, mask, masked_dx, phi);
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_transposed_leaky_relu_tf32(Tensor x, Tensor w, Tensor y,
    Tensor dx, Tensor mask, Tensor masked_dx, LeakyRelu phi)
{
    thin_multiply_transposed_leaky_relu_of<float>(x, w, y, dx, mask, masked_dx, phi);
}

// lstm_cell_backward with dh = x w^T + dh1 + dh2, of which the latter may be empty: gates [B, 4H] become da, dc [B, H] that of the previous cell.
// w [H, K], validity [B, 1] or empty, update_mask [B, H] or empty, the rest [B, H].
template <typename Operand>
__device__ inline void thin_multiply_transposed_lstm_cell_backward_of(const Tensor& x, const Tensor& w, const Tensor& dh1, const Tensor& dh2,
    const Tensor& gates, const Tensor& c_previous, const Tensor& tanh_c, const Tensor& validity, const Tensor& dc, const Tensor& update_mask)
{
    struct Inputs
    {
        float dh1, dh2;
        CellGradientInputs cell;
    };
    multiply_thin_and<Operand, true>(
        x, w,
        [&](int row, int column) {
            return Inputs{element_or(dh1, row, column, 0.0f), element_or(dh2, row, column, 0.0f),
                cell_gradient_inputs(row, column, gates, c_previous, tanh_c, validity, dc, update_mask)};
        },
        [&](int row, int column, float sum, const Inputs& inputs) {
            end_lstm_cell_backward(row, column, sum + inputs.dh1 + inputs.dh2, inputs.cell, gates, dc);
        });
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_transposed_lstm_cell_backward(Tensor x, Tensor w, Tensor dh1,
    Tensor dh2, Tensor gates, Tensor c_previous, Tensor tanh_c, Tensor validity, Tensor dc, Tensor update_mask)
{
    thin_multiply_transposed_lstm_cell_backward_of<bfloat16>(x, w, dh1, dh2, gates, c_previous, tanh_c, validity, dc, update_mask);
}

extern "C" __global__ void __launch_bounds__(thin_block, thin_residents) thin_multiply_transposed_lstm_cell_backward_tf32(Tensor x, Tensor w,
    Tensor dh1, Tensor dh2, Tensor gates, Tensor c_previous, Tensor tanh_c, Tensor validity, Tensor dc, Tensor update_mask)
{
    thin_multiply_transposed_lstm_cell_backward_of<float>(x, w, dh1, dh2, gates, c_previous, tanh_c, validity, dc, update_mask);
}
