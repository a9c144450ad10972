using VBiLstm.Devices;
using VBiLstm.Model.Parts;

namespace VBiLstm.Model.Models;

/// <summary>A model over the time steps of one batch: what differs from model to model in a <see cref="TrainingStep"/>.</summary>
abstract class ModelPass(StepFrame frame)
{
    protected StepFrame Frame { get; } = frame;

    protected Device Device => Frame.Device;

    /// <summary>T of the loaded batch.</summary>
    protected int Steps => Frame.Steps;

    /// <summary>What the model reads.</summary>
    public abstract InputPass Inputs { get; }

    /// <summary>−log p_η(y_t), [T, B, 1].</summary>
    public abstract Tensor Nll { get; }

    /// <summary>What truncated BPTT carries from batch to batch.</summary>
    public abstract CarriedState[] States { get; }

    /// <summary>z with its posterior and prior; null where there is none.</summary>
    public virtual LatentTensors? Latents => null;

    /// <summary>F2′: draws the noise and masks of the loaded batch.</summary>
    public virtual void DrawNoise(NoisePurpose purpose)
    {
    }

    /// <summary>Sets noise to zero, so that every sample is its mean.</summary>
    public virtual void ZeroNoise()
    {
    }

    /// <summary>Phases F1 to F4, the sums of the terms included.</summary>
    /// <param name="scoresOnly">Leaves out what <see cref="Nll"/> and <see cref="Latents"/> do not need: auxiliary costs, penalties, sums.</param>
    public abstract void Forward(bool scoresOnly);

    /// <summary>Phases B1 to B7 after <see cref="Forward"/>: every parameter's gradient of J. Overwrites gates and outputs by their gradients.</summary>
    public abstract void Backward();

    /// <summary>What <see cref="DrawNoise"/> leaves, for comparisons.</summary>
    public virtual IEnumerable<StepTensor> NoiseTensors => [];

    /// <summary>What <see cref="Forward"/> leaves, in the order of the computation.</summary>
    public abstract IEnumerable<StepTensor> ForwardTensors { get; }

    /// <summary>What <see cref="Backward"/> leaves of activations' gradients, in the order of the computation.</summary>
    public abstract IEnumerable<StepTensor> BackwardTensors { get; }

    /// <summary>What <see cref="Backward"/> leaves of the gradients of h_0 (but for what reaches it directly) and c_0.</summary>
    public abstract IEnumerable<StepTensor> InitialStateGradients { get; }

    /// <summary>Where a value that is not finite is looked for, in the order of the computation, by names for people.</summary>
    public abstract IEnumerable<(string Name, Tensor Values)> Watched { get; }
}

/// <summary>A state that is carried from batch to batch.</summary>
/// <param name="Name">Its name in checkpoints.</param>
/// <param name="Slots">[T+1, B, N], B its LSTM's; slot 0 is the initial state, slot T the last.</param>
readonly record struct CarriedState(string Name, Tensor Slots);

/// <summary>What scores of a latent variable are computed from.</summary>
/// <param name="Z">z_t, [T, B, Z].</param>
/// <param name="Posterior">[μ_q; ℓ_q], [T, B, 2Z].</param>
/// <param name="Prior">[μ_p; ℓ_p], [T, B, 2Z]; empty where the prior is N(0, I).</param>
/// <param name="Kl">[T, B, 1].</param>
/// <param name="LogDensity">[T, B, 1], scratch for log-densities of z.</param>
sealed record LatentTensors(Tensor Z, Tensor Posterior, Tensor Prior, Tensor Kl, Tensor LogDensity);
