namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>Components that a Gaussian mixture may have.</summary>
    public const int MaximumComponents = 1024;

    /// <summary>
    /// nll = −log Σ_k softmax(a)_k N(target; μ_k, e^λ_k) per row, nats, by logsumexp; each component is a diagonal Gaussian, its log-variances clamped as a single one's.
    /// Shapes: output [R, K (2D + 1)] = [a: K logits | μ: K · D means, component by component | λ: K · D log-variances], target [R, D], nll [R, 1].
    /// </summary>
    public void GaussianMixtureNllForward(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
    {
        CheckMixture(output, target, components);
        Check(Is(nll, target.Rows, 1), $"the nll is {nll}, the target is {target}: it takes [{target.Rows}, 1].");
        GaussianMixtureNllForwardCore(output, target, nll, head, components);
    }

    protected abstract void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components);

    /// <summary>
    /// output becomes w times the gradient of <see cref="GaussianMixtureNllForward"/>: with π = softmax(a) and γ_k the posterior of component k, [π − γ | −γ_k (y − μ) e^−λ τ′ |
    /// ½ γ_k (1 − (y − μ)² e^−λ) k] with the clamp's gate k. Shapes as in the forward operation, w [R, 1].
    /// </summary>
    public void GaussianMixtureNllBackward(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
    {
        CheckMixture(output, target, components);
        Check(Is(w, target.Rows, 1), $"w is {w}, the target is {target}: it takes [{target.Rows}, 1].");
        GaussianMixtureNllBackwardCore(output, target, w, head, components);
    }

    protected abstract void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components);

    static void CheckMixture(Tensor output, Tensor target, int components, [System.Runtime.CompilerServices.CallerMemberName] string operation = "")
    {
        Check(components is > 0 and <= MaximumComponents, $"{components} components are asked for; 1 to {MaximumComponents} are possible.", operation);
        var columns = components * (2L * target.Columns + 1);
        Check(output.Rows == target.Rows && output.Columns == columns,
            $"the output is {output}, {components} components of a target {target} take [{target.Rows}, {columns}].", operation);
    }
}
