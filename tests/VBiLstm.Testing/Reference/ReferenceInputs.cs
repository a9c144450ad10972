using VBiLstm.Configuration;
using VBiLstm.Tests.Model;
using VBiLstm.Tests.Oracle;

namespace VBiLstm.Tests.Reference;

/// <summary>Data, noise, masks and initial state of one evaluation of the reference, time-major and flat, named as in the golden vectors.</summary>
public sealed record ReferenceInputs
{
    public required int T { get; init; }

    public required int B { get; init; }

    /// <summary>[T+1, B, D]; empty for ids.</summary>
    public double[] Frames { get; init; } = [];

    /// <summary>[T+1, B]; empty for frames.</summary>
    public int[] Tokens { get; init; } = [];

    /// <summary>[B].</summary>
    public required int[] Lengths { get; init; }

    /// <summary>[T, B, Z].</summary>
    public double[] EpsilonZ { get; init; } = [];

    /// <summary>[T, B, H].</summary>
    public double[] EpsilonB { get; init; } = [];

    /// <summary>[T, B].</summary>
    public double[] SkipMask { get; init; } = [];

    /// <summary>[B, H].</summary>
    public required double[] H0 { get; init; }

    /// <summary>[B, H].</summary>
    public required double[] C0 { get; init; }

    public static ReferenceInputs Of(OracleCase oracle)
    {
        double[] Optional(string name) => oracle.Has(name) ? oracle.Tensor(name) : [];
        return new ReferenceInputs
        {
            T = oracle.T,
            B = oracle.B,
            Frames = Optional("input.frames"),
            Tokens = oracle.Has("input.tokens") ? [.. oracle.Ids("input.tokens").Select(id => (int)id)] : [],
            Lengths = [.. oracle.Ids("input.lengths").Select(length => (int)length)],
            EpsilonZ = Optional("input.eps_z"),
            EpsilonB = Optional("input.eps_b"),
            SkipMask = Optional("input.skip_mask"),
            H0 = oracle.Tensor("input.h0"),
            C0 = oracle.Tensor("input.c0"),
        };
    }

    public static ReferenceInputs Random(ModelConfiguration model, int t, int b, int seed, bool ragged = false, bool carried = false)
    {
        var random = new Random(seed);
        var (h, z) = (model.LstmUnits, model.LatentUnits);
        double[] Normal(int count) => [.. Enumerable.Range(0, count).Select(_ => Gaussian(random))];
        return new ReferenceInputs
        {
            T = t,
            B = b,
            Frames = model.IsCategorical ? [] : [.. Enumerable.Range(0, (t + 1) * b * model.FrameSize).Select(i => model.OutputDistribution == OutputDistribution.Gaussian ? Gaussian(random) : i < b * model.FrameSize ? 0 : random.Next(2))],
            Tokens = model.IsCategorical ? [.. Enumerable.Range(0, (t + 1) * b).Select(_ => random.Next(model.VocabularySize))] : [],
            Lengths = [.. Enumerable.Range(0, b).Select(n => ragged && n > 0 ? random.Next(1, t + 1) : t)],
            EpsilonZ = model.HasChannel ? Normal(t * b * z) : [],
            EpsilonB = Normal(t * b * h),
            SkipMask = [.. Enumerable.Range(0, t * b).Select(_ => random.NextDouble() < model.SkipProbability ? 1.0 : 0.0)],
            H0 = carried ? [.. Normal(b * h).Select(Math.Tanh)] : new double[b * h],
            C0 = carried ? Normal(b * h) : new double[b * h],
        };
    }

    internal static double Gaussian(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
