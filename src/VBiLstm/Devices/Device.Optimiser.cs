namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>result = the Euclidean norm of a flat gradient [1, N], accumulated in double in a fixed order. Shape: result [1, 1].</summary>
    internal void GradientNorm(Tensor gradients, Tensor result)
    {
        Check(gradients.Rows == 1, $"the gradients are {gradients}; they take [1, N].");
        Check(Is(result, 1, 1), $"the result is {result}; it takes [1, 1].");
        GradientNormCore(gradients, result);
    }

    private protected abstract void GradientNormCore(Tensor gradients, Tensor result);

    /// <summary>
    /// Adam with bias correction on flat arenas [1, N], in one pass; gradients are scaled by min(1, clip / norm) first. Does nothing at all where the
    /// norm or the objective is not finite, nor, after such a step, ever again where halting is asked for. Scalars, all [1, 1] in device memory so
    /// that a recorded step reads the current values: norm, objective, rate (learning rate), the two corrections 1 − β₁ᵗ and 1 − β₂ᵗ, and halted.
    /// </summary>
    internal void AdamStep(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
    {
        Check(parameters.Rows == 1, $"the parameters are {parameters}; they take [1, N].");
        Check(Same(gradients, parameters), $"the gradients are {gradients}, the parameters are {parameters}.");
        Check(Same(firstMoments, parameters), $"the first moments are {firstMoments}, the parameters are {parameters}.");
        Check(Same(secondMoments, parameters), $"the second moments are {secondMoments}, the parameters are {parameters}.");
        Check(Is(arguments.Norm, 1, 1), $"the norm is {arguments.Norm}; it takes [1, 1].");
        Check(Is(arguments.Objective, 1, 1), $"the objective is {arguments.Objective}; it takes [1, 1].");
        Check(Is(arguments.Rate, 1, 1), $"the rate is {arguments.Rate}; it takes [1, 1].");
        Check(Is(arguments.Correction1, 1, 1), $"the first correction is {arguments.Correction1}; it takes [1, 1].");
        Check(Is(arguments.Correction2, 1, 1), $"the second correction is {arguments.Correction2}; it takes [1, 1].");
        Check(Is(arguments.Halted, 1, 1), $"halted is {arguments.Halted}; it takes [1, 1].");
        AdamStepCore(parameters, gradients, firstMoments, secondMoments, arguments);
    }

    private protected abstract void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments);
}

/// <summary>Arguments of <see cref="Device.AdamStep"/>; the tensors are [1, 1].</summary>
readonly record struct AdamArguments(Tensor Norm, Tensor Objective, Tensor Rate, Tensor Correction1, Tensor Correction2, Tensor Halted,
    float Beta1, float Beta2, float Epsilon, float Clip, bool HaltOnNonFinite);
