#include "gpu.h"
#include "operands.h"

#include <algorithm>
#include <map>
#include <optional>

extern "C" int softgpu_configure(const char* name, const char* value);

namespace {

// Rows B, units H, hidden units M, latents Z; blocks of the loop. Up to 32, 64 and 128 rows have fragments and shares of their own; a block has up to 8
// tiles of a product, K up to more fragments than are under way.
struct LoopShape
{
    int rows, units, hidden, latents, blocks;
    bool has_options; // tensors that may be empty are there, and what the forward pass alone writes holds one time step
};

const LoopShape loop_shapes[] = {
    {3, 10, 8, 5, 1, true},
    {20, 24, 20, 17, 3, false},
    {40, 9, 8, 3, 2, true},
    {70, 12, 150, 9, 4, true},
};

constexpr int steps = 3;
constexpr Layout layout{0, 3};
constexpr LeakyRelu phi{0.3f, 1.5f};
constexpr GaussianHead latent_head{-2, 2, false}, reconstruction_head{-2, 2, true};

// All of what holds no more.
Tensor rows_of(const Tensor& x, int begin, int count)
{
    if (x.data == nullptr && x.operand == nullptr)
        return x;
    if (x.rows == count)
        return x;
    const auto offset = static_cast<std::ptrdiff_t>(begin) * x.stride;
    return {x.data == nullptr ? nullptr : x.data + offset, count, x.columns, x.stride, x.operand == nullptr ? nullptr : x.operand + offset};
}

Tensor columns_of(const Tensor& x, int begin, int count)
{
    return {x.data == nullptr ? nullptr : x.data + begin, x.rows, count, x.stride, x.operand == nullptr ? nullptr : x.operand + begin};
}

Tensor without_operand(Tensor x)
{
    x.operand = nullptr;
    return x;
}

Tensor operand_alone(Tensor x)
{
    x.data = nullptr;
    return x;
}

unsigned blocks_for(int columns) { return static_cast<unsigned>((columns + 15) / 16); }

// Matrices by name, the same values for the loop and for its kernels one by one, each with operands beside.
class Buffers
{
public:
    void add(const std::string& name, int rows, int columns, double scale) { values_.emplace(name, Matrix::random(rows, columns, layout, -scale, scale)); }

    // Zero where nothing is written.
    void add_zero(const std::string& name, int rows, int columns)
    {
        values_.emplace(name, Matrix(rows, columns, layout, [](int, int) { return 0; }));
    }

    Tensor operator[](const std::string& name)
    {
        const auto found = values_.find(name);
        if (found == values_.end())
            return {};
        auto& operands = operands_[name];
        if (!operands)
            operands.emplace(found->second, layout);
        return operands->beside(found->second.tensor());
    }

    // The same bits in every matrix that both have used, and operands that are its rounded values.
    static void expect_same(Buffers& expected, Buffers& actual, const std::vector<std::string>& with_operands)
    {
        for (auto& [name, matrix] : expected.values_) {
            if (!actual.operands_.contains(name))
                continue;
            Matrix& other = actual.values_.at(name);
            matrix.fetch();
            other.fetch();
            for (int r = 0; r < matrix.rows(); r++)
                for (int c = 0; c < matrix.columns(); c++)
                    ASSERT_EQ(matrix(r, c), other(r, c)) << name << " [" << r << ", " << c << "]";
        }
        for (const auto& name : with_operands)
            actual.operands_.at(name)->expect(name, actual.values_.at(name));
    }

private:
    std::map<std::string, Matrix> values_;
    std::map<std::string, std::optional<Operands>> operands_;
};

struct LoopProduct
{
    int units, groups, depth;
};

// Device memory of a loop: its barrier's word, who has which tiles, and what blocks exchange.
class LoopMemory
{
public:
    LoopMemory(const LoopShape& shape, const std::vector<LoopProduct>& products)
    {
        std::vector<int> begins;
        std::vector<int> bytes(static_cast<std::size_t>(shape.blocks));
        for (const auto& [units, groups, depth] : products) {
            const int tiles = (units + 7) / 8;
            for (int block = 0; block <= shape.blocks; block++) {
                begins.push_back(tiles * block / shape.blocks);
                if (block > 0)
                    bytes[static_cast<std::size_t>(block - 1)] += (begins.back() - begins[begins.size() - 2]) * groups * ((depth + 15) / 16) * 256;
            }
        }
        shared_bytes = static_cast<unsigned>((16 << 10) + *std::max_element(bytes.begin(), bytes.end()));
        plan = take<int>(begins);
        arrivals = take<unsigned long long>({0});
        const int rows = shape.rows <= 32 ? 32 : shape.rows <= 64 ? 64 : 128;
        for (const auto& product : products) {
            const int fragments = (product.depth + 15) / 16;
            exchanges.push_back({take<unsigned short>(std::vector<unsigned short>(static_cast<std::size_t>(rows * fragments * 16))), fragments});
        }
    }

