using VBiLstm.Configuration;

namespace VBiLstm.Tests.Reference;

/// <summary>variational-bilstm and z-forcing: model.md section 2.</summary>
sealed class ReferenceChannelModel(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    : ReferenceModel(model, parameters, inputs)
{
    public static void AddShapes(ShapeList shapes, ModelConfiguration model)
    {
        var (e, h, z, m) = (model.InputSize, model.LstmUnits, model.LatentUnits, model.MlpUnits);
        shapes.AddLstm("backward_lstm", h, ("weight_input", e));
        var full = model.Kind == ModelKind.VariationalBiLstm;
        if (full)
            shapes.AddLstm("forward_lstm", h, ("weight_input", e), ("weight_z", z), ("weight_b_tilde", h));
        else
            shapes.AddLstm("forward_lstm", h, ("weight_input", e), ("weight_z", z));
        shapes.AddNet("posterior", m, 2 * z, ("weight_h", h), ("weight_b", h));
        if (model.PriorInput == PriorInput.HX)
            shapes.AddNet("prior", m, 2 * z, ("weight_h", h), ("weight_x", e));
        else if (model.Prior == PriorKind.Learned)
            shapes.AddNet("prior", m, 2 * z, ("weight_h", h));
        shapes.AddNet("psi", m, 2 * h, ("weight_z", z));
        if (full)
            shapes.AddNet("xi", m, 2 * h, ("weight_z", z));
        shapes.AddGenerator("generator", model, model.GeneratorInput == GeneratorInput.HZBTilde ? h + z + h : h);
        if (model.BackwardPrediction)
            shapes.AddGenerator("backward_generator", model, h);
    }

    protected override void Run()
    {
        var b = BackwardStates("backward_lstm", Embedded, 0);
        var (h, c) = (H0, C0);
        for (var t = 1; t <= Inputs.T; t++)
        {
            var hPrevious = h;
            var (kl, auxiliary, z, bTilde) = Channel(t, h, b[t - 1 + Model.Alignment]);
            (h, c) = Forward(t, h, c, z, bTilde);
            var nll = Generator(t, h, z, bTilde);
            if (Model.BackwardPrediction)
                auxiliary += NegativeLogLikelihood(t, "backward_generator", "backward_", b[t + 1]);
            AddStep(t, nll, kl, hPrevious, h, auxiliary);
        }
    }

    protected override void RunPriorMode()
    {
        var (h, c) = (H0, C0);
        for (var t = 1; t <= Inputs.T; t++)
        {
            var hPrevious = h;
            var z = Keep("z", Sample(Prior(t, h), LatentNoise(t)));
            var bTilde = Model.Kind == ModelKind.VariationalBiLstm ? BTilde(t, Psi(z)) : null;
            (h, c) = Forward(t, h, c, z, bTilde);
            AddStep(t, Generator(t, h, z, bTilde), null, hPrevious, h);
        }
    }

    // Sections 2.2 and 2.4: posterior, prior, ψ and ξ of one step.
    (Variable Kl, Variable Auxiliary, Variable Z, Variable? BTilde) Channel(int t, Variable hPrevious, Variable b)
    {
        Keep("b", b);
        var mask = Model.SkipGradient == SkipGradientMode.Off ? Ones() : Slice(Inputs.SkipMask, t - 1, 1);
        var hBar = Skipped(hPrevious, mask);
        var bBar = Model.SkipGradient == SkipGradientMode.Both ? Skipped(b, mask) : b;

        var q = Gaussian("posterior", hBar.Times(P("posterior.hidden.weight_h")) + bBar.Times(P("posterior.hidden.weight_b")) + P("posterior.hidden.bias"));
        var z = Keep("z", Sample(q, LatentNoise(t)));
        var kl = Kl(q, Prior(t, hBar));

        var psi = Psi(z);
        var logPPsi = Keep("log_p_psi", ReferenceOutputs.LogDensity(Model.TargetGradientB ? bBar : b.StopGradient(), psi.Mean, psi.LogVariance));
        var auxiliary = -Model.Alpha * logPPsi;
        if (Model.Kind == ModelKind.ZForcing)
            return (kl, auxiliary, z, null);
        var bTilde = BTilde(t, psi);
        var (meanH, logVarianceH) = Gaussian("xi", z.Times(P("xi.hidden.weight_z")) + P("xi.hidden.bias"), tau: true);
        var logPXi = Keep("log_p_xi", ReferenceOutputs.LogDensity(Model.TargetGradientH ? hBar : hPrevious.StopGradient(), meanH, logVarianceH));
        return (kl, auxiliary - Model.Beta * logPXi, z, bTilde);
    }

    (Variable Mean, Variable LogVariance) Prior(int t, Variable h)
    {
        if (Model.Prior == PriorKind.Fixed)
            return StandardNormal();
        var hidden = h.Times(P("prior.hidden.weight_h")) + P("prior.hidden.bias");
        return Gaussian("prior", Model.PriorInput == PriorInput.HX ? hidden + Embedded[t - 1].Times(P("prior.hidden.weight_x")) : hidden);
    }

    (Variable Mean, Variable LogVariance) Psi(Variable z) => Gaussian("psi", z.Times(P("psi.hidden.weight_z")) + P("psi.hidden.bias"), tau: true);

    Variable BTilde(int t, (Variable Mean, Variable LogVariance) psi)
        => Keep("b_tilde", Model.BTilde == BTildeMode.Sample ? Sample(psi, Slice(Inputs.EpsilonB, t - 1, Model.LstmUnits)) : 1.0 * psi.Mean);

    (Variable H, Variable C) Forward(int t, Variable h, Variable c, Variable z, Variable? bTilde)
        => bTilde is null
            ? ForwardStep(t, Embedded[t - 1], h, c, ("weight_z", z))
            : ForwardStep(t, Embedded[t - 1], h, c, ("weight_z", z), ("weight_b_tilde", bTilde));

    Variable Generator(int t, Variable h, Variable z, Variable? bTilde) => Model.GeneratorInput == GeneratorInput.HZBTilde
        ? NegativeLogLikelihood(t, "generator", "", ForwardLstm.Read(h), z, bTilde!)
        : NegativeLogLikelihood(t, "generator", "", ForwardLstm.Read(h));

    Variable Skipped(Variable x, Variable mask) => x * mask + x.StopGradient() * (Ones() - mask);
}
