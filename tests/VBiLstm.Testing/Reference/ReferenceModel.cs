using VBiLstm.Configuration;
using VBiLstm.Tests.Model;

namespace VBiLstm.Tests.Reference;

/// <summary>
/// The model of model.md section 2 in double, one step at a time, written for clarity: no fused products, nothing batched over time,
/// differentiated by the tape. It is the oracle of the float32 step wherever no golden vector exists.
/// </summary>
public sealed class ReferenceModel
{
    readonly ModelConfiguration _model;
    readonly IReadOnlyDictionary<string, Variable> _p;
    readonly ReferenceInputs _in;
    readonly int _b;

    ReferenceModel(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    {
        (_model, _p, _in, _b) = (model, parameters, inputs, inputs.B);
        H0 = Variable.Of(_b, model.LstmUnits, inputs.H0);
        C0 = Variable.Of(_b, model.LstmUnits, inputs.C0);
    }

    public Variable H0 { get; }

    public Variable C0 { get; }

    /// <summary>e_k by k.</summary>
    public List<Variable> Embedded { get; } = [];

    /// <summary>Values per step under the golden vectors' names, without <c>value.</c> or <c>loss.</c>.</summary>
    public Dictionary<string, List<Variable>> Values { get; } = [];

    /// <summary>J.</summary>
    public Variable Total { get; private set; } = null!;

    /// <summary>The bound of each sequence, nats.</summary>
    public double[] Bound { get; private set; } = [];

    /// <summary>Evaluates the model; call <c>Total.Backward()</c> for gradients in the parameters.</summary>
    public static ReferenceModel Evaluate(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    {
        var reference = new ReferenceModel(model, parameters, inputs);
        reference.Run();
        return reference;
    }

    /// <summary>Concatenates the steps of a value, [T or T+1, B, N] flat.</summary>
    public double[] Sequence(string name, Func<Variable, double[]>? part = null) => [.. Values[name].SelectMany(part ?? (step => step.Value))];

    void Run()
    {
        for (var k = 0; k <= _in.T; k++)
            Embedded.Add(_model.IsCategorical
                ? _p["embedding.weight"].Gather(_in.Tokens.AsSpan(k * _b, _b).ToArray())
                : Slice(_in.Frames, k, _model.FrameSize));
        var b = _model.HasBackwardLstm ? BackwardStates() : [];
        var (h, c) = (H0, C0);
        Bound = new double[_b];
        Total = Variable.Zeros(1, 1);
        for (var t = 1; t <= _in.T; t++)
        {
            Variable? kl = null, logPPsi = null, logPXi = null, z = null, bTilde = null;
            if (_model.HasChannel)
                (kl, logPPsi, logPXi, z, bTilde) = Channel(t, h, b[t - 1 + _model.Alignment]);
            (h, c) = ForwardStep(t, h, c, z, bTilde);
            var future = _model.Kind == ModelKind.BiLstm ? (t < _in.T ? b[t + 1] : Variable.Zeros(_b, _model.LstmUnits)) : null;
            var nll = NegativeLogLikelihood(t, h, z, bTilde, future);
            var activity = Keep("activity", h.Square().RowSums());
            var loss = nll + _model.Gamma * activity;
            if (kl is not null && logPPsi is not null)
                loss = loss + _model.KlWeight * kl - _model.Alpha * logPPsi;
            if (logPXi is not null)
                loss -= _model.Beta * logPXi;
            Total += (loss * Weight(t)).Sum();
            for (var n = 0; n < _b; n++)
                if (t <= _in.Lengths[n])
                    Bound[n] -= nll.Value[n] + (kl?.Value[n] ?? 0);
        }
    }

    // Section 2.1.
    Variable[] BackwardStates()
    {
        var states = new Variable[_in.T + 1];
        var cells = new Variable[_in.T + 1];
        var (h, c) = (Variable.Zeros(_b, _model.LstmUnits), Variable.Zeros(_b, _model.LstmUnits));
        for (var k = _in.T; k >= 0; k--)
        {
            var a = Embedded[k].Times(_p["backward_lstm.weight_input"]) + h.Times(_p["backward_lstm.weight_recurrent"]) + _p["backward_lstm.bias"];
            (h, c) = Cell(a, c);
            var valid = Validity(k);
            (h, c) = (h * valid, c * valid);
            (states[k], cells[k]) = (h, c);
        }

        Values["backward_h"] = [.. states];
        Values["backward_c"] = [.. cells];
        return states;
    }

    // Sections 2.2 and 2.4: posterior, prior, ψ and ξ of one step.
    (Variable Kl, Variable LogPPsi, Variable? LogPXi, Variable Z, Variable? BTilde) Channel(int t, Variable hPrevious, Variable b)
    {
        Keep("b", b);
        var mask = _model.SkipGradient == SkipGradientMode.Off ? Ones() : Slice(_in.SkipMask, t - 1, 1);
        var hBar = Skipped(hPrevious, mask);
        var bBar = _model.SkipGradient == SkipGradientMode.Both ? Skipped(b, mask) : b;

        var (meanQ, logVarianceQ) = Gaussian("posterior", hBar.Times(_p["posterior.hidden.weight_h"]) + bBar.Times(_p["posterior.hidden.weight_b"]) + _p["posterior.hidden.bias"], tau: false);
        var z = Keep("z", Sample(meanQ, logVarianceQ, Slice(_in.EpsilonZ, t - 1, _model.LatentUnits)));
        var (meanP, logVarianceP) = _model.HasLearnedPrior
            ? Gaussian("prior", hBar.Times(_p["prior.hidden.weight_h"]) + _p["prior.hidden.bias"], tau: false)
            : (Keep("prior.mean", Variable.Zeros(_b, _model.LatentUnits)), Keep("prior.logvar", Variable.Zeros(_b, _model.LatentUnits)));
        var ratio = (logVarianceQ - logVarianceP).Exp();
        var kl = 0.5 * (logVarianceP - logVarianceQ + ratio + (meanQ - meanP).Square() * (-1.0 * logVarianceP).Exp() - Ones()).RowSums();
        Keep("kl", kl);

        var (meanB, logVarianceB) = Gaussian("psi", z.Times(_p["psi.hidden.weight_z"]) + _p["psi.hidden.bias"], tau: true);
        var logPPsi = Keep("log_p_psi", LogDensity(_model.TargetGradientB ? bBar : b.StopGradient(), meanB, logVarianceB));
        Variable? bTilde = null;
        if (_model.FeedsBTilde)
            bTilde = Keep("b_tilde", _model.BTilde == BTildeMode.Sample ? Sample(meanB, logVarianceB, Slice(_in.EpsilonB, t - 1, _model.LstmUnits)) : 1.0 * meanB);

        Variable? logPXi = null;
        if (_model.HasXi)
        {
            var (meanH, logVarianceH) = Gaussian("xi", z.Times(_p["xi.hidden.weight_z"]) + _p["xi.hidden.bias"], tau: true);
            logPXi = Keep("log_p_xi", LogDensity(_model.TargetGradientH ? hBar : hPrevious.StopGradient(), meanH, logVarianceH));
        }

        return (kl, logPPsi, logPXi, z, bTilde);
    }

    (Variable H, Variable C) ForwardStep(int t, Variable hPrevious, Variable cPrevious, Variable? z, Variable? bTilde)
    {
        var a = Embedded[t - 1].Times(_p["forward_lstm.weight_input"]) + hPrevious.Times(_p["forward_lstm.weight_recurrent"]) + _p["forward_lstm.bias"];
        if (z is not null)
            a += z.Times(_p["forward_lstm.weight_z"]);
        if (bTilde is not null)
            a += bTilde.Times(_p["forward_lstm.weight_b_tilde"]);
        var (h, c) = Cell(a, cPrevious);
        return (Keep("h", h), Keep("c", c));
    }

    // Section 2.3.
    Variable NegativeLogLikelihood(int t, Variable h, Variable? z, Variable? bTilde, Variable? future)
    {
        var weight = _p["generator.hidden.weight"];
        var hidden = h.Times(Rows(weight, 0, h.Columns)) + _p["generator.hidden.bias"];
        if (_model.GeneratorInput == GeneratorInput.HZBTilde)
            hidden = hidden + z!.Times(Rows(weight, h.Columns, z.Columns)) + bTilde!.Times(Rows(weight, h.Columns + z.Columns, bTilde.Columns));
        if (future is not null)
            hidden += future.Times(Rows(weight, h.Columns, future.Columns));
        var output = Keep("output", Phi(hidden).Times(_p["generator.output.weight"]) + _p["generator.output.bias"]);
        var nll = _model.OutputDistribution switch
        {
            OutputDistribution.Categorical => output.LogSumExp() - output.Pick(_in.Tokens.AsSpan(t * _b, _b).ToArray()),
            OutputDistribution.Bernoulli => (output.SoftPlus() - Target(t) * output).RowSums(),
            _ => -1.0 * LogDensity(Target(t), output.Part(0, _model.FrameSize), Clamped(output.Part(_model.FrameSize, _model.FrameSize))),
        };
        return Keep("nll", nll);
    }

    (Variable H, Variable C) Cell(Variable a, Variable cPrevious)
    {
        var n = _model.LstmUnits;
        var (i, f, u, o) = (a.Part(0, n).Sigmoid(), a.Part(n, n).Sigmoid(), a.Part(2 * n, n).Tanh(), a.Part(3 * n, n).Sigmoid());
        var c = f * cPrevious + i * u;
        return (o * c.Tanh(), c);
    }

    (Variable Mean, Variable LogVariance) Gaussian(string net, Variable hidden, bool tau)
    {
        var output = Phi(hidden).Times(_p[$"{net}.output.weight"]) + _p[$"{net}.output.bias"];
        var n = output.Columns / 2;
        var mean = output.Part(0, n);
        if (tau && _model.ReconstructionMean == ReconstructionMean.Tanh)
            mean = mean.Tanh();
        return (Keep($"{net}.mean", mean), Keep($"{net}.logvar", Clamped(output.Part(n, n))));
    }

    static Variable Sample(Variable mean, Variable logVariance, Variable noise) => mean + (0.5 * logVariance).Exp() * noise;

    static Variable LogDensity(Variable x, Variable mean, Variable logVariance)
    {
        var constant = Variable.Of(1, 1, [Math.Log(2 * Math.PI)]);
        return -0.5 * (logVariance + (x - mean).Square() * (-1.0 * logVariance).Exp() + constant).RowSums();
    }

    static Variable Skipped(Variable x, Variable mask) => x * mask + x.StopGradient() * (Variable.Of(mask.Rows, 1, [.. Enumerable.Repeat(1.0, mask.Rows)]) - mask);

    Variable Phi(Variable a) => a.LeakyRelu(_model.LeakyReluSlope, _model.ActivationClip);

    Variable Clamped(Variable logVariance) => logVariance.Clamp(_model.LogVarianceMin, _model.LogVarianceMax);

    Variable Target(int t) => Embedded[t].StopGradient();

    Variable Ones() => Variable.Of(_b, 1, [.. Enumerable.Repeat(1.0, _b)]);

    Variable Validity(int k) => Variable.Of(_b, 1, [.. _in.Lengths.Select(length => k <= length ? 1.0 : 0.0)]);

    Variable Weight(int t) => (1.0 / _b) * Validity(t);

    Variable Slice(double[] sequence, int step, int width) => Variable.Of(_b, width, sequence.AsSpan(step * _b * width, _b * width).ToArray());

    static Variable Rows(Variable x, int first, int count) => x.Gather([.. Enumerable.Range(first, count)]);

    Variable Keep(string name, Variable value)
    {
        if (!Values.TryGetValue(name, out var steps))
            Values[name] = steps = [];
        steps.Add(value);
        return value;
    }
}
