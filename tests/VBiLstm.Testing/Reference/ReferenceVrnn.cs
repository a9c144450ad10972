using VBiLstm.Configuration;

namespace VBiLstm.Tests.Reference;

/// <summary>vrnn: model.md section 14.</summary>
sealed class ReferenceVrnn(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    : ReferenceModel(model, parameters, inputs)
{
    public static void AddShapes(ShapeList shapes, ModelConfiguration model)
    {
        var (e, h, z, m) = (model.InputSize, model.LstmUnits, model.LatentUnits, model.MlpUnits);
        shapes.Add("feature_x.weight", e, m);
        shapes.AddBias("feature_x.bias", m);
        shapes.Add("feature_z.weight", z, m);
        shapes.AddBias("feature_z.bias", m);
        shapes.AddLstm("forward_lstm", h, ("weight_input", m), ("weight_feature_z", m));
        shapes.AddNet("posterior", m, 2 * z, ("weight_h", h), ("weight_x", m));
        if (model.Prior == PriorKind.Learned)
            shapes.AddNet("prior", m, 2 * z, ("weight_h", h));
        shapes.AddGenerator("generator", model, h + m);
    }

    protected override void Run() => Run((t, h) =>
    {
        var x = FeatureX(Embedded[t]);
        var q = Gaussian("posterior", h.Times(P("posterior.hidden.weight_h")) + x.Times(P("posterior.hidden.weight_x")) + P("posterior.hidden.bias"));
        return (Sample(q, LatentNoise(t)), Kl(q, Prior(h)));
    });

    protected override void RunPriorMode() => Run((t, h) => (Sample(Prior(h), LatentNoise(t)), null));

    void Run(Func<int, Variable, (Variable Z, Variable? Kl)> latent)
    {
        var (h, c, f) = (H0, C0, Variable.Of(B, Model.MlpUnits, Inputs.Latent0));
        for (var t = 1; t <= Inputs.T; t++)
        {
            var hPrevious = h;
            (h, c) = ForwardStep(t, FeatureX(Embedded[t - 1]), h, c, ("weight_feature_z", f));
            var (z, kl) = latent(t, h);
            f = Keep("feature_z", Phi(Keep("z", z).Times(P("feature_z.weight")) + P("feature_z.bias")));
            AddStep(t, NegativeLogLikelihood(t, "generator", "", ForwardLstm.Read(h), f), kl, hPrevious, h);
        }
    }

    Variable FeatureX(Variable e) => Phi(e.Times(P("feature_x.weight")) + P("feature_x.bias"));

    (Variable Mean, Variable LogVariance) Prior(Variable h) => Model.Prior == PriorKind.Learned
        ? Gaussian("prior", h.Times(P("prior.hidden.weight_h")) + P("prior.hidden.bias"))
        : StandardNormal();
}
