using VBiLstm.Configuration;

namespace VBiLstm.Tests.Reference;

/// <summary>lstm and bilstm: model.md section 11.</summary>
sealed class ReferencePlainModel(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    : ReferenceModel(model, parameters, inputs)
{
    public static void AddShapes(ShapeList shapes, ModelConfiguration model)
    {
        var (e, h) = (model.InputSize, model.LstmUnits);
        if (model.Kind == ModelKind.BiLstm)
            shapes.AddLstm("backward_lstm", h, ("weight_input", e));
        shapes.AddLstm("forward_lstm", h, ("weight_input", e));
        shapes.AddGenerator("generator", model, model.Kind == ModelKind.BiLstm ? 2 * h : h);
    }

    protected override void Run()
    {
        var b = Model.Kind == ModelKind.BiLstm ? BackwardStates("backward_lstm", Embedded, 0) : null;
        var (h, c) = (H0, C0);
        for (var t = 1; t <= Inputs.T; t++)
        {
            var hPrevious = h;
            (h, c) = ForwardStep(t, Embedded[t - 1], h, c);
            var read = ForwardLstm.Read(h);
            var nll = b is null ? NegativeLogLikelihood(t, "generator", "", read) : NegativeLogLikelihood(t, "generator", "", read, b[t + 1]);
            AddStep(t, nll, null, hPrevious, h);
        }
    }

    protected override void RunPriorMode()
    {
        Assert.Equal(ModelKind.Lstm, Model.Kind); // bilstm reads the future
        Run();
    }
}
