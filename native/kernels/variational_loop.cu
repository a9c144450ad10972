// The loops of the variational Bi-LSTM over time (model.md F3 and B5) as one kernel each, whose weights stay in shared memory: five products a time step
// with what follows them, a barrier of the grid behind each.
//
// A cooperative launch of as many blocks as the plan is for: (256, 1, 1) threads, the plan's dynamic shared memory, B up to 128. It has all of a
// multiprocessor: nothing else runs beside it, and it begins when what runs in other branches has left it the room, which those do without waiting for it.
// Neither does it start early, when blocks of the kernel before hold multiprocessors that its own must all have at once, nor does anything behind it.
#include "dependent_launch.cuh"
#include "product_epilogues.cuh"
#include "resident_product.cuh"

// Tensors over time are [T B, N], the parameters' weights [in, out]; whatever may be empty in the kernels of thin_product.cu may be here.
struct VariationalLoopForward
{
    unsigned long long* arrivals; // of the grid's barrier
    const int* plan; // begins of the five products, [5, blocks + 1]
    Exchange h, q, z, s, latent; // what products read: [B, H], [B, M], [B, Z], [B, M], [B, Z + H]
    Tensor hidden_stack, posterior_weight, psi_hidden_weight, psi_weight, latent_stack;
    Tensor posterior_bias, psi_hidden_bias, psi_bias;
    Tensor states, cells; // by slot, [T + 1]
    Tensor gates, tanh_c, update_mask;
    Tensor hidden_product; // h U_f, [B, 4H]
    Tensor posterior_hidden, posterior_output, epsilon_z, latents;
    Tensor psi_hidden, psi_output, epsilon_b, b_tilde;
    LeakyRelu phi;
    GaussianHead latent_head, reconstruction_head;
    int steps;
};

struct VariationalLoopBackward
{
    unsigned long long* arrivals;
    const int* plan;
    Exchange a, o, s, p, q; // gradients that products read: [B, 4H], [B, 2H], [B, M], [B, 2Z], [B, M]
    Tensor recurrent_stack, psi_weight, psi_hidden_weight, posterior_weight, posterior_hidden_weight;
    Tensor d_states, cells; // by slot, [T + 1]
    Tensor gates, tanh_c, update_mask, dc;
    Tensor product; // what reaches h and z, [B, H + Z]
    Tensor d_b_tilde, epsilon_b, d_psi_moments, psi_output, psi_hidden, d_psi_hidden;
    Tensor dz, epsilon_z, d_posterior_moments, posterior_output, posterior_hidden, d_posterior_hidden, skip_mask;
    LeakyRelu phi;
    GaussianHead latent_head, reconstruction_head;
    int steps;
};

static_assert(sizeof(VariationalLoopForward) == 840 && sizeof(VariationalLoopBackward) == 936, "the managed side passes these bytes");

