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

    /// <summary>[B, Z] z_0 of srnn; [B, M] f_0 of vrnn.</summary>
    public double[] Latent0 { get; init; } = [];

    /// <summary>[T, B, H], 1 where a cell of the forward LSTM keeps its value (model.md section 17); this and the five below are empty where off.</summary>
    public double[] ZoneoutCell { get; init; } = [];

    /// <summary>[T, B, H], 1 where h keeps its value.</summary>
    public double[] ZoneoutHidden { get; init; } = [];

    /// <summary>[T, B, H], factors of the candidates u.</summary>
    public double[] RecurrentMask { get; init; } = [];

    /// <summary>[B, inputs], factors of the forward LSTM's inputs at every step.</summary>
    public double[] InputMask { get; init; } = [];

    /// <summary>[B, H], factors of h at every step as the generator reads it.</summary>
    public double[] OutputMask { get; init; } = [];

    /// <summary>Standard normal noise by the name of a weight of the forward LSTM.</summary>
    public IReadOnlyDictionary<string, double[]> WeightNoise { get; init; } = new Dictionary<string, double[]>();

    /// <summary>[T, B, H], what twin-net matches g(h_t) to in place of its own backward states; empty for those.</summary>
    public double[] TwinTarget { get; init; } = [];

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
        var inputs = new ReferenceInputs
        {
            T = t,
            B = b,
            Frames = model.IsCategorical ? [] : [.. Enumerable.Range(0, (t + 1) * b * model.FrameSize)
                .Select(i => IsReal(model) ? Gaussian(random) : i < b * model.FrameSize ? 0 : random.Next(2))],
            Tokens = model.IsCategorical ? [.. Enumerable.Range(0, (t + 1) * b).Select(_ => random.Next(model.VocabularySize))] : [],
            Lengths = [.. Enumerable.Range(0, b).Select(n => ragged && n > 0 ? random.Next(1, t + 1) : t)],
            EpsilonZ = HasLatents(model) ? Normal(t * b * z) : [],
            EpsilonB = Normal(t * b * h),
            SkipMask = [.. Enumerable.Range(0, t * b).Select(_ => random.NextDouble() < model.SkipProbability ? 1.0 : 0.0)],
            H0 = carried ? [.. Normal(b * h).Select(Math.Tanh)] : new double[b * h],
            C0 = carried ? Normal(b * h) : new double[b * h],
        };
        var latent = model.Kind switch { ModelKind.Srnn => z, ModelKind.Vrnn => model.MlpUnits, _ => 0 };
        double[] Bits(double probability, int count)
            => probability == 0 ? [] : [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() < probability ? 1.0 : 0.0)];
        double[] Factors(double dropped, int count) => [.. Bits(dropped, count).Select(bit => bit == 1 ? 0 : 1 / (1 - dropped))];
        return inputs with
        {
            Latent0 = carried ? Normal(b * latent) : new double[b * latent],
            ZoneoutCell = Bits(model.ZoneoutCell, t * b * h),
            ZoneoutHidden = Bits(model.ZoneoutHidden, t * b * h),
            RecurrentMask = Factors(model.RecurrentDropout, t * b * h),
            InputMask = Factors(model.InputDropout, b * (model.Kind == ModelKind.Vrnn ? model.MlpUnits : model.InputSize)),
            OutputMask = Factors(model.OutputDropout, b * h),
            WeightNoise = model.WeightNoise == 0 ? inputs.WeightNoise
                : ReferenceModel.Shapes(model).Where(shape => shape.Name.StartsWith("forward_lstm.weight", StringComparison.Ordinal))
                    .ToDictionary(shape => shape.Name, shape => Normal(shape.Rows * shape.Columns)),
        };
    }

    /// <summary>The same data without what training alone draws: no dropout, no noise on weights, zoneout at its expectation.</summary>
    public ReferenceInputs InEvaluation(ModelConfiguration model) => this with
    {
        ZoneoutCell = [.. ZoneoutCell.Select(_ => model.ZoneoutCell)],
        ZoneoutHidden = [.. ZoneoutHidden.Select(_ => model.ZoneoutHidden)],
        RecurrentMask = [],
        InputMask = [],
        OutputMask = [],
        WeightNoise = new Dictionary<string, double[]>(),
    };

    static bool HasLatents(ModelConfiguration model) => model.Kind is ModelKind.VariationalBiLstm or ModelKind.ZForcing or ModelKind.Vrnn or ModelKind.Srnn;

    static bool IsReal(ModelConfiguration model) => model.OutputDistribution is OutputDistribution.Gaussian or OutputDistribution.GaussianMixture;

    internal static double Gaussian(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
