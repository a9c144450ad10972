using System.Runtime.CompilerServices;

namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>Components that a Gaussian mixture may have.</summary>
    internal const int MaximumComponents = 1024;

    /// <summary>
    /// Reparameterised sample: μ = τ(mean) written back in place, sample = μ + exp(cl(ℓ)/2) noise; sample = μ where noise is empty.
    /// Shapes: output [R, 2N], noise and sample [R, N]; where sample is empty, only τ is applied.
    /// </summary>
    internal void SampleGaussianForward(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        CheckMoments(output, nameof(output));
        Check(sample.IsEmpty || IsHalf(sample, output), $"the sample is {sample}, the output is {output}: it takes [{output.Rows}, {output.Columns / 2}].");
        Check(noise.IsEmpty || IsHalf(noise, output), $"the noise is {noise}, the output is {output}: it takes [{output.Rows}, {output.Columns / 2}].");
        SampleGaussianForwardCore(output, noise, sample, head);
    }

    private protected abstract void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head);

    /// <summary>
    /// Backward of <see cref="SampleGaussianForward"/> together with gradients that reach the moments directly:
    /// with s = dSample1 + dSample2 (the second may be empty), output becomes
    /// [(dμ⁰ + s) τ′ ; (dλ⁰ + ½ s noise exp(λ/2)) k] (model.md B5, 3 and 6). Shapes: output and dMoments [R, 2N], the rest [R, N].
    /// </summary>
    internal void SampleGaussianBackward(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output, GaussianHead head)
    {
        CheckMoments(output, nameof(output));
        Check(IsHalf(dSample1, output), $"dSample1 is {dSample1}, the output is {output}: it takes [{output.Rows}, {output.Columns / 2}].");
        Check(EmptyOrSame(dSample2, dSample1), $"dSample2 is {dSample2}, dSample1 is {dSample1}.");
        Check(EmptyOrSame(noise, dSample1), $"the noise is {noise}, dSample1 is {dSample1}.");
        Check(Same(dMoments, output), $"dMoments is {dMoments}, the output is {output}.");
        SampleGaussianBackwardCore(dSample1, dSample2, noise, dMoments, output, head);
    }

    private protected abstract void SampleGaussianBackwardCore(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output,
        GaussianHead head);

    /// <summary>kl = KL(q ‖ p) per row, nats. Shapes: q and p [R, 2Z] (p empty: N(0, I)), kl [R, 1].</summary>
    internal void GaussianKlForward(Tensor q, Tensor p, Tensor kl, GaussianHead head)
    {
        CheckMoments(q, nameof(q));
        Check(EmptyOrSame(p, q), $"p is {p}, q is {q}.");
        Check(Is(kl, q.Rows, 1), $"kl is {kl}, q is {q}: it takes [{q.Rows}, 1].");
        GaussianKlForwardCore(q, p, kl, head);
    }

    private protected abstract void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head);

    /// <summary>
    /// Model.md B2: dMoments = ω w [∂μ_q; ∂λ_q] of the KL; p becomes its own output gradient, gate k applied.
    /// Shapes: q, p (or empty), dMoments [R, 2Z], w [R, 1], omega [1, 1].
    /// </summary>
    internal void GaussianKlBackward(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
    {
        CheckMoments(q, nameof(q));
        Check(EmptyOrSame(p, q), $"p is {p}, q is {q}.");
        Check(Is(w, q.Rows, 1), $"w is {w}, q is {q}: it takes [{q.Rows}, 1].");
        Check(Is(omega, 1, 1), $"omega is {omega}; it takes [1, 1].");
        Check(Same(dMoments, q), $"dMoments is {dMoments}, q is {q}.");
        GaussianKlBackwardCore(q, p, w, omega, dMoments, head);
    }

    private protected abstract void GaussianKlBackwardCore(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head);

    /// <summary>
    /// result = sign · log N(target; μ, e^λ) per row, nats; output empty means N(0, I). Shapes: target [R, N], output [R, 2N], result [R, 1].
    /// </summary>
    internal void GaussianLogDensityForward(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
    {
        Check(output.IsEmpty || IsTwice(output, target), $"the output is {output}, the target is {target}: it takes [{target.Rows}, {2L * target.Columns}].");
        Check(Is(result, target.Rows, 1), $"the result is {result}, the target is {target}: it takes [{target.Rows}, 1].");
        GaussianLogDensityForwardCore(target, output, result, sign, head);
    }

    private protected abstract void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head);

    /// <summary>
    /// Gradient of −coefficient · w · log N(target; μ, e^λ) with respect to the moments [μ; λ] (model.md B3, B4) into
    /// dOutput [R, 2N], which may be output; where <paramref name="throughOutput"/>, times τ′ and the clamp's gate k.
    /// Where dTarget [R, N] is given it receives (or, with <paramref name="accumulateTarget"/>, is added) the gradient with respect
    /// to the target times targetMask [R, 1] (empty: 1). Shapes: w [R, 1], coefficient [1, 1].
    /// </summary>
    internal void GaussianLogDensityBackward(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput, bool throughOutput,
        Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
    {
        Check(IsTwice(output, target), $"the output is {output}, the target is {target}: it takes [{target.Rows}, {2L * target.Columns}].");
        Check(Is(w, target.Rows, 1), $"w is {w}, the target is {target}: it takes [{target.Rows}, 1].");
        Check(Is(coefficient, 1, 1), $"the coefficient is {coefficient}; it takes [1, 1].");
        Check(Same(dOutput, output), $"dOutput is {dOutput}, the output is {output}.");
        Check(EmptyOrSame(dTarget, target), $"dTarget is {dTarget}, the target is {target}.");
        Check(targetMask.IsEmpty || Is(targetMask, target.Rows, 1), $"the target mask is {targetMask}, the target is {target}: it takes [{target.Rows}, 1].");
        GaussianLogDensityBackwardCore(target, output, w, coefficient, dOutput, throughOutput, dTarget, targetMask, accumulateTarget, head);
    }

    private protected abstract void GaussianLogDensityBackwardCore(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput,
        bool throughOutput, Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head);

    /// <summary>
    /// nll = −log Σ_k softmax(a)_k N(target; μ_k, e^λ_k) per row, nats, by logsumexp; each component is a diagonal Gaussian, its log-variances
    /// clamped as a single one's. Shapes: output [R, K (2D + 1)] = [a: K logits | μ: K · D means, component by component | λ: K · D log-variances],
    /// target [R, D], nll [R, 1].
    /// </summary>
    internal void GaussianMixtureNllForward(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
    {
        CheckMixture(output, target, components);
        Check(Is(nll, target.Rows, 1), $"the nll is {nll}, the target is {target}: it takes [{target.Rows}, 1].");
        GaussianMixtureNllForwardCore(output, target, nll, head, components);
    }

    private protected abstract void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components);

    /// <summary>
    /// output becomes w times the gradient of <see cref="GaussianMixtureNllForward"/>: with π = softmax(a) and γ_k the posterior of component k, [π −
    /// γ | −γ_k (y − μ) e^−λ τ′ | ½ γ_k (1 − (y − μ)² e^−λ) k] with the clamp's gate k. Shapes as in the forward operation, w [R, 1].
    /// </summary>
    internal void GaussianMixtureNllBackward(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
    {
        CheckMixture(output, target, components);
        Check(Is(w, target.Rows, 1), $"w is {w}, the target is {target}: it takes [{target.Rows}, 1].");
        GaussianMixtureNllBackwardCore(output, target, w, head, components);
    }

    private protected abstract void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components);

    static void CheckMixture(Tensor output, Tensor target, int components, [CallerMemberName] string operation = "")
    {
        Check(components is > 0 and <= MaximumComponents, $"{components} components are asked for; 1 to {MaximumComponents} are possible.", operation);
        var columns = components * (2L * target.Columns + 1);
        Check(output.Rows == target.Rows && output.Columns == columns,
            $"the output is {output}, {components} components of a target {target} take [{target.Rows}, {columns}].", operation);
    }

    static bool IsTwice(Tensor output, Tensor target) => output.Rows == target.Rows && output.Columns == 2L * target.Columns;

    static bool IsHalf(Tensor sample, Tensor output) => IsTwice(output, sample);

    static void CheckMoments(Tensor moments, string name, [CallerMemberName] string operation = "")
        => Check(moments.Columns % 2 == 0, $"{name} is {moments}; means and log-variances are as many.", operation);
}
