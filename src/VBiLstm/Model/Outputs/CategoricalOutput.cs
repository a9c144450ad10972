using System.Buffers;
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
        var weights = ArrayPool<double>.Shared.Rent(logits.Length);
        for (var i = 0; i < logits.Length; i++)
            weights[i] = (logits[i] - largest) / temperature;
        Exponentials.Replace(weights.AsSpan(0, logits.Length));
        double total = 0;
        for (var i = 0; i < logits.Length; i++)
            total += weights[i];
        var left = random.NextSingle() * total;
        var drawn = 0;
        for (; drawn < logits.Length - 1; drawn++)
        {
            left -= weights[drawn];
            if (left < 0)
                break;
        }

        ArrayPool<double>.Shared.Return(weights);
        return drawn;
    }

    public override float RandomValue(ref CounterRandom random) => random.NextInt32(vocabularySize);
}
