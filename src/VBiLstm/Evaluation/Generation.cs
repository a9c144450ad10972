using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Noise;

namespace VBiLstm.Evaluation;

/// <summary>Draws sequences from the generative process of model.md section 2.6, a fresh latent each step.</summary>
public static class Generation
{
    /// <summary>Frames [B, T, D] of binary or real data, starting from an all-zero frame.</summary>
    /// <param name="prior">Rows to draw side by side.</param>
    /// <param name="model">Its model, with frames.</param>
    /// <param name="steps">T.</param>
    /// <param name="seed">The same seed draws the same sequences.</param>
    /// <param name="temperature">1 draws from the model; smaller values sharpen it (logits divided, deviations multiplied).</param>
    /// <exception cref="ConfigurationException">More than an array holds.</exception>
    public static float[] Frames(PriorMode prior, ModelConfiguration model, int steps, long seed, double temperature = 1)
    {
        ArgumentNullException.ThrowIfNull(prior);
        ArgumentNullException.ThrowIfNull(model);
        var (b, d) = (prior.BatchSize, model.FrameSize);
        CheckSize(b, steps, d, model.OutputSize);
        var result = new float[b * steps * d];
        var frames = new float[b * d];
        var output = new float[b * model.OutputSize];
        prior.Reset(RowIds(b));
        for (var t = 0; t < steps; t++)
        {
            prior.Step(frames, seed, t);
            prior.ReadOutput(output);
            for (var n = 0; n < b; n++)
            {
                var random = new CounterRandom(seed, NoiseStream.GenerationOutput, (uint)n, (uint)t);
                for (var j = 0; j < d; j++)
                {
                    var value = model.OutputDistribution == OutputDistribution.Bernoulli
                        ? random.NextSingle() < Logistic(output[n * d + j] / temperature) ? 1 : 0
                        : Normal(output.AsSpan(n * 2 * d, 2 * d), j, model, temperature, ref random);
                    frames[n * d + j] = value;
                    result[(n * steps + t) * d + j] = value;
                }
            }
        }

        return result;
    }

    static void CheckSize(int count, int steps, int valuesPerStep, int outputs)
    {
        if ((long)count * steps * valuesPerStep > Array.MaxLength || (long)count * outputs > Array.MaxLength)
            throw new ConfigurationException($"{count:N0} sequences of {steps:N0} steps are more than can be drawn at once; use a smaller --count or --steps.");
    }

    /// <summary>Token ids [B, T] of categorical data, after the token <paramref name="first"/>.</summary>
    /// <param name="prior">Rows to draw side by side.</param>
    /// <param name="model">Its model, categorical.</param>
    /// <param name="steps">T.</param>
    /// <param name="first">s_0.</param>
    /// <param name="seed">The same seed draws the same sequences.</param>
    /// <param name="temperature">1 draws from the model; smaller values sharpen it.</param>
    public static int[] Tokens(PriorMode prior, ModelConfiguration model, int steps, int first, long seed, double temperature = 1)
    {
        ArgumentNullException.ThrowIfNull(prior);
        ArgumentNullException.ThrowIfNull(model);
        var (b, v) = (prior.BatchSize, model.VocabularySize);
        CheckSize(b, steps, 1, v);
        var result = new int[b * steps];
        var tokens = new int[b];
        Array.Fill(tokens, first);
        var output = new float[b * v];
        prior.Reset(RowIds(b));
        for (var t = 0; t < steps; t++)
        {
            prior.Step(tokens, seed, t);
            prior.ReadOutput(output);
            for (var n = 0; n < b; n++)
            {
                var random = new CounterRandom(seed, NoiseStream.GenerationOutput, (uint)n, (uint)t);
                result[n * steps + t] = tokens[n] = Categorical(output.AsSpan(n * v, v), temperature, random.NextSingle());
            }
        }

        return result;
    }

    static int[] RowIds(int count) => [.. Enumerable.Range(0, count)];

    static double Logistic(double x) => 1 / (1 + Math.Exp(-x));

    static float Normal(ReadOnlySpan<float> output, int j, ModelConfiguration model, double temperature, ref CounterRandom random)
    {
        var logVariance = Math.Clamp(output[output.Length / 2 + j], model.LogVarianceMin, model.LogVarianceMax);
        return (float)(output[j] + temperature * Math.Exp(logVariance / 2) * random.NextNormal());
    }

    static int Categorical(ReadOnlySpan<float> logits, double temperature, float uniform)
    {
        var largest = float.NegativeInfinity;
        foreach (var logit in logits)
            largest = MathF.Max(largest, logit);
        double total = 0;
        foreach (var logit in logits)
            total += Math.Exp((logit - largest) / temperature);
        var left = uniform * total;
        for (var i = 0; i < logits.Length; i++)
        {
            left -= Math.Exp((logits[i] - largest) / temperature);
            if (left < 0)
                return i;
        }

        return logits.Length - 1;
    }
}
