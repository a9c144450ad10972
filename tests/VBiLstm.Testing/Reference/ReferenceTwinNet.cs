using VBiLstm.Configuration;

namespace VBiLstm.Tests.Reference;

/// <summary>twin-net: model.md section 16.</summary>
sealed class ReferenceTwinNet(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    : ReferenceModel(model, parameters, inputs)
{
    public static void AddShapes(ShapeList shapes, ModelConfiguration model)
    {
        var (e, h) = (model.InputSize, model.LstmUnits);
        shapes.AddLstm("forward_lstm", h, ("weight_input", e));
        shapes.AddLstm("backward_lstm", h, ("weight_input", e));
        shapes.AddGenerator("generator", model, h);
        shapes.AddGenerator("backward_generator", model, h);
        shapes.Add("twin.weight", h, h);
        shapes.AddBias("twin.bias", h);
    }

    protected override void Run()
    {
        // By token k; s_0 is nobody's future.
        var backward = BackwardStates("backward_lstm", Embedded, 0);
        Run((t, h) =>
        {
            var b = Keep("b", backward[t + 1]);
            var target = Inputs.TwinTarget.Length == 0 ? b.StopGradient() : Slice(Inputs.TwinTarget, t - 1, Model.LstmUnits);
            var distance = Keep("twin_distance", (h.Times(P("twin.weight")) + P("twin.bias") - target).Square().RowSums().Sqrt());
            return NegativeLogLikelihood(t, "backward_generator", "backward_", b) + Model.TwinWeight * distance;
        });
    }

    protected override void RunPriorMode() => Run(null);

    void Run(Func<int, Variable, Variable>? twin)
    {
        var (h, c) = (H0, C0);
        for (var t = 1; t <= Inputs.T; t++)
        {
            var hPrevious = h;
            (h, c) = ForwardStep(t, Embedded[t - 1], h, c);
            AddStep(t, NegativeLogLikelihood(t, "generator", "", ForwardLstm.Read(h)), null, hPrevious, h, twin?.Invoke(t, h));
        }
    }
}
