using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Parts;

/// <summary>The standard normal noise of a reparameterised sample over all time steps.</summary>
/// <param name="workspace">Where the tensor comes from.</param>
/// <param name="rows">T·B.</param>
/// <param name="columns">Width of the sample.</param>
/// <param name="training">Stream of training steps.</param>
/// <param name="evaluation">Stream of evaluations.</param>
sealed class SampleNoise(Workspace workspace, int rows, int columns, NoiseStream training, NoiseStream evaluation)
{
    readonly Device _device = workspace.Device;

    /// <summary>ε_t, [T, B, columns].</summary>
    public Tensor Values { get; } = workspace.Take(rows, columns);

    public void Draw(StepFrame frame, NoisePurpose purpose)
        => _device.FillNormal(frame.Whole(Values), frame.Noise(purpose == NoisePurpose.Training ? training : evaluation));

    /// <summary>The sample becomes its mean.</summary>
    public void Zero(StepFrame frame) => _device.Zero(frame.Whole(Values));

    /// <summary>The noise of z.</summary>
    public static SampleNoise OfLatent(Workspace workspace, int rows, int latents)
        => new(workspace, rows, latents, NoiseStream.LatentNoise, NoiseStream.EvaluationLatentNoise);
}
