using VBiLstm.Configuration;

namespace VBiLstm.Tests.Reference;

/// <summary>srnn: model.md section 15.</summary>
sealed class ReferenceSrnn(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    : ReferenceModel(model, parameters, inputs)
{
    public static void AddShapes(ShapeList shapes, ModelConfiguration model)
    {
        var (e, h, z, m) = (model.InputSize, model.LstmUnits, model.LatentUnits, model.MlpUnits);
        shapes.AddLstm("forward_lstm", h, ("weight_input", e));
        shapes.AddLstm("backward_lstm", h, ("weight_input", h + e));
        shapes.AddNet("prior", m, 2 * z, ("weight_h", h), ("weight_z", z));
        shapes.AddNet("posterior", m, 2 * z, ("weight_b", h), ("weight_z", z));
        shapes.AddGenerator("generator", model, h + z);
    }

    protected override void Run()
    {
        var states = ForwardStates();
        var b = BackwardStates("backward_lstm", [.. Enumerable.Range(1, Inputs.T).Select(t => Variable.SideBySide([states[t], Embedded[t]]))], 1);
        Chain(states, (t, prior, zPrevious) =>
        {
            var (residual, logVariance) = Gaussian("posterior",
                Keep("b", b[t - 1]).Times(P("posterior.hidden.weight_b")) + zPrevious.Times(P("posterior.hidden.weight_z")) + P("posterior.hidden.bias"));
            var q = (prior.Mean + residual, logVariance);
            return (Sample(q, LatentNoise(t)), Kl(q, prior));
        });
    }

    protected override void RunPriorMode() => Chain(ForwardStates(), (t, prior, _) => (Sample(prior, LatentNoise(t)), null));

    // h_0..h_T: they read no z.
    Variable[] ForwardStates()
    {
        var states = new Variable[Inputs.T + 1];
        (states[0], var c) = (H0, C0);
        for (var t = 1; t <= Inputs.T; t++)
            (states[t], c) = ForwardStep(t, Embedded[t - 1], states[t - 1], c);
        return states;
    }

    void Chain(Variable[] states, Func<int, (Variable Mean, Variable LogVariance), Variable, (Variable Z, Variable? Kl)> latent)
    {
        var z = Variable.Of(B, Model.LatentUnits, Inputs.Latent0);
        for (var t = 1; t <= Inputs.T; t++)
        {
            var prior = Gaussian("prior", states[t].Times(P("prior.hidden.weight_h")) + z.Times(P("prior.hidden.weight_z")) + P("prior.hidden.bias"));
            (z, var kl) = latent(t, prior, z);
            AddStep(t, NegativeLogLikelihood(t, "generator", "", ForwardLstm.Read(states[t]), Keep("z", z)), kl, states[t - 1], states[t]);
        }
    }
}
