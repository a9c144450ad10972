using VBiLstm.Configuration;
using VBiLstm.Tests.Model;

namespace VBiLstm.Tests.Reference;

/// <summary>
/// A model of docs/model.md in double, one step at a time, written for clarity: no fused products, nothing batched over time,
/// differentiated by the tape. It is the oracle of the float32 step wherever no golden vector exists. One class a model; what they share is here.
/// </summary>
public abstract class ReferenceModel
{
    readonly IReadOnlyDictionary<string, Variable> _parameters;

    protected ReferenceModel(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    {
        (Model, _parameters, Inputs, B) = (model, parameters, inputs, inputs.B);
        H0 = Variable.Of(B, model.LstmUnits, inputs.H0);
        C0 = Variable.Of(B, model.LstmUnits, inputs.C0);
        ForwardLstm = new ReferenceForwardLstm(model, parameters, inputs);
        for (var k = 0; k <= inputs.T; k++)
            Embedded.Add(model.IsCategorical ? P("embedding.weight").Gather(Tokens(k)) : Slice(inputs.Frames, k, model.FrameSize));
        Bound = new double[B];
    }

    public Variable H0 { get; }

    public Variable C0 { get; }

    /// <summary>e_k by k.</summary>
    public List<Variable> Embedded { get; } = [];

    /// <summary>Values per step under the golden vectors' names, without <c>value.</c> or <c>loss.</c>.</summary>
    public Dictionary<string, List<Variable>> Values { get; } = [];

    /// <summary>J.</summary>
    public Variable Total { get; private set; } = Variable.Zeros(1, 1);

    /// <summary>The bound of each sequence, nats.</summary>
    public double[] Bound { get; }

    protected ModelConfiguration Model { get; }

    protected ReferenceInputs Inputs { get; }

    protected int B { get; }

    private protected ReferenceForwardLstm ForwardLstm { get; }

    /// <summary>Evaluates the model; call <c>Total.Backward()</c> for gradients in the parameters.</summary>
    public static ReferenceModel Evaluate(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    {
        var reference = Of(model, parameters, inputs);
        reference.Run();
        return reference;
    }

    /// <summary>
    /// Scores the targets in prior mode (model.md section 2.6): each z_t is the prior's mean plus its deviation times ε_t, b̃_t likewise from ε′_t, and nothing
    /// reads beyond s_{t-1} before y_t is scored. Fills <see cref="Values"/>, and <see cref="Bound"/> with −Σ nll.
    /// </summary>
    public static ReferenceModel EvaluatePriorMode(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    {
        var reference = Of(model, parameters, inputs);
        reference.RunPriorMode();
        return reference;
    }

    /// <summary>Name and shape of each parameter, read off the equations; a bias has one row.</summary>
    public static IReadOnlyList<(string Name, int Rows, int Columns)> Shapes(ModelConfiguration model)
    {
        var shapes = new ShapeList();
        if (model.IsCategorical)
            shapes.Add("embedding.weight", model.VocabularySize, model.EmbeddingSize);
        switch (model.Kind)
        {
            case ModelKind.VariationalBiLstm or ModelKind.ZForcing:
                ReferenceChannelModel.AddShapes(shapes, model);
                break;
            case ModelKind.Lstm or ModelKind.BiLstm:
                ReferencePlainModel.AddShapes(shapes, model);
                break;
            case ModelKind.Vrnn:
                ReferenceVrnn.AddShapes(shapes, model);
                break;
            case ModelKind.Srnn:
                ReferenceSrnn.AddShapes(shapes, model);
                break;
            case ModelKind.TwinNet:
                ReferenceTwinNet.AddShapes(shapes, model);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(model), model.Kind, null);
        }

        return shapes.All;
    }

    /// <summary>Concatenates the steps of a value, [T or T+1, B, N] flat.</summary>
    public double[] Sequence(string name, Func<Variable, double[]>? part = null) => [.. Values[name].SelectMany(part ?? (step => step.Value))];

    static ReferenceModel Of(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs) => model.Kind switch
    {
        ModelKind.VariationalBiLstm or ModelKind.ZForcing => new ReferenceChannelModel(model, parameters, inputs),
        ModelKind.Lstm or ModelKind.BiLstm => new ReferencePlainModel(model, parameters, inputs),
        ModelKind.Vrnn => new ReferenceVrnn(model, parameters, inputs),
        ModelKind.Srnn => new ReferenceSrnn(model, parameters, inputs),
        ModelKind.TwinNet => new ReferenceTwinNet(model, parameters, inputs),
        _ => throw new ArgumentOutOfRangeException(nameof(model), model.Kind, null),
    };

    protected abstract void Run();

    protected abstract void RunPriorMode();

    protected Variable P(string name) => _parameters[name];

    /// <summary>One step of the forward LSTM on what it reads beside h_{t-1}: its input by <c>weight_input</c>, anything else by the weights named.</summary>
    protected (Variable H, Variable C) ForwardStep(int t, Variable input, Variable hPrevious, Variable cPrevious,
        params (string Weight, Variable Value)[] others)
    {
        var (h, c) = ForwardLstm.Step(t, input, hPrevious, cPrevious, others);
        return (Keep("h", h), Keep("c", c));
    }

    /// <summary>A backward LSTM over inputs k = first..last with state and cell times v_k; by k - first, and the initial zeros at the end.</summary>
    protected Variable[] BackwardStates(string lstm, IReadOnlyList<Variable> inputs, int first)
    {
        var count = inputs.Count;
        var (states, cells) = (new Variable[count + 1], new Variable[count + 1]);
        states[count] = cells[count] = Variable.Zeros(B, Model.LstmUnits);
        for (var i = count - 1; i >= 0; i--)
        {
            var a = inputs[i].Times(P($"{lstm}.weight_input")) + states[i + 1].Times(P($"{lstm}.weight_recurrent")) + P($"{lstm}.bias");
            var (h, c) = ReferenceForwardLstm.Cell(a, cells[i + 1]);
            var valid = Validity(first + i);
            (states[i], cells[i]) = (h * valid, c * valid);
        }

        Values["backward_h"] = [.. states[..count]];
        Values["backward_c"] = [.. cells[..count]];
        return states;
    }

    /// <summary>−log p(y_t | the generator's inputs), the hidden layer's weight split by rows among them.</summary>
    protected Variable NegativeLogLikelihood(int t, string generator, string prefix, params Variable[] inputs)
    {
        var weight = P($"{generator}.hidden.weight");
        var hidden = inputs[0].Times(Rows(weight, 0, inputs[0].Columns)) + P($"{generator}.hidden.bias");
        var row = inputs[0].Columns;
        foreach (var input in inputs[1..])
        {
            hidden += input.Times(Rows(weight, row, input.Columns));
            row += input.Columns;
        }

        Assert.Equal(row, weight.Rows);
        var output = Keep(prefix + "output", Phi(hidden).Times(P($"{generator}.output.weight")) + P($"{generator}.output.bias"));
        return Keep(prefix + "nll", ReferenceOutputs.NegativeLogLikelihood(Model, output, Model.IsCategorical ? null : Embedded[t].StopGradient(), Tokens(t)));
    }

    /// <summary>Adds a step's cost to J and its bound to the sequences'. Costs of the forward LSTM's regularisation are added here.</summary>
    protected void AddStep(int t, Variable nll, Variable? kl, Variable hPrevious, Variable h, Variable? auxiliary = null)
    {
        var loss = nll + Model.Gamma * Keep("activity", h.Square().RowSums());
        if (kl is not null)
            loss += Model.KlWeight * (Model.FreeBits > 0 ? kl.Clamp(Model.FreeBits, double.PositiveInfinity) : kl);
        if (auxiliary is not null)
            loss += auxiliary;
        if (Model.NormStabiliser > 0)
            loss += Model.NormStabiliser * Keep("norm_difference", (h.Square().RowSums().Sqrt() - hPrevious.Square().RowSums().Sqrt()).Square());
        Total += (loss * Weight(t)).Sum();
        for (var n = 0; n < B; n++)
            if (t <= Inputs.Lengths[n])
                Bound[n] -= nll.Value[n] + (kl?.Value[n] ?? 0);
    }

    /// <summary>An output layer read as mean and clamped log-variance, from the hidden layer's pre-activation.</summary>
    protected (Variable Mean, Variable LogVariance) Gaussian(string net, Variable hidden, bool tau = false)
    {
        var output = Phi(hidden).Times(P($"{net}.output.weight")) + P($"{net}.output.bias");
        var n = output.Columns / 2;
        var mean = output.Part(0, n);
        if (tau && Model.ReconstructionMean == ReconstructionMean.Tanh)
            mean = mean.Tanh();
        var isUnit = tau && Model.ReconstructionVariance == ReconstructionVariance.Unit;
        return (Keep($"{net}.mean", mean), Keep($"{net}.logvar", isUnit ? Variable.Zeros(B, n) : Clamped(output.Part(n, n))));
    }

    /// <summary>μ_p = λ_p = 0.</summary>
    protected (Variable Mean, Variable LogVariance) StandardNormal()
        => (Keep("prior.mean", Variable.Zeros(B, Model.LatentUnits)), Keep("prior.logvar", Variable.Zeros(B, Model.LatentUnits)));

    protected Variable Kl((Variable Mean, Variable LogVariance) q, (Variable Mean, Variable LogVariance) p)
    {
        var ratio = (q.LogVariance - p.LogVariance).Exp();
        return Keep("kl", 0.5 * (p.LogVariance - q.LogVariance + ratio + (q.Mean - p.Mean).Square() * (-1.0 * p.LogVariance).Exp() - Ones()).RowSums());
    }

    protected static Variable Sample((Variable Mean, Variable LogVariance) moments, Variable noise) => moments.Mean + (0.5 * moments.LogVariance).Exp() * noise;

    protected Variable LatentNoise(int t) => Slice(Inputs.EpsilonZ, t - 1, Model.LatentUnits);

    protected Variable Phi(Variable a) => a.LeakyRelu(Model.LeakyReluSlope, Model.ActivationClip);

    protected Variable Clamped(Variable logVariance) => logVariance.Clamp(Model.LogVarianceMin, Model.LogVarianceMax);

    protected Variable Ones() => Variable.Of(B, 1, [.. Enumerable.Repeat(1.0, B)]);

    protected Variable Validity(int k) => Variable.Of(B, 1, [.. Inputs.Lengths.Select(length => k <= length ? 1.0 : 0.0)]);

    protected Variable Weight(int t) => (1.0 / B) * Validity(t);

    protected Variable Slice(double[] sequence, int step, int width) => Variable.Of(B, width, sequence.AsSpan(step * B * width, B * width).ToArray());

    protected static Variable Rows(Variable x, int first, int count) => x.Gather([.. Enumerable.Range(first, count)]);

    protected Variable Keep(string name, Variable value)
    {
        if (!Values.TryGetValue(name, out var steps))
            Values[name] = steps = [];
        steps.Add(value);
        return value;
    }

    int[] Tokens(int k) => Model.IsCategorical ? Inputs.Tokens.AsSpan(k * B, B).ToArray() : [];
}