    unsigned shared_bytes;
    int* plan;
    unsigned long long* arrivals;
    std::vector<Exchange> exchanges; // what each product reads

private:
    template <typename T>
    T* take(const std::vector<T>& values)
    {
        memory_.emplace_back(allocate(values.size() * sizeof(T)), release);
        upload(memory_.back().get(), values.data(), values.size() * sizeof(T));
        return static_cast<T*>(memory_.back().get());
    }

    std::vector<std::shared_ptr<void>> memory_;
};

class VariationalLoop : public testing::TestWithParam<LoopShape>
{
protected:
    void SetUp() override { ASSERT_EQ(softgpu_configure("SOFTGPU_MULTIPROCESSORS", "4"), 0); }

    void TearDown() override
    {
        softgpu_configure("SOFTGPU_SEED", "0");
        softgpu_configure("SOFTGPU_MULTIPROCESSORS", "0");
    }

    Buffers forward_buffers() const
    {
        const auto [b, h, m, z, blocks, has_options] = GetParam();
        Buffers buffers;
        buffers.add("hidden_stack", h, m + 4 * h, 0.5);
        buffers.add("posterior_weight", m, 2 * z, 0.4);
        buffers.add("psi_hidden_weight", z, m, 0.6);
        buffers.add("psi_weight", m, 2 * h, 0.3);
        buffers.add("latent_stack", z + h, 4 * h, 0.5);
        for (const auto& [name, columns] : {std::pair("posterior_bias", 2 * z), {"psi_hidden_bias", m}, {"psi_bias", 2 * h}})
            buffers.add(name, 1, columns, 0.5);
        buffers.add("states", (steps + 1) * b, h, 1);
        buffers.add("cells", (steps + 1) * b, h, 1);
        buffers.add("gates", steps * b, 4 * h, 1);
        buffers.add("posterior_hidden", steps * b, m, 1);
        buffers.add("epsilon_z", steps * b, z, 1);
        for (const auto& [name, columns] : {std::pair("posterior_output", 2 * z), {"latents", z}, {"b_tilde", h}})
            buffers.add_zero(name, steps * b, columns);
        for (const auto& [name, columns] : {std::pair("tanh_c", h), {"psi_hidden", m}, {"psi_output", 2 * h}})
            buffers.add_zero(name, (has_options ? 1 : steps) * b, columns);
        buffers.add_zero("hidden_product", b, 4 * h);
        buffers.add_zero("latent_input", b, z + h);
        if (has_options) {
            buffers.add("update_mask", steps * b, h, 2);
            buffers.add("epsilon_b", steps * b, h, 1);
        }
        return buffers;
    }

    Buffers backward_buffers() const
    {
        const auto [b, h, m, z, blocks, has_options] = GetParam();
        Buffers buffers;
        buffers.add("recurrent_stack", h + z + h, 4 * h, 0.3);
        buffers.add("psi_weight", m, 2 * h, 0.3);
        buffers.add("psi_hidden_weight", z, m, 0.5);
        buffers.add("posterior_weight", m, 2 * z, 0.5);
        buffers.add("posterior_hidden_weight", h, m, 0.3);
        buffers.add("d_states", (steps + 1) * b, h, 1);
        buffers.add("cells", (steps + 1) * b, h, 1);
        buffers.add("dc", b, h, 1);
        for (const auto& [name, columns] : {std::pair("gates", 4 * h), {"tanh_c", h}, {"d_psi_moments", 2 * h}, {"psi_output", 2 * h}, {"psi_hidden", m},
                 {"dz", z}, {"epsilon_z", z}, {"d_posterior_moments", 2 * z}, {"posterior_output", 2 * z}, {"posterior_hidden", m}})
            buffers.add(name, steps * b, columns, 1);
        buffers.add_zero("d_psi_hidden", steps * b, m);
        buffers.add_zero("d_posterior_hidden", steps * b, m);
        buffers.add_zero("product", b, h + z);
        if (has_options) {
            buffers.add("update_mask", steps * b, h, 2);
            buffers.add("epsilon_b", steps * b, h, 1);
            buffers.add("d_b_tilde", steps * b, h, 1);
            buffers.add("skip_mask", steps * b, 1, 1);
            buffers.add_zero("masked", b, m);
        }
        return buffers;
    }

