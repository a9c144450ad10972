using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>In which order a phase computes the time steps of a tensor.</summary>
enum StepOrder
{
    AllAtOnce,
    Ascending,
    Descending,
}

/// <summary>Where a value has a kink, so that its gradient depends on which side of it rounding left the value.</summary>
enum Kink
{
    None,

    /// <summary>Every column, at 0 and where φ clips.</summary>
    LeakyRelu,

    /// <summary>The second half of the columns, where log-variances are clamped.</summary>
    LogVariance,

    /// <summary>The second half of the columns, where log-variances of the output are clamped.</summary>
    OutputLogVariance,

    /// <summary>The columns after a mixture's K logits and K·D means, where log-variances of the output are clamped.</summary>
    MixtureLogVariance,
}

/// <summary>A tensor of a training step by the name that the golden vectors use, for comparing one device with another.</summary>
/// <param name="Name">Name after model.md; a gradient's begins with <c>grad.</c></param>
/// <param name="Values">[count · B, N] for a sequence, else a matrix or vector.</param>
/// <param name="Phase">The phase that finishes it.</param>
/// <param name="FirstToken">The k or t of its first B rows; −1 where it is no sequence.</param>
/// <param name="Order">How the phase walks through time.</param>
/// <param name="Kink">Where gradients through it jump.</param>
readonly record struct StepTensor(
    string Name, Tensor Values, TrainingPhase Phase, int FirstToken = -1, StepOrder Order = StepOrder.AllAtOnce, Kink Kink = Kink.None);
