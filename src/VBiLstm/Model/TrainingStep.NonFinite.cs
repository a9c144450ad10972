using VBiLstm.Devices;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace VBiLstm.Model;

sealed partial class TrainingStep
{
    /// <summary>The term of the objective that is not finite after a step, or "the gradient"; empty where everything is.</summary>
    public string FindNonFiniteTerm()
    {
        var metrics = ReadMetrics();
        return !float.IsFinite(metrics.Nll) ? "the NLL"
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
    }

    /// <summary>
    /// The first parameter, or activation in the order of the computation, that is not finite after a step or one of its shards; null where all are. Slow:
    /// downloads tensors.
    /// </summary>
    public string? FindNonFiniteTensor()
    {
        foreach (var parameter in _parameters.Layout.All)
            if (HasNonFinite(parameter.In(_parameters.Values)))
                return $"parameter {parameter.Name}";
        foreach (var (name, tensor) in _pass.Watched)
            if (!tensor.IsEmpty && HasNonFinite(tensor))
                return name;
        return null;
    }

    /// <summary>The first gradient that is not finite after a step; null where all are.</summary>
    public string? FindNonFiniteGradient()
    {
        foreach (var parameter in _parameters.Layout.All)
            if (HasNonFinite(parameter.In(_parameters.Gradients)))
                return $"gradient of {parameter.Name}";
        return null;
    }

    bool HasNonFinite(Tensor tensor)
    {
        var values = new float[tensor.Count];
        _device.Download(tensor, values);
        return !TensorPrimitives.IsFiniteAll<float>(values);
    }
}
