using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Tests.Model;

/// <summary>A step whose batch comes in shards: the aligned binary tree over the shards' own gradients, to the bit, and the whole batch's gradient.</summary>
public abstract class DeviceShardTests
{
    const int Rows = 13, TimeSteps = 4;

    protected abstract Device CreateDevice();

    // Of 7, 5, 4, 3, 2 rows and 1; the last is smaller, and its last row is padding.
    static readonly int[] Shards = [2, 3, 4, 5, 7, 13];

    public static TheoryData<ModelKind, int> Cases
        => [.. Enum.GetValues<ModelKind>().SelectMany(kind => Shards.Select(shards => new TheoryDataRow<ModelKind, int>(kind, shards)))];

    static ModelConfiguration Model(ModelKind kind) => new()
    {
        Kind = kind,
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 3,
        LstmUnits = 6,
        MlpUnits = 5,
        LatentUnits = 2,
        Prior = kind == ModelKind.Srnn ? PriorKind.Learned : new ModelConfiguration().Prior,
        OutputInitialisation = 0.5,
        Alpha = 0.3,
        Beta = 0.2,
        Gamma = 0.1,
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Shards_are_added_by_the_aligned_tree(ModelKind kind, int shards)
    {
        var model = Model(kind);
        var training = new TrainingConfiguration { BatchSize = Rows, Shards = shards };
        training.Validate();
        var whole = RandomSequences.Batch(model, TimeSteps, Rows, 3, ragged: true);
        var settings = new StepSettings(5, 0, 0.01, 0.7, model.Alpha, model.Beta);
        using var device = CreateDevice();

        var own = new List<(float[] Gradients, float[] Terms)>();
        for (var shard = 0; shard < shards; shard++)
            own.Add(Alone(ShardOf(whole, shard, training.ShardSize)));
        var expected = Tree(own.ConvertAll(shard => shard.Gradients));
        var terms = Tree(own.ConvertAll(shard => shard.Terms));

        using var parameters = new ModelParameters(device, model, training: true, shards);
        parameters.Initialise(9);
        using var step = new TrainingStep(device, parameters, TimeSteps, training.ShardSize, training);
        for (var repeat = 0; repeat < 2; repeat++)
        {
            parameters.Initialise(9);
            step.RefreshWeights();
            for (var shard = 0; shard < shards; shard++)
            {
                step.Load(ShardOf(whole, shard, training.ShardSize));
                step.Run(settings, shard, recorded: repeat == 0);
            }

            Assert.Equal(expected, Read(device, parameters.Gradients));
            var metrics = step.ReadMetrics();
            Assert.Equal(terms, TermsOf(metrics));
            var squares = expected.Sum(gradient => (double)gradient * gradient);
            Assert.Equal(Math.Sqrt(squares), metrics.GradientNorm, 1e-5 * Math.Sqrt(squares));
            Assert.Equal(terms[0] + settings.KlWeight * terms[1] - model.Alpha * terms[2] - model.Beta * terms[3] + model.Gamma * terms[4] + terms[5]
                + model.TwinWeight * terms[6], metrics.Objective, 1e-4 * Math.Abs(metrics.Objective));
        }

        var (gradients, wholeTerms) = Alone(whole);
        Assert.All(gradients.Zip(expected), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * gradients.Max(Math.Abs)));
        Assert.All(wholeTerms.Zip(terms), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * (1 + Math.Abs(pair.First))));

        (float[] Gradients, float[] Terms) Alone(SequenceBatch batch)
        {
            using var parameters = new ModelParameters(device, model, training: true);
            parameters.Initialise(9);
            using var step = new TrainingStep(device, parameters, TimeSteps, batch.BatchSize, training);
            step.Load(batch);
            step.Apply(settings);
            step.DrawNoise();
            step.Forward();
            step.Backward();
            return (Read(device, parameters.Gradients), TermsOf(step.ReadMetrics()));
        }
    }

    static float[] TermsOf(StepMetrics metrics)
        => [metrics.Nll, metrics.Kl, metrics.LogPPsi, metrics.LogPXi, metrics.Activity, metrics.BackwardNll, metrics.TwinDistance];

    static float[] Read(Device device, Tensor tensor)
    {
        var values = new float[tensor.Count];
        device.Download(tensor, values);
        return values;
    }

    // 2i and 2i + 1, then pairs of pairs; one without a partner passes.
    static float[] Tree(List<float[]> shards)
    {
        while (shards.Count > 1)
            shards = [.. shards.Chunk(2).Select(pair => pair.Length == 1 ? pair[0] : [.. pair[0].Zip(pair[1], (a, b) => a + b)])];
        return shards[0];
    }

    static SequenceBatch ShardOf(SequenceBatch whole, int shard, int size)
    {
        var (first, rows) = (shard * size, Math.Clamp(whole.BatchSize - shard * size, 0, size));
        var batch = new SequenceBatch(TimeSteps, size, whole.FrameSize) { Steps = whole.Steps, Sequences = Math.Clamp(whole.Sequences - first, 0, size) };
        batch.OtherSequences = whole.Sequences - batch.Sequences;
        for (var row = 0; row < rows; row++)
        {
            (batch.Lengths[row], batch.RowIds[row]) = (whole.Lengths[first + row], whole.RowIds[first + row]);
            for (var k = 0; k <= TimeSteps; k++)
                whole.Frames.AsSpan((k * whole.BatchSize + first + row) * whole.FrameSize, whole.FrameSize)
                    .CopyTo(batch.Frames.AsSpan((k * size + row) * whole.FrameSize));
        }

        return batch;
    }
}
