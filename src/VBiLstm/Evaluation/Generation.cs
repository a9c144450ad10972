using VBiLstm.Configuration;
using VBiLstm.Model;
using VBiLstm.Model.Outputs;
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
    /// <param name="beginning">What the sequences begin with, the first of the T frames; null for nothing.</param>
    /// <exception cref="ConfigurationException">More than an array holds.</exception>
    public static float[] Frames(PriorMode prior, ModelConfiguration model, int steps, long seed, double temperature = 1, Beginning? beginning = null)
    {
        ArgumentNullException.ThrowIfNull(prior);
        ArgumentNullException.ThrowIfNull(model);
        var (b, d) = (prior.BatchSize, model.FrameSize);
        var distribution = Output.Of(model);
        var o = distribution.Width;
        CheckSize(b, steps, d, o);
        var result = new float[b * steps * d];
        var frames = new float[b * d];
        var output = new float[b * o];
        Begin(prior, beginning);
        for (var n = 0; beginning is not null && n < b; n++)
        {
            for (var t = 0; t < Math.Min(beginning.Steps, steps); t++)
                beginning.Frame(t + 1, n).CopyTo(result.AsSpan((n * steps + t) * d));
            beginning.Frame(beginning.Steps, n).CopyTo(frames.AsSpan(n * d));
        }

        for (var t = beginning?.Steps ?? 0; t < steps; t++)
        {
            prior.Step(frames, seed, t);
            prior.ReadOutput(output);
            for (var n = 0; n < b; n++)
            {
                var random = new CounterRandom(seed, NoiseStream.GenerationOutput, (uint)n, (uint)t);
                var frame = frames.AsSpan(n * d, d);
                distribution.Sample(output.AsSpan(n * o, o), temperature, ref random, frame);
                frame.CopyTo(result.AsSpan((n * steps + t) * d));
            }
        }

        return result;
    }

    static void Begin(PriorMode prior, Beginning? beginning)
    {
        prior.Reset([.. Enumerable.Range(0, prior.BatchSize)]);
        if (beginning is null)
            return;
        ArgumentOutOfRangeException.ThrowIfNotEqual(beginning.Rows, prior.BatchSize, nameof(beginning));
        prior.WriteState(beginning.States);
    }

    static void CheckSize(int count, int steps, int valuesPerStep, int outputs)
    {
        if ((long)count * steps * valuesPerStep > Array.MaxLength || (long)count * outputs > Array.MaxLength)
        {
            throw new ConfigurationException($"{count:N0} sequences of {steps:N0} steps are more than can be drawn at once; draw fewer, or shorter ones.")
            {
                Settings = ["count", "steps"],
            };
        }
    }

    /// <summary>Token ids [B, T] of categorical data, after the token <paramref name="first"/>.</summary>
    /// <param name="prior">Rows to draw side by side.</param>
    /// <param name="model">Its model, categorical.</param>
    /// <param name="steps">T.</param>
    /// <param name="first">s_0.</param>
    /// <param name="seed">The same seed draws the same sequences.</param>
    /// <param name="temperature">1 draws from the model; smaller values sharpen it.</param>
    /// <param name="beginning">What the sequences begin with, the first of the T tokens; its s_0 counts then. Null for nothing.</param>
    /// <exception cref="ConfigurationException">More than an array holds.</exception>
    public static int[] Tokens(PriorMode prior, ModelConfiguration model, int steps, int first, long seed, double temperature = 1, Beginning? beginning = null)
    {
        ArgumentNullException.ThrowIfNull(prior);
        ArgumentNullException.ThrowIfNull(model);
        var (b, v) = (prior.BatchSize, model.VocabularySize);
        var distribution = Output.Of(model);
        Span<float> drawn = stackalloc float[1];
        CheckSize(b, steps, 1, v);
        var result = new int[b * steps];
        var tokens = new int[b];
        Array.Fill(tokens, first);
        var output = new float[b * v];
        Begin(prior, beginning);
        for (var n = 0; beginning is not null && n < b; n++)
        {
            for (var t = 0; t < Math.Min(beginning.Steps, steps); t++)
                result[n * steps + t] = beginning.Token(t + 1, n);
            tokens[n] = beginning.Token(beginning.Steps, n);
        }

        for (var t = beginning?.Steps ?? 0; t < steps; t++)
        {
            prior.Step(tokens, seed, t);
            prior.ReadOutput(output);
            for (var n = 0; n < b; n++)
            {
                var random = new CounterRandom(seed, NoiseStream.GenerationOutput, (uint)n, (uint)t);
                distribution.Sample(output.AsSpan(n * v, v), temperature, ref random, drawn);
                result[n * steps + t] = tokens[n] = (int)drawn[0];
            }
        }

        return result;
    }
}
