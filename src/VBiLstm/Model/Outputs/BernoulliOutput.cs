using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Outputs;

/// <summary>D binary values, o their logits: −log p = Σ_d softplus(o_d) − y_d o_d.</summary>
sealed class BernoulliOutput(int frameSize) : Output
{
    public override int Width => frameSize;

    public override void NllForward(Device device, Tensor output, in Targets targets, Tensor nll) => device.BernoulliNllForward(output, targets.Frames, nll);

    public override void NllBackward(Device device, Tensor output, in Targets targets, Tensor w, Tensor one)
        => device.BernoulliNllBackward(output, targets.Frames, w);

    // The temperature divides the logits.
    public override void Sample(ReadOnlySpan<float> output, double temperature, ref CounterRandom random, Span<float> values)
    {
        const int Piece = 256;
        Span<double> exponentials = stackalloc double[Math.Min(Piece, values.Length)];
        for (var start = 0; start < values.Length; start += Piece)
        {
            var piece = values.Slice(start, Math.Min(Piece, values.Length - start));
            for (var d = 0; d < piece.Length; d++)
                exponentials[d] = -output[start + d] / temperature;
            Exponentials.Replace(exponentials[..piece.Length]);
            for (var d = 0; d < piece.Length; d++)
                piece[d] = random.NextSingle() < 1 / (1 + exponentials[d]) ? 1 : 0;
        }
    }

    public override float RandomValue(ref CounterRandom random) => random.NextInt32(2);
}