    // The kernels of thin_product.cu, whose own tests have compared them with double precision.
    static void go_forward(const LoopShape& shape, Buffers& x)
    {
        const auto [b, h, m, z, blocks, has_options] = shape;
        const Tensor latent_input = x["latent_input"];
        for (int t = 0; t < steps; t++) {
            const auto at = [&](const char* name, int step) { return rows_of(x[name], step * b, b); };
            launch("thin_multiply_leaky_relu", {blocks_for(m + 4 * h)}, {256}, at("states", t), x["hidden_stack"], at("posterior_hidden", t),
                at("posterior_hidden", t), x["hidden_product"], phi);
            launch("thin_multiply_sample_gaussian", {blocks_for(z)}, {256}, at("posterior_hidden", t), x["posterior_weight"], x["posterior_bias"],
                without_operand(at("posterior_output", t)), at("epsilon_z", t), at("latents", t), latent_head);
            launch("thin_multiply_leaky_relu", {blocks_for(m)}, {256}, at("latents", t), x["psi_hidden_weight"], x["psi_hidden_bias"], at("psi_hidden", t),
                Tensor(), phi);
            launch("thin_multiply_sample_gaussian", {blocks_for(h)}, {256}, at("psi_hidden", t), x["psi_weight"], x["psi_bias"],
                without_operand(at("psi_output", t)), at("epsilon_b", t), at("b_tilde", t), reconstruction_head);
            for (const auto& [from, to] : {std::pair(at("latents", t), columns_of(latent_input, 0, z)), {at("b_tilde", t), columns_of(latent_input, z, h)}})
                launch("copy", {1, static_cast<unsigned>(b)}, {64}, from, to);
            launch("thin_multiply_lstm_cell_forward", {blocks_for(h)}, {256}, latent_input, x["latent_stack"], without_operand(at("gates", t)),
                x["hidden_product"], at("cells", t), Tensor(), at("cells", t + 1), at("tanh_c", t), at("states", t + 1), at("update_mask", t));
        }
    }

    static void go_backward(const LoopShape& shape, Buffers& x)
    {
        const auto [b, h, m, z, blocks, has_options] = shape;
        const Tensor product = without_operand(x["product"]);
        for (int t = steps - 1; t >= 0; t--) {
            const auto at = [&](const char* name, int step) { return rows_of(x[name], step * b, b); };
            launch("thin_multiply_transposed_sample_gaussian", {blocks_for(h + z + h)}, {256}, at("gates", t), x["recurrent_stack"], product, Tensor(),
                at("d_b_tilde", t), at("epsilon_b", t), at("d_psi_moments", t), at("psi_output", t), reconstruction_head);
            launch("thin_multiply_transposed_leaky_relu", {blocks_for(m)}, {256}, at("psi_output", t), x["psi_weight"], at("psi_hidden", t),
                at("d_psi_hidden", t), Tensor(), Tensor(), phi);
            launch("thin_multiply_transposed_sample_gaussian", {blocks_for(z)}, {256}, at("d_psi_hidden", t), x["psi_hidden_weight"], Tensor(),
                columns_of(product, h, z), at("dz", t), at("epsilon_z", t), at("d_posterior_moments", t), at("posterior_output", t), latent_head);
            launch("thin_multiply_transposed_leaky_relu", {blocks_for(m)}, {256}, at("posterior_output", t), x["posterior_weight"], at("posterior_hidden", t),
                at("d_posterior_hidden", t), at("skip_mask", t), x["masked"], phi);
            const Tensor masked = has_options ? x["masked"] : at("d_posterior_hidden", t);
            const Tensor dh = columns_of(product, 0, h);
            if (t == 0)
                launch("thin_multiply_transposed", {blocks_for(h)}, {256}, masked, x["posterior_hidden_weight"], dh, dh);
            else
                launch("thin_multiply_transposed_lstm_cell_backward", {blocks_for(h)}, {256}, masked, x["posterior_hidden_weight"], at("d_states", t), dh,
                    at("gates", t - 1), at("cells", t - 1), at("tanh_c", t - 1), Tensor(), x["dc"], at("update_mask", t - 1));
        }
    }

