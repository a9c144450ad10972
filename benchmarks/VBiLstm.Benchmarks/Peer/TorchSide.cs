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

    public int Sequences => B;

    public virtual float Step()
    {
        using var scope = NewDisposeScope();
        _adam.zero_grad();
        using var objective = Forward();
        Backward(objective);
        nn.utils.clip_grad_norm_(_parameters.Values, _training.ClipNorm);
        _adam.step();
        return objective.item<float>();
    }

    /// <summary>−log p and KL of the whole batch, nats per sequence, as an evaluation reports them: without auxiliary costs, masks and gradients.</summary>
    protected float Score()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var (epsilonZ, epsilonB, _) = _givenNoise ?? (randn(T, B, Z), randn(T, B, H), zeros(1));
        var e = Inputs();
        var (states, _, _) = _backwardLstm.forward(e.flip(0));
        var ax = Layer(e.narrow(0, 0, T), "forward_lstm", "weight_input");
        var qb = Layer(states.flip(0).narrow(0, 0, T), "posterior.hidden", "weight_b");
        var (h, c) = (zeros(B, H), zeros(B, H));
        var (before, after, posterior) = (new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
        for (var t = 0; t < T; t++)
        {
            before.Add(h);
            var product = h.mm(P("hidden_stack"));
            posterior.Add(Affine(P("posterior.output.bias"), Hidden(qb[t] + product.narrow(1, 0, M)), P("posterior.output.weight")));
            (h, c) = LatentStep(ax[t] + product.narrow(1, M, 4 * H), Sample(posterior[^1], epsilonZ[t]), epsilonB[t], c);
            after.Add(h);
        }

        var (muQ, lambdaQ) = Moments(stack(posterior));
        var (muP, lambdaP) = Moments(Net(stack(before), "prior", "weight_h"));
        var kl = 0.5f * (lambdaP - lambdaQ + exp(lambdaQ - lambdaP) + (muQ - muP).square() * exp(-lambdaP) - 1).sum([0, 2]);
        var nll = Nll(Net(stack(after), "generator", "weight"), sequences: true);
        return (nll + kl).mean().item<float>();
    }

    // What z feeds: ψ, b̃ and the cell.
    (Tensor H, Tensor C) LatentStep(Tensor preActivation, Tensor z, Tensor epsilonB, Tensor c)
    {
        var latent = z.mm(P("latent_stack"));
        var psi = Affine(P("psi.output.bias"), Hidden(latent.narrow(1, 0, M) + P("psi.hidden.bias")), P("psi.output.weight"));
        return Cell(Affine(preActivation + latent.narrow(1, M, 4 * H), Sample(psi, epsilonB), P("forward_lstm.weight_b_tilde")), c);
    }

    /// <summary>T steps of the generative process on B rows, each drawn after the one before.</summary>
    protected void Draw()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var x = Model.IsCategorical ? zeros(B, dtype: ScalarType.Int64) : zeros(B, Model.FrameSize);
        Generate(zeroNoise: false, (_, output) =>
        {
            if (output is null)
                return x;
            x = Model.OutputDistribution switch
            {
                OutputDistribution.Categorical => multinomial(output.softmax(1), 1).flatten(),
                OutputDistribution.Bernoulli => bernoulli(sigmoid(output)),
                _ => Sample(output, randn(B, Model.FrameSize)),
            };
            return x;
        });
    }

    /// <summary>o_T of the generative process at the means of its latents, after the batch's own sequences.</summary>
    float[] LastOutput()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor last = null!;
        Generate(zeroNoise: true, (t, output) =>
        {
            last = output ?? last;
            return _batch[t];
        });
        return last.data<float>().ToArray();
    }

    // next gives x of a time step: of the first without an output, then after each step from what came out.
    void Generate(bool zeroNoise, Func<int, Tensor?, Tensor> next)
    {
        var stack = cat([P("prior.hidden.weight_h"), P("hidden_stack").narrow(1, M, 4 * H)], 1);
        var (h, c, x) = (zeros(B, H), zeros(B, H), next(0, null));
        for (var t = 0; t < T; t++)
        {
            using var scope = NewDisposeScope();
            var e = Model.IsCategorical ? P("embedding.weight").index_select(0, x) : x;
            var product = h.mm(stack);
            var prior = Affine(P("prior.output.bias"), Hidden(product.narrow(1, 0, M) + P("prior.hidden.bias")), P("prior.output.weight"));
            var (epsilonZ, epsilonB) = zeroNoise ? (zeros(B, Z), zeros(B, H)) : (randn(B, Z), randn(B, H));
            var a = Affine(P("forward_lstm.bias"), e, P("forward_lstm.weight_input")) + product.narrow(1, M, 4 * H);
            (h, c) = LatentStep(a, Sample(prior, epsilonZ), epsilonB, c);
            var output = Affine(P("generator.output.bias"), Hidden(Affine(P("generator.hidden.bias"), h, P("generator.hidden.weight"))),
                P("generator.output.weight"));
            x = next(t + 1, output);
            (h, c, x, _) = (h.MoveToOuterDisposeScope(), c.MoveToOuterDisposeScope(), x.MoveToOuterDisposeScope(), output.MoveToOuterDisposeScope());
        }
    }

    /// <summary>Relative difference of our evaluation's figure from this side's at our parameters and noise.</summary>
    public double CompareScores(OurEvaluation ours)
    {
        using var scope = NewDisposeScope();
        var expected = ours.Step();
        var (epsilonZ, epsilonB) = ours.Noise();
        _givenNoise = (tensor(epsilonZ).reshape(T, B, Z), tensor(epsilonB).reshape(T, B, H), zeros(1));
        TakeParameters(ours.Layout, ours.Value);
        return Math.Abs(Score() - expected) / Math.Abs(expected);
    }

    /// <summary>Largest difference of our generative process's last outputs, at the means of its latents, relative to the largest of them.</summary>
    public double CompareOutputs(OurSampling ours)
    {
        using var scope = NewDisposeScope();
        TakeParameters(ours.Layout, ours.Value);
        var (expected, actual) = (ours.LastOutput(), LastOutput());
        return expected.Zip(actual, (one, other) => Math.Abs(one - other)).Max() / expected.Max(Math.Abs);
    }

    void TakeParameters(IReadOnlyList<VBiLstm.Model.Parameter> layout, Func<string, float[]> value)
    {
        using var noGradient = no_grad();
        foreach (var (name, parameter) in _parameters)
            parameter.copy_(Assemble(layout, name, value));
    }

    /// <summary>The objective and every gradient at our side's parameters and noise.</summary>
    /// <returns>Relative differences: of the objective, and the largest relative L2 error of any parameter's gradient.</returns>
    public (double Objective, double Gradient, string Worst) Compare(OurSide ours)
    {
        // Keeps every tensor alive: one that only a native call still uses could be collected during it.
        using var scope = NewDisposeScope();
        var (epsilonZ, epsilonB, mask) = ours.Noise();
        _givenNoise = (tensor(epsilonZ).reshape(T, B, Z), tensor(epsilonB).reshape(T, B, H), tensor(mask).reshape(T, B, 1));
        TakeParameters(ours.Layout, ours.Value);
        using var objective = Forward();
        Backward(objective);
        var worst = (Error: 0.0, Name: "");
        foreach (var (name, parameter) in _parameters)
        {
            var expected = Assemble(ours.Layout, name, ours.Gradient);
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
        var e = Inputs();
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
        var nll = Nll(output, sequences: false);
        return (nll + Model.KlWeight * kl - Model.Alpha * psi - Model.Beta * xi) / B;
    }

    Tensor Inputs() => Model.IsCategorical ? P("embedding.weight").index_select(0, _batch.flatten()).unflatten(0, T + 1, B) : _batch;

    // −log p of the targets, of each sequence [B] or summed over all.
    Tensor Nll(Tensor output, bool sequences)
    {
        var target = _batch.narrow(0, 1, T);
        var reduction = sequences ? nn.Reduction.None : nn.Reduction.Sum;
        var nll = Model.OutputDistribution switch
        {
            OutputDistribution.Categorical => F.cross_entropy(output.flatten(0, 1), target.flatten(), reduction: reduction),
            OutputDistribution.Bernoulli => F.binary_cross_entropy_with_logits(output, target, reduction: reduction),
            _ => sequences ? -LogDensities(target, OutputMoments(output)) : -LogDensities(target, OutputMoments(output)).sum(),
        };
        return sequences ? nll.reshape(T, B, -1).sum([0, 2]) : nll;
    }

    (Tensor Mean, Tensor LogVariance) Moments(Tensor output)
    {
        var parts = output.chunk(2, -1);
        return (parts[0], parts[1].clamp(Model.LogVarianceMin, Model.LogVarianceMax));
    }

    (Tensor Mean, Tensor LogVariance) OutputMoments(Tensor output)
    {
        var parts = output.chunk(2, -1);
        return (parts[0], parts[1].clamp(Model.OutputLogVarianceMin, Model.OutputLogVarianceMax));
    }

    Tensor LogDensity(Tensor target, Tensor output) => LogDensities(target, Moments(output)).sum();

    static Tensor LogDensities(Tensor target, (Tensor Mean, Tensor LogVariance) of)
        => -0.5f * (of.LogVariance + (target - of.Mean).square() * exp(-of.LogVariance) + MathF.Log(2 * MathF.PI));

    Tensor Net(Tensor x, string name, string hiddenWeight) => Layer(Hidden(Layer(x, $"{name}.hidden", hiddenWeight)), $"{name}.output", "weight");

    Tensor Layer(Tensor x, string name, string weight) => Affine(P($"{name}.bias"), x.flatten(0, 1), P($"{name}.{weight}")).unflatten(0, T, B);

    // Our parameter or gradient of that name, in the shape of the parameter here.
    static Tensor Assemble(IReadOnlyList<VBiLstm.Model.Parameter> layout, string name, Func<string, float[]> read)
    {
        return name switch
        {
            "weight_ih_l0" => Matrix("backward_lstm.weight_input").t(),
            "weight_hh_l0" => Matrix("backward_lstm.weight_recurrent").t(),
            "bias_ih_l0" => Matrix("backward_lstm.bias").flatten(),
            "latent_stack" => cat([Matrix("psi.hidden.weight_z"), Matrix("forward_lstm.weight_z")], 1),
            "hidden_stack" => cat([Matrix("posterior.hidden.weight_h"), Matrix("forward_lstm.weight_recurrent")], 1),
            _ => Matrix(name).reshape(layout.Single(parameter => parameter.Name == name).Shape.Select(size => (long)size).ToArray()),
        };

        Tensor Matrix(string ourName)
        {
            var parameter = layout.Single(parameter => parameter.Name == ourName);
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
