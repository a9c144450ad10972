using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Models;

/// <summary>One time step of a model's generative process (model.md section 2.6) on B rows: no backward LSTM, no posterior, no ξ.</summary>
abstract class GenerativeStep(GenerativeFrame frame)
{
    protected GenerativeFrame Frame { get; } = frame;

    protected Device Device => Frame.Device;

    /// <summary>o_t, [B, O].</summary>
    public abstract Tensor Output { get; }

    /// <summary>Whether the step draws noise.</summary>
    public virtual bool DrawsNoise => false;

    /// <summary>What is carried from step to step, in the order of <see cref="ModelPass.States"/>, [B, units] each.</summary>
    public abstract Tensor[] States { get; }

    /// <summary>z_t, [B, Z]; empty where the model has no latent.</summary>
    public virtual Tensor Latents => default;

    /// <summary>The states of before the first step.</summary>
    public abstract void Reset();

    /// <summary>From x_t in the frame to o_t.</summary>
    public abstract void Run();
}

/// <summary>What every model's generative step shares.</summary>
sealed class GenerativeFrame
{
    public GenerativeFrame(Workspace workspace, int rows, int inputs, bool sampled, bool fixesLatents)
    {
        (Device, Rows, IsSampled, FixesLatents) = (workspace.Device, rows, sampled, fixesLatents);
        X = workspace.Take(rows, inputs, Readers.All);
        NoiseKey = workspace.TakeIds(3);
        RowIds = workspace.TakeIds(rows);
    }

    public Device Device { get; }

    /// <summary>B.</summary>
    public int Rows { get; }

    /// <summary>Whether latents are sampled or taken at their means.</summary>
    public bool IsSampled { get; }

    /// <summary>Whether z_t stays as it is, whatever the prior says.</summary>
    public bool FixesLatents { get; }

    /// <summary>x_t, embedded, [B, E].</summary>
    public Tensor X { get; }

    /// <summary>[seed low, seed high, t].</summary>
    public IdTensor NoiseKey { get; }

    /// <summary>[B].</summary>
    public IdTensor RowIds { get; }

    public NoiseSource Noise(NoiseStream stream) => new(NoiseKey, RowIds, stream);
}
