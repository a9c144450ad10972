using VBiLstm.Devices;

namespace VBiLstm.Model;

public sealed partial class TrainingStep
{
    /// <summary>
    /// Finds what is not finite after a step: the term of the objective (or "the gradient") and the first tensor in the order of the computation. Slow:
    /// downloads tensors. Empty names where everything is finite.
    /// </summary>
    public (string Term, string Tensor) FindNonFinite()
    {
        var metrics = ReadMetrics();
        var term = !float.IsFinite(metrics.Nll) ? "the NLL"
            : !float.IsFinite(metrics.Kl) ? "the KL"
            : !float.IsFinite(metrics.LogPPsi) ? "log p_psi"
            : !float.IsFinite(metrics.LogPXi) ? "log p_xi"
            : !float.IsFinite(metrics.Activity) ? "the activity"
            : !float.IsFinite(metrics.NormDifference) ? "the norm stabiliser"
            : !float.IsFinite(metrics.BackwardNll) ? "the backward path's NLL"
            : !float.IsFinite(metrics.TwinDistance) ? "the twin distance"
            : !float.IsFinite(metrics.Objective) ? "the objective"
            : !float.IsFinite(metrics.GradientNorm) ? "the gradient"
            : "";
        if (term.Length == 0)
            return ("", "");

        foreach (var parameter in _parameters.Layout.All)
            if (HasNonFinite(parameter.In(_parameters.Values)))
                return (term, $"parameter {parameter.Name}");
        foreach (var (name, tensor) in _pass.Watched)
            if (!tensor.IsEmpty && HasNonFinite(tensor))
                return (term, name);
        foreach (var parameter in _parameters.Layout.All)
            if (HasNonFinite(parameter.In(_parameters.Gradients)))
                return (term, $"gradient of {parameter.Name}");
        return (term, "the sum over the batch");
    }

    bool HasNonFinite(Tensor tensor)
    {
        var values = new float[tensor.Count];
        _device.Download(tensor, values);
        return Array.Exists(values, value => !float.IsFinite(value));
    }
}
