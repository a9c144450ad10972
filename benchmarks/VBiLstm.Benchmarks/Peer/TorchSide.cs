using TorchSharp;
using TorchSharp.Modules;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Training;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>
/// The same training step as a careful TorchSharp user writes it: the backward LSTM by the library's own module, input projections in one product
/// before the loop, prior, ξ and generator batched after it, z's two products stacked. Weights are [in, out], the faster layout for the thin
/// products of the loop. How the loop itself is differentiated is up to the derived class.
/// </summary>
abstract class TorchSide : ITrainingSide
{
    readonly Dictionary<string, Tensor> _givenValues = new(StringComparer.Ordinal);
    readonly Dictionary<string, Parameter> _parameters = new(StringComparer.Ordinal);
    readonly TrainingConfiguration _training = new();
    readonly LSTM _backwardLstm;
    readonly optim.Optimizer _adam;
    readonly Tensor _batch;
    (Tensor EpsilonZ, Tensor EpsilonB, Tensor Mask)? _givenNoise;

    /// <param name="sizes">Sizes of the step.</param>
    /// <param name="threads">Threads of libtorch.</param>
    /// <param name="deferred">Whether the derived class keeps h's two products of the loop in one stack.</param>
    protected TorchSide(StepSizes sizes, int threads, bool deferred)
    {
        set_num_threads(threads);
        random.manual_seed(1);
        Model = sizes.Model;
        (T, B) = (sizes.Steps, sizes.Batch);
        (H, M, Z) = (Model.LstmUnits, Model.MlpUnits, Model.LatentUnits);
        var batch = VBiLstm.Model.RandomSequences.Batch(Model, T, B, sizes.Configuration.Seed);
        _batch = Model.IsCategorical
            ? tensor(batch.Tokens.Select(id => (long)id).ToArray()).reshape(T + 1, B)
            : tensor(batch.Frames).reshape(T + 1, B, sizes.Width);
        var e = Model.InputSize;
        if (Model.IsCategorical)
            Add("embedding.weight", 0.1f * randn(Model.VocabularySize, e));
        AddLayer("forward_lstm", "weight_input", e, 4 * H);
        AddWeight("forward_lstm.weight_b_tilde", H, 4 * H);
        AddWeight("latent_stack", Z, M + 4 * H);
        if (deferred)
        {
            AddWeight("hidden_stack", H, M + 4 * H);
        }
        else
        {
            AddWeight("posterior.hidden.weight_h", H, M);
            AddWeight("forward_lstm.weight_recurrent", H, 4 * H);
        }

        AddLayer("posterior.hidden", "weight_b", H, M);
        AddLayer("posterior.output", "weight", M, 2 * Z);
        AddLayer("prior.hidden", "weight_h", H, M);
        AddLayer("prior.output", "weight", M, 2 * Z);
        Add("psi.hidden.bias", zeros(M));
        AddLayer("psi.output", "weight", M, 2 * H);
        AddLayer("xi.hidden", "weight_z", Z, M);
        AddLayer("xi.output", "weight", M, 2 * H);
        AddLayer("generator.hidden", "weight", H, M);
        AddLayer("generator.output", "weight", M, VBiLstm.Model.Outputs.Output.Of(Model).Width);
        _backwardLstm = nn.LSTM(e, H);
        foreach (var (name, parameter) in _backwardLstm.named_parameters())
        {
            if (name == "bias_hh_l0")
            {
                parameter.requires_grad_(false);
                using (no_grad())
                    parameter.zero_();
            }
            else
            {
                _parameters.Add(name, parameter);
            }
        }

        _adam = optim.Adam(_parameters.Values, lr: _training.LearningRate, beta1: _training.AdamBeta1, beta2: _training.AdamBeta2, eps: _training.AdamEpsilon);
    }

    protected ModelConfiguration Model { get; }

    protected int T { get; }

    protected int B { get; }

    protected int H { get; }

    protected int M { get; }

    protected int Z { get; }

    /// <summary>What the loop leaves for the nets after it; lists have one entry a time step.</summary>
    protected sealed class LoopResults
    {
        /// <summary>h_0..h_T, [B, H].</summary>
        public List<Tensor> H { get; } = [];