extern "C" __global__ void __launch_bounds__(resident_block, 1) variational_loop_forward(VariationalLoopForward loop)
{
    wait_for_earlier_kernels();
    const int rows = loop.hidden_product.rows, hidden = loop.posterior_hidden.columns, units = loop.tanh_c.columns, latents = loop.latents.columns;
    const int begins = static_cast<int>(gridDim.x) + 1;
    auto* memory = reinterpret_cast<unsigned long long*>(dynamic_memory() + bytes_of_sums);
    const ResidentProduct<false, 1> from_h(loop.hidden_stack, loop.plan, memory);
    const ResidentProduct<false, 2> to_z(loop.posterior_weight, loop.plan + begins, memory);
    const ResidentProduct<false, 1> from_z(loop.psi_hidden_weight, loop.plan + 2 * begins, memory);
    const ResidentProduct<false, 2> to_b_tilde(loop.psi_weight, loop.plan + 3 * begins, memory);
    const ResidentProduct<false, 4> to_gates(loop.latent_stack, loop.plan + 4 * begins, memory);
    put_all(at_step(loop.states, 0, rows), loop.h);

    for (int t = 0; t < loop.steps; t++) {
        const auto at = [&](const Tensor& sequence, int step) { return at_step(sequence, step, rows); };
        synchronise_grid(loop.arrivals);
        const Tensor posterior_hidden = at(loop.posterior_hidden, t);
        from_h.multiply(loop.h, rows, [&](int row, int column, const auto& sum) {
            if (column < hidden)
                loop.q.put(row, column, end_leaky_relu(row, column, sum(0) + addend_at(posterior_hidden, row, column), posterior_hidden, loop.phi));
            else
                store_element(loop.hidden_product, row, column - hidden, sum(0));
        });

        synchronise_grid(loop.arrivals);
        const Tensor posterior_output = at(loop.posterior_output, t), epsilon_z = at(loop.epsilon_z, t), z = at(loop.latents, t);
        to_z.multiply(loop.q, rows, [&](int row, int unit, const auto& sum) {
            const float value = end_sample_gaussian(row, unit, sum(0) + addend_at(loop.posterior_bias, row, unit),
                sum(1) + addend_at(loop.posterior_bias, row, latents + unit), posterior_output, !epsilon_z.is_empty(),
                element_or(epsilon_z, row, unit, 0.0f), z, loop.latent_head);
            loop.z.put(row, unit, value);
            loop.latent.put(row, unit, value);
        });

        synchronise_grid(loop.arrivals);
        const Tensor psi_hidden = at(loop.psi_hidden, t);
        from_z.multiply(loop.z, rows, [&](int row, int column, const auto& sum) {
            loop.s.put(row, column, end_leaky_relu(row, column, sum(0) + addend_at(loop.psi_hidden_bias, row, column), psi_hidden, loop.phi));
        });

        synchronise_grid(loop.arrivals);
        const Tensor psi_output = at(loop.psi_output, t), epsilon_b = at(loop.epsilon_b, t), b_tilde = at(loop.b_tilde, t);
        to_b_tilde.multiply(loop.s, rows, [&](int row, int unit, const auto& sum) {
            loop.latent.put(row, latents + unit,
                end_sample_gaussian(row, unit, sum(0) + addend_at(loop.psi_bias, row, unit), sum(1) + addend_at(loop.psi_bias, row, units + unit), psi_output,
                    !epsilon_b.is_empty(), element_or(epsilon_b, row, unit, 0.0f), b_tilde, loop.reconstruction_head));
        });

        synchronise_grid(loop.arrivals);
        const Tensor gates = at(loop.gates, t), c_previous = at(loop.cells, t), c = at(loop.cells, t + 1), tanh_c = at(loop.tanh_c, t);
        const Tensor h = at(loop.states, t + 1), update_mask = at(loop.update_mask, t);
        to_gates.multiply(loop.latent, rows, [&](int row, int unit, const auto& sum) {
            const auto a = [&](int gate) {
                return gates.row(row)[gate * units + unit] + sum(gate) + load_from_other_block(loop.hidden_product, row, gate * units + unit);
            };
            const CellInputs inputs = cell_inputs(row, unit, c_previous, {}, update_mask);
            loop.h.put(row, unit, end_lstm_cell_forward(row, unit, {a(0), a(1), a(2), a(3)}, inputs, gates, c, tanh_c, h));
        });
    }
}

