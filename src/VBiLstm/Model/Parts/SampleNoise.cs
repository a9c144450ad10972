using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Parts;

/// <summary>The standard normal noise of a reparameterised sample over all time steps.</summary>
/// <param name="workspace">Where the tensors come from.</param>
/// <param name="sizes">Of the step.</param>
/// <param name="columns">Width of the sample.</param>
/// <param name="training">Stream of training steps.</param>
/// <param name="evaluation">Stream of evaluations.</param>
sealed class SampleNoise(Workspace workspace, in StepSizes sizes, int columns, NoiseStream training, NoiseStream evaluation)
{
    readonly Device _device = workspace.Device;
    readonly Tensor _ofSample = workspace.TakeIf(sizes.Samples > 1, sizes.PerSequence.Rows, columns);

    /// <summary>ε_t, [T, B, columns].</summary>
    public Tensor Values { get; } = workspace.Take(sizes.Rows, columns);

    /// <summary>Draws a sequence's noise; that of each of its samples has a key of its own.</summary>
    public void Draw(StepFrame frame, NoisePurpose purpose)
    {
        var stream = purpose == NoisePurpose.Training ? training : evaluation;
        if (_ofSample.IsEmpty)
        {
            _device.FillNormal(frame.Whole(Values), frame.Noise(stream));
            return;
        }

        var ofSample = frame.PerSequence.Whole(_ofSample);
        for (var sample = 0; sample < frame.Samples; sample++)
        {
            _device.FillNormal(ofSample, frame.Noise(stream, sample));
            frame.CopyTo(sample, ofSample, Values);
        }
    }

    /// <summary>The sample becomes its mean.</summary>
    public void Zero(StepFrame frame) => _device.Zero(frame.Whole(Values));

    /// <summary>The noise of z.</summary>
    public static SampleNoise OfLatent(Workspace workspace, in StepSizes sizes, int latents)
        => new(workspace, sizes, latents, NoiseStream.LatentNoise, NoiseStream.EvaluationLatentNoise);
}