        /// <summary>h̄_0..h̄_{T-1} under the skip-gradient mask, [B, H].</summary>
        public List<Tensor> HBar { get; } = [];

        /// <summary>[B, Z].</summary>
        public List<Tensor> Z { get; } = [];

        /// <summary>[μ_q; ℓ_q], [B, 2Z].</summary>
        public List<Tensor> PosteriorOutput { get; } = [];

        /// <summary>[μ_b; ℓ_b], [B, 2H].</summary>
        public List<Tensor> PsiOutput { get; } = [];
    }

    /// <summary>The loop over time steps.</summary>
    /// <param name="ax">A^x [T, B, 4H].</param>
    /// <param name="qb">Q^b [T, B, M].</param>
    /// <param name="epsilonZ">[T, B, Z].</param>
    /// <param name="epsilonB">[T, B, H].</param>
    /// <param name="mask">[T, B, 1].</param>
    protected abstract LoopResults Loop(Tensor ax, Tensor qb, Tensor epsilonZ, Tensor epsilonB, Tensor mask);

    /// <summary>Leaves every gradient of the objective.</summary>
    protected abstract void Backward(Tensor objective);

    public float Step()
    {
        using var scope = NewDisposeScope();
        _adam.zero_grad();
        using var objective = Forward();
        Backward(objective);
        nn.utils.clip_grad_norm_(_parameters.Values, _training.ClipNorm);
        _adam.step();
        return objective.item<float>();
    }

    /// <summary>The objective and every gradient at our side's parameters and noise.</summary>
    /// <returns>Relative differences: of the objective, and the largest relative L2 error of any parameter's gradient.</returns>
    public (double Objective, double Gradient, string Worst) Compare(OurSide ours)
    {
        // Keeps every tensor alive: one that only a native call still uses could be collected during it.
        using var scope = NewDisposeScope();
        var (epsilonZ, epsilonB, mask) = ours.Noise();
        _givenNoise = (tensor(epsilonZ).reshape(T, B, Z), tensor(epsilonB).reshape(T, B, H), tensor(mask).reshape(T, B, 1));
        using (no_grad())
            foreach (var (name, parameter) in _parameters)
                parameter.copy_(Assemble(ours, name, ours.Value));
        using var objective = Forward();
        Backward(objective);
        var worst = (Error: 0.0, Name: "");
        foreach (var (name, parameter) in _parameters)
        {
            var expected = Assemble(ours, name, ours.Gradient);
            var error = (parameter.grad! - expected).norm().item<float>() / expected.norm().item<float>();
            if (!(error <= worst.Error))
                worst = (error, name);
        }

        var value = ours.Differentiate();
        return (Math.Abs(objective.item<float>() - value) / Math.Abs(value), worst.Error, worst.Name);
    }

    protected Tensor P(string name) => _parameters[name];

    protected Tensor Hidden(Tensor preActivation) => F.leaky_relu(preActivation, Model.LeakyReluSlope);

    /// <summary>addend + x W.</summary>
    protected static Tensor Affine(Tensor addend, Tensor x, Tensor w) => addmm(addend, x, w, 1, 1);

    /// <summary>μ + e^{λ/2} ε from an output [μ; ℓ].</summary>
    protected Tensor Sample(Tensor output, Tensor epsilon)
    {
        var (mean, logVariance) = Moments(output);
        return addcmul(mean, exp(0.5f * logVariance), epsilon, 1);
    }

    /// <summary>One step of the forward LSTM from summed pre-activations [B, 4H].</summary>
    protected static (Tensor H, Tensor C) Cell(Tensor preActivation, Tensor c)
    {
        var gates = preActivation.chunk(4, 1);
        c = addcmul(sigmoid(gates[1]) * c, sigmoid(gates[0]), tanh(gates[2]), 1);
        return (sigmoid(gates[3]) * tanh(c), c);
    }