    static void loop_forward(const LoopShape& shape, Buffers& x)
    {
        const auto [b, h, m, z, blocks, has_options] = shape;
        const LoopMemory memory(shape, {{m + 4 * h, 1, h}, {z, 2, m}, {m, 1, z}, {h, 2, m}, {h, 4, z + h}});
        const auto& e = memory.exchanges;
        launch_cooperatively("variational_loop_forward", static_cast<unsigned>(blocks), memory.shared_bytes,
            VariationalLoopForward{memory.arrivals, memory.plan, e[0], e[1], e[2], e[3], e[4], operand_alone(x["hidden_stack"]),
                without_operand(x["posterior_weight"]),
                x["psi_hidden_weight"], x["psi_weight"], x["latent_stack"], x["posterior_bias"], x["psi_hidden_bias"], x["psi_bias"], x["states"], x["cells"],
                without_operand(x["gates"]), x["tanh_c"], x["update_mask"], x["hidden_product"], x["posterior_hidden"], without_operand(x["posterior_output"]),
                x["epsilon_z"], x["latents"], x["psi_hidden"], without_operand(x["psi_output"]), x["epsilon_b"], x["b_tilde"], phi, latent_head,
                reconstruction_head, steps});
    }

    static void loop_backward(const LoopShape& shape, Buffers& x)
    {
        const auto [b, h, m, z, blocks, has_options] = shape;
        const LoopMemory memory(shape, {{h + z + h, 1, 4 * h}, {m, 1, 2 * h}, {z, 1, m}, {m, 1, 2 * z}, {h, 1, m}});
        const auto& e = memory.exchanges;
        launch_cooperatively("variational_loop_backward", static_cast<unsigned>(blocks), memory.shared_bytes,
            VariationalLoopBackward{memory.arrivals, memory.plan, e[0], e[1], e[2], e[3], e[4], x["recurrent_stack"], without_operand(x["psi_weight"]),
                x["psi_hidden_weight"], x["posterior_weight"], x["posterior_hidden_weight"], x["d_states"], x["cells"], x["gates"], x["tanh_c"],
                x["update_mask"], x["dc"], without_operand(x["product"]), x["d_b_tilde"], x["epsilon_b"], x["d_psi_moments"], x["psi_output"],
                x["psi_hidden"], x["d_psi_hidden"], x["dz"], x["epsilon_z"], x["d_posterior_moments"], x["posterior_output"], x["posterior_hidden"],
                x["d_posterior_hidden"], x["skip_mask"], phi, latent_head, reconstruction_head, steps});
    }

    // What the loop has no use for does not count: the copies of one time step, and what only products read in kernels of their own.
    template <typename Kernels, typename Loop>
    void compare(const Buffers& initial, Kernels&& kernels, Loop&& loop, const std::vector<std::string>& with_operands) const
    {
        Buffers expected = initial;
        kernels(GetParam(), expected);
        for (int seed = 0; seed <= 2; seed++) {
            ASSERT_EQ(softgpu_configure("SOFTGPU_SEED", std::to_string(seed).c_str()), 0);
            Buffers actual = initial;
            loop(GetParam(), actual);
            Buffers::expect_same(expected, actual, with_operands);
            if (HasFatalFailure())
                return;
        }
    }
};

TEST_P(VariationalLoop, GoesForwardWithTheBitsOfAKernelForEachProduct)
{
    compare(forward_buffers(), go_forward, loop_forward, {"states", "posterior_hidden", "latents", "psi_hidden", "b_tilde"});
}

TEST_P(VariationalLoop, GoesBackwardWithTheBitsOfAKernelForEachProduct)
{
    compare(backward_buffers(), go_backward, loop_backward, {"gates", "psi_output", "d_psi_hidden", "posterior_output", "d_posterior_hidden"});
}

INSTANTIATE_TEST_SUITE_P(Loops, VariationalLoop, testing::ValuesIn(loop_shapes),
    [](const auto& test) { return std::to_string(test.param.rows) + "Rows" + std::to_string(test.param.blocks) + "Blocks"; });

}