// The cell of the last time step has gone backward.
extern "C" __global__ void __launch_bounds__(resident_block, 1) variational_loop_backward(VariationalLoopBackward loop)
{
    wait_for_earlier_kernels();
    const int rows = loop.product.rows, units = loop.dc.columns, latents = loop.dz.columns;
    const int begins = static_cast<int>(gridDim.x) + 1;
    auto* memory = reinterpret_cast<unsigned long long*>(dynamic_memory() + bytes_of_sums);
    const ResidentProduct<true, 1> from_gates(loop.recurrent_stack, loop.plan, memory);
    const ResidentProduct<true, 1> to_psi_hidden(loop.psi_weight, loop.plan + begins, memory);
    const ResidentProduct<true, 1> to_z(loop.psi_hidden_weight, loop.plan + 2 * begins, memory);
    const ResidentProduct<true, 1> to_posterior_hidden(loop.posterior_weight, loop.plan + 3 * begins, memory);
    const ResidentProduct<true, 1> to_h(loop.posterior_hidden_weight, loop.plan + 4 * begins, memory);
    put_all(at_step(loop.gates, loop.steps - 1, rows), loop.a);

    for (int t = loop.steps - 1; t >= 0; t--) {
        const auto at = [&](const Tensor& sequence, int step) { return at_step(sequence, step, rows); };
        synchronise_grid(loop.arrivals);
        const Tensor d_b_tilde = at(loop.d_b_tilde, t), epsilon_b = at(loop.epsilon_b, t), d_psi_moments = at(loop.d_psi_moments, t);
        const Tensor psi_output = at(loop.psi_output, t);
        from_gates.multiply(loop.a, rows, [&](int row, int place, const auto& sum) {
            if (place < units + latents) {
                store_element(loop.product, row, place, sum(0));
                return;
            }
            const int unit = place - units - latents;
            const float ds = sum(0) + element_or(d_b_tilde, row, unit, 0.0f);
            const SampleInputs inputs = sample_inputs(row, unit, epsilon_b, d_psi_moments, psi_output);
            const GaussianGradient d
                = end_sample_gaussian_backward(row, unit, ds, inputs, !epsilon_b.is_empty(), psi_output, loop.reconstruction_head);
            loop.o.put(row, unit, d.mean);
            loop.o.put(row, units + unit, d.log_variance);
        });

        synchronise_grid(loop.arrivals);
        const Tensor psi_hidden = at(loop.psi_hidden, t), d_psi_hidden = at(loop.d_psi_hidden, t);
        to_psi_hidden.multiply(loop.o, rows, [&](int row, int column, const auto& sum) {
            loop.s.put(row, column, end_leaky_relu_backward(row, column, sum(0), load_element(psi_hidden, row, column), d_psi_hidden, loop.phi));
        });

        synchronise_grid(loop.arrivals);
        const Tensor dz = at(loop.dz, t), epsilon_z = at(loop.epsilon_z, t), d_posterior_moments = at(loop.d_posterior_moments, t);
        const Tensor posterior_output = at(loop.posterior_output, t);
        to_z.multiply(loop.s, rows, [&](int row, int unit, const auto& sum) {
            const float ds = sum(0) + load_from_other_block(loop.product, row, units + unit) + element_or(dz, row, unit, 0.0f);
            const SampleInputs inputs = sample_inputs(row, unit, epsilon_z, d_posterior_moments, posterior_output);
            const GaussianGradient d
                = end_sample_gaussian_backward(row, unit, ds, inputs, !epsilon_z.is_empty(), posterior_output, loop.latent_head);
            loop.p.put(row, unit, d.mean);
            loop.p.put(row, latents + unit, d.log_variance);
        });

        synchronise_grid(loop.arrivals);
        const Tensor posterior_hidden = at(loop.posterior_hidden, t), d_posterior_hidden = at(loop.d_posterior_hidden, t), mask = at(loop.skip_mask, t);
        to_posterior_hidden.multiply(loop.p, rows, [&](int row, int column, const auto& sum) {
            const float d = end_leaky_relu_backward(row, column, sum(0), load_element(posterior_hidden, row, column), d_posterior_hidden, loop.phi);
            loop.q.put(row, column, mask.is_empty() ? d : d * load_element(mask, row, 0));
        });

        synchronise_grid(loop.arrivals);
        if (t == 0) {
            to_h.multiply(loop.q, rows, [&](int row, int unit, const auto& sum) {
                store_element(loop.product, row, unit, sum(0) + load_from_other_block(loop.product, row, unit));
            });
            return;
        }
        const Tensor gates = at(loop.gates, t - 1), c_previous = at(loop.cells, t - 1), tanh_c = at(loop.tanh_c, t - 1), dh = at(loop.d_states, t);
        const Tensor update_mask = at(loop.update_mask, t - 1);
        to_h.multiply(loop.q, rows, [&](int row, int unit, const auto& sum) {
            const float d_state = sum(0) + element_or(dh, row, unit, 0.0f) + load_from_other_block(loop.product, row, unit);
            const CellGradientInputs inputs = cell_gradient_inputs(row, unit, gates, c_previous, tanh_c, {}, loop.dc, update_mask);
            const LstmGates d = end_lstm_cell_backward(row, unit, d_state, inputs, gates, loop.dc);
            loop.a.put(row, unit, d.i);
            loop.a.put(row, units + unit, d.f);
            loop.a.put(row, 2 * units + unit, d.u);
            loop.a.put(row, 3 * units + unit, d.o);
        });
    }
}