    Tensor Forward()
    {
        var (epsilonZ, epsilonB, mask) = _givenNoise ?? (randn(T, B, Z), randn(T, B, H), bernoulli(full(T, B, 1, (float)Model.SkipProbability)));
        var e = Model.IsCategorical ? P("embedding.weight").index_select(0, _batch.flatten()).unflatten(0, T + 1, B) : _batch;
        var (states, _, _) = _backwardLstm.forward(e.flip(0));
        var b = states.flip(0).narrow(0, 0, T);
        var ax = Layer(e.narrow(0, 0, T), "forward_lstm", "weight_input");
        var qb = Layer(b, "posterior.hidden", "weight_b");
        var loop = Loop(ax, qb, epsilonZ, epsilonB, mask);
        var (hBar, z) = (stack(loop.HBar), stack(loop.Z));
        var (muQ, lambdaQ) = Moments(stack(loop.PosteriorOutput));
        var (muP, lambdaP) = Moments(Net(hBar, "prior", "weight_h"));
        var kl = 0.5f * (lambdaP - lambdaQ + exp(lambdaQ - lambdaP) + (muQ - muP).square() * exp(-lambdaP) - 1).sum();
        var psi = LogDensity(b.detach(), stack(loop.PsiOutput));
        var xi = LogDensity(hBar, Net(z, "xi", "weight_z"));
        var output = Net(stack(loop.H.Skip(1).ToList()), "generator", "weight");
        var target = _batch.narrow(0, 1, T);
        var nll = Model.OutputDistribution switch
        {
            OutputDistribution.Categorical => F.cross_entropy(output.flatten(0, 1), target.flatten(), reduction: nn.Reduction.Sum),
            OutputDistribution.Bernoulli => F.binary_cross_entropy_with_logits(output, target, reduction: nn.Reduction.Sum),
            _ => -LogDensity(target, output),
        };
        return (nll + Model.KlWeight * kl - Model.Alpha * psi - Model.Beta * xi) / B;
    }

    (Tensor Mean, Tensor LogVariance) Moments(Tensor output)
    {
        var parts = output.chunk(2, -1);
        return (parts[0], parts[1].clamp(Model.LogVarianceMin, Model.LogVarianceMax));
    }

    Tensor LogDensity(Tensor target, Tensor output)
    {
        var (mean, logVariance) = Moments(output);
        return -0.5f * (logVariance + (target - mean).square() * exp(-logVariance) + MathF.Log(2 * MathF.PI)).sum();
    }

    Tensor Net(Tensor x, string name, string hiddenWeight) => Layer(Hidden(Layer(x, $"{name}.hidden", hiddenWeight)), $"{name}.output", "weight");

    Tensor Layer(Tensor x, string name, string weight) => Affine(P($"{name}.bias"), x.flatten(0, 1), P($"{name}.{weight}")).unflatten(0, T, B);

    // Our parameter or gradient of that name, in the shape of the parameter here.
    static Tensor Assemble(OurSide ours, string name, Func<string, float[]> read)
    {
        return name switch
        {
            "weight_ih_l0" => Matrix("backward_lstm.weight_input").t(),
            "weight_hh_l0" => Matrix("backward_lstm.weight_recurrent").t(),
            "bias_ih_l0" => Matrix("backward_lstm.bias").flatten(),
            "latent_stack" => cat([Matrix("psi.hidden.weight_z"), Matrix("forward_lstm.weight_z")], 1),
            "hidden_stack" => cat([Matrix("posterior.hidden.weight_h"), Matrix("forward_lstm.weight_recurrent")], 1),
            _ => Matrix(name).reshape(ours.Layout.Single(parameter => parameter.Name == name).Shape.Select(size => (long)size).ToArray()),
        };

        Tensor Matrix(string ourName)
        {
            var parameter = ours.Layout.Single(parameter => parameter.Name == ourName);
            return tensor(read(ourName)).reshape(parameter.Rows, parameter.Columns);
        }
    }

    void AddLayer(string name, string weight, int inputs, int outputs)
    {
        AddWeight($"{name}.{weight}", inputs, outputs);
        Add($"{name}.bias", zeros(outputs));
    }

    void AddWeight(string name, int inputs, int outputs) => Add(name, (2 * rand(inputs, outputs) - 1) / MathF.Sqrt(inputs));

    void Add(string name, Tensor values) => _parameters.Add(name, nn.Parameter(values));

    public void Dispose()
    {
        _adam.Dispose();
        _backwardLstm.Dispose();
        foreach (var parameter in _parameters.Values)
            parameter.Dispose();
        _batch.Dispose();
    }
}
