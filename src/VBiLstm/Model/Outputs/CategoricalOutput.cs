using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Outputs;

/// <summary>One of V token ids, o their logits: −log p = logsumexp(o) − o_y.</summary>
sealed class CategoricalOutput(int vocabularySize) : Output
{
    public override int Width => vocabularySize;

    public override void NllForward(Device device, Tensor output, in Targets targets, Tensor nll) => device.CategoricalNllForward(output, targets.Ids, nll);

    public override void NllBackward(Device device, Tensor output, in Targets targets, Tensor w, Tensor one)
        => device.CategoricalNllBackward(output, targets.Ids, w);

    // The temperature divides the logits.
    public override void Sample(ReadOnlySpan<float> output, double temperature, ref CounterRandom random, Span<float> values)
        => values[0] = Draw(output, temperature, ref random);

    /// <summary>An index with the probabilities softmax(logits / temperature), by one uniform number.</summary>
    internal static int Draw(ReadOnlySpan<float> logits, double temperature, ref CounterRandom random)
    {
        var largest = float.NegativeInfinity;
        foreach (var logit in logits)
            largest = MathF.Max(largest, logit);
        double total = 0;
        foreach (var logit in logits)
            total += Math.Exp((logit - largest) / temperature);
        var left = random.NextSingle() * total;
        for (var i = 0; i < logits.Length; i++)
        {
            left -= Math.Exp((logits[i] - largest) / temperature);
            if (left < 0)
                return i;
        }

        return logits.Length - 1;
    }

    public override float RandomValue(ref CounterRandom random) => random.NextInt32(vocabularySize);
}
