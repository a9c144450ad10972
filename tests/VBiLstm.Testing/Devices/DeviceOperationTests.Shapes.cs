using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    /// <summary>Makes an operation's operands, one of them larger than it should be; all have memory for that.</summary>
    sealed class Operands(Device device, TestTensors tensors, int spoilt, int moreRows, int moreColumns) : IDisposable
    {
        readonly List<Weight> _weights = [];

        public int Count { get; private set; }

        public string? Spoilt { get; private set; }

        public Tensor Tensor(int rows, int columns)
        {
            var address = tensors.Flat((rows + 1) * (columns + 1), _ => 0.5).Address;
            var stride = columns + 1;
            if (Count++ == spoilt)
            {
                (rows, columns) = (rows + moreRows, columns + moreColumns);
                Spoilt = $"[{rows}, {columns}]";
            }

            return new Tensor(address, rows, columns, stride);
        }

        public IdTensor Ids(int count)
        {
            var ids = tensors.Ids(new int[count + 1]);
            if (Count++ != spoilt)
                return ids.Range(0, count);
            Spoilt = $"[{count + 1}]";
            return ids;
        }

        public Weight Weight(int rows, int columns, bool isSpoilt = true)
        {
            var values = isSpoilt ? Tensor(rows, columns) : new Tensor(tensors.Flat(rows * columns, _ => 0.5).Address, rows, columns, columns);
            var weight = device.CreateWeight(values, WeightUse.Forward | WeightUse.Transposed);
            _weights.Add(weight);
            device.RefreshWeights([weight]);
            return weight;
        }

        public NoiseSource Noise(int rows) => new(Ids(3), Ids(rows), NoiseStream.LatentNoise);

        public void Dispose()
        {
            foreach (var weight in _weights)
                weight.Dispose();
        }
    }

    // T = 2, B = 3, H = 5; what going forward reads.
    static LstmSequence Sequence(Operands o) => Sequence(o, LstmDirection.Backward, o.Tensor(6, 4), o.Tensor(6, 1));

    static LstmSequence Sequence(Operands o, LstmDirection direction, Tensor input, Tensor validity) => new()
    {
        Direction = direction,
        Steps = 2,
        BatchSize = 3,
        Input = input,
        InputWeight = o.Weight(4, 20),
        Bias = o.Tensor(1, 20),
        Recurrent = o.Weight(5, 20),
        Gates = o.Tensor(6, 20),
        H = o.Tensor(9, 5),
        C = o.Tensor(9, 5),
        TanhC = o.Tensor(6, 5),
        Validity = validity,
        DH = default,
        DHRecurrent = default,
        DC = default,
    };

    static LstmSequence WithGradients(LstmSequence sequence, Operands o, Tensor dInput) => sequence with
    {
        DInputWeight = o.Tensor(4, 20),
        DRecurrent = o.Tensor(5, 20),
        DBias = o.Tensor(1, 20),
        DInput = dInput,
        DH = o.Tensor(6, 5),
        DHRecurrent = o.Tensor(3, 5),
        DC = o.Tensor(3, 5),
    };

    // Two directions over one input, whose gradient is one too.
    static BidirectionalLstm Bidirectional(Operands o, bool gradients)
    {
        var (input, dInput) = (o.Tensor(6, 4), gradients ? o.Tensor(6, 4) : default);
        LstmSequence Of(LstmDirection direction)
        {
            var sequence = Sequence(o, direction, input, default);
            return gradients ? WithGradients(sequence, o, dInput) with { AddsToDInput = direction == LstmDirection.Backward } : sequence;
        }

        return new BidirectionalLstm { Forward = Of(LstmDirection.Forward), Backward = Of(LstmDirection.Backward) };
    }

    // T = 2, B = 3, H = 5, M = 4, Z = 2; what going forward reads and writes.
    static VariationalLoop Loop(Operands o) => new()
    {
        Steps = 2,
        BatchSize = 3,
        HiddenStack = o.Weight(5, 24),
        PosteriorWeight = o.Weight(4, 4),
        PsiHiddenWeight = o.Weight(2, 4),
        PsiWeight = o.Weight(4, 10),
        LatentStack = o.Weight(7, 20),
        RecurrentStack = o.Weight(12, 20, isSpoilt: false),
        PosteriorHiddenWeight = o.Weight(5, 4, isSpoilt: false),
        PosteriorBias = o.Tensor(1, 4),
        PsiHiddenBias = o.Tensor(1, 4),
        PsiBias = o.Tensor(1, 10),
        H = o.Tensor(9, 5),
        C = o.Tensor(9, 5),
        Gates = o.Tensor(6, 20),
        TanhC = o.Tensor(6, 5),
        UpdateMask = o.Tensor(6, 5),
        HiddenProduct = o.Tensor(3, 24),
        PosteriorHidden = o.Tensor(6, 4),
        PosteriorOutput = o.Tensor(6, 4),
        EpsilonZ = o.Tensor(6, 2),
        Z = o.Tensor(6, 2),
        PsiHidden = o.Tensor(6, 4),
        PsiOutput = o.Tensor(6, 10),
        EpsilonB = o.Tensor(6, 5),
        BTilde = o.Tensor(6, 5),
        Phi = new LeakyRelu(0.1f, 1),
        LatentHead = Identity,
        ReconstructionHead = Identity,
    };

    static VariationalLoop WithGradients(VariationalLoop loop, Operands o) => loop with
    {
        RecurrentStack = o.Weight(12, 20),
        PosteriorHiddenWeight = o.Weight(5, 4),
        DH = o.Tensor(9, 5),
        DC = o.Tensor(3, 5),
        RecurrentProduct = o.Tensor(3, 12),
        DBTilde = o.Tensor(6, 5),
        DPsiMoments = o.Tensor(6, 10),
        DPsiHidden = o.Tensor(6, 4),
        DZ = o.Tensor(6, 2),
        DPosteriorMoments = o.Tensor(6, 4),
        DPosteriorHidden = o.Tensor(6, 4),
        SkipMask = o.Tensor(6, 1),
    };

    static readonly Dictionary<string, Action<Device, Operands>> Operations = new()
    {
        [nameof(Device.Upload)] = (d, o) => d.Upload(new float[12], o.Tensor(3, 4)),
        [nameof(Device.Download)] = (d, o) => d.Download(o.Tensor(3, 4), new float[12]),
        [nameof(Device.AllToAll)] = (d, o) => d.AllToAll(0, o.Tensor(1, 4), o.Tensor(1, 4)),
        [nameof(Device.AllGather)] = (d, o) => d.AllGather(0, o.Tensor(1, 4), o.Tensor(1, 4)),
        [nameof(Device.Multiply)] = (d, o) => d.Multiply(o.Tensor(4, 3), o.Weight(3, 8), o.Tensor(1, 8), o.Tensor(4, 8), accumulate: false),
        [nameof(Device.MultiplyTransposed)] = (d, o) => d.MultiplyTransposed(o.Tensor(4, 8), o.Weight(3, 8), o.Tensor(4, 3), accumulate: false),
        [nameof(Device.MultiplyLeakyRelu)] = (d, o)
            => d.MultiplyLeakyRelu(o.Tensor(4, 3), o.Weight(3, 8), o.Tensor(1, 8), o.Tensor(4, 8), new LeakyRelu(0.1f, 1)),
        [nameof(Device.MultiplyAddLeakyRelu)] = (d, o)
            => d.MultiplyAddLeakyRelu(o.Tensor(4, 3), o.Weight(3, 8), o.Tensor(4, 6), o.Tensor(4, 8), o.Tensor(4, 6), new LeakyRelu(0.1f, 1)),
        [nameof(Device.MultiplySampleGaussian)] = (d, o)
            => d.MultiplySampleGaussian(o.Tensor(4, 3), o.Weight(3, 8), o.Tensor(1, 8), o.Tensor(4, 8), o.Tensor(4, 4), o.Tensor(4, 4), new(-8, 8, true)),
        [nameof(Device.MultiplyLstmCellForward)] = (d, o)
            => d.MultiplyLstmCellForward(o.Tensor(3, 4), o.Weight(4, 20), o.Tensor(3, 20), o.Tensor(3, 20), o.Tensor(3, 5), o.Tensor(3, 1), o.Tensor(3, 5),
                o.Tensor(3, 5), o.Tensor(3, 5), o.Tensor(3, 5)),
        [nameof(Device.MultiplyTransposedSampleGaussian)] = (d, o)
            => d.MultiplyTransposedSampleGaussian(o.Tensor(4, 8), o.Weight(6, 8), o.Tensor(4, 6), accumulate: false, o.Tensor(4, 3), o.Tensor(4, 3),
                o.Tensor(4, 6), o.Tensor(4, 6), new(-8, 8, true)),
        [nameof(Device.MultiplyTransposedLeakyRelu)] = (d, o)
            => d.MultiplyTransposedLeakyRelu(o.Tensor(4, 8), o.Weight(3, 8), o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 1), o.Tensor(4, 3), new(0.1f, 1)),
        [nameof(Device.MultiplyTransposedLstmCellBackward)] = (d, o)
            => d.MultiplyTransposedLstmCellBackward(o.Tensor(3, 8), o.Weight(5, 8), o.Tensor(3, 5), accumulate: true, o.Tensor(3, 20), o.Tensor(3, 5),
                o.Tensor(3, 5), o.Tensor(3, 5), o.Tensor(3, 1), o.Tensor(3, 5), o.Tensor(3, 5)),
        [nameof(Device.WeightGradients)] = (d, o)
            => d.WeightGradients([new(o.Tensor(4, 3), o.Tensor(3, 8)), new(o.Tensor(4, 2), o.Tensor(2, 8))], o.Tensor(4, 8), o.Tensor(1, 8)),
        [nameof(Device.LstmCellForward)] = (d, o)
            => d.LstmCellForward(o.Tensor(3, 20), o.Tensor(3, 20), o.Tensor(3, 5), o.Tensor(3, 1), o.Tensor(3, 5), o.Tensor(3, 5), o.Tensor(3, 5),
                o.Tensor(3, 5)),
        [nameof(Device.LstmCellBackward)] = (d, o)
            => d.LstmCellBackward(o.Tensor(3, 20), o.Tensor(3, 5), o.Tensor(3, 5), o.Tensor(3, 5), o.Tensor(3, 5), o.Tensor(3, 1), o.Tensor(3, 5),
                o.Tensor(3, 5)),
        [nameof(Device.Prepare)] = (d, o) => d.Prepare(Sequence(o)),
        [nameof(Device.LstmSequenceForward)] = (d, o) => d.LstmSequenceForward(Sequence(o)),
        [nameof(Device.LstmSequenceBackward)] = (d, o) =>
        {
            var sequence = WithGradients(Sequence(o), o, o.Tensor(6, 4));
            d.LstmSequenceForward(sequence);
            d.LstmSequenceBackward(sequence);
        },
        [nameof(Device.PrepareBidirectional)] = (d, o) => d.PrepareBidirectional(Bidirectional(o, gradients: false)),
        [nameof(Device.BidirectionalForward)] = (d, o) => d.BidirectionalForward(Bidirectional(o, gradients: false)),
        [nameof(Device.BidirectionalBackward)] = (d, o) =>
        {
            var lstm = Bidirectional(o, gradients: true);
            d.BidirectionalForward(lstm);
            d.BidirectionalBackward(lstm);
        },
        [nameof(Device.PrepareLoop)] = (d, o) => d.PrepareLoop(Loop(o)),
        [nameof(Device.TryLoopForward)] = (d, o) => d.TryLoopForward(Loop(o)),
        [nameof(Device.TryLoopBackward)] = (d, o) => d.TryLoopBackward(WithGradients(Loop(o), o)),
        [nameof(Device.LeakyReluForward)] = (d, o) => d.LeakyReluForward(o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 3), new LeakyRelu(0.1f, 1)),
        [nameof(Device.LeakyReluBackward)] = (d, o)
            => d.LeakyReluBackward(o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 1), o.Tensor(4, 3), new LeakyRelu(0.1f, 1)),
        [nameof(Device.Add)] = (d, o) => d.Add(o.Tensor(4, 3), o.Tensor(2, 3), o.Tensor(4, 3)),
        [nameof(Device.MultiplyElements)] = (d, o) => d.MultiplyElements(o.Tensor(4, 3), o.Tensor(2, 3), o.Tensor(4, 3), accumulate: true),
        [nameof(Device.Mix)] = (d, o) => d.Mix(o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 3)),
        [nameof(Device.MixBackward)] = (d, o)
            => d.MixBackward(o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 3), accumulatePrevious: true),
        [nameof(Device.SampleGaussianForward)] = (d, o) => d.SampleGaussianForward(o.Tensor(4, 6), o.Tensor(4, 3), o.Tensor(4, 3), Identity),
        [nameof(Device.SampleGaussianBackward)] = (d, o)
            => d.SampleGaussianBackward(o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 6), o.Tensor(4, 6), Identity),
        [nameof(Device.GaussianKlForward)] = (d, o) => d.GaussianKlForward(o.Tensor(4, 6), o.Tensor(4, 6), o.Tensor(4, 1), Identity),
        [nameof(Device.GaussianKlBackward)] = (d, o)
            => d.GaussianKlBackward(o.Tensor(4, 6), o.Tensor(4, 6), o.Tensor(4, 1), o.Tensor(1, 1), o.Tensor(4, 6), Identity),
        [nameof(Device.GaussianLogDensityForward)] = (d, o) => d.GaussianLogDensityForward(o.Tensor(4, 3), o.Tensor(4, 6), o.Tensor(4, 1), 1, Identity),
        [nameof(Device.GaussianLogDensityBackward)] = (d, o)
            => d.GaussianLogDensityBackward(o.Tensor(4, 3), o.Tensor(4, 6), o.Tensor(4, 1), o.Tensor(1, 1), o.Tensor(4, 6),
            throughOutput: true, o.Tensor(4, 3), o.Tensor(4, 1), accumulateTarget: true, Identity),
        [nameof(Device.GaussianMixtureNllForward)] = (d, o) => d.GaussianMixtureNllForward(o.Tensor(4, 14), o.Tensor(4, 3), o.Tensor(4, 1), Identity, 2),
        [nameof(Device.GaussianMixtureNllBackward)] = (d, o) => d.GaussianMixtureNllBackward(o.Tensor(4, 14), o.Tensor(4, 3), o.Tensor(4, 1), Identity, 2),
        [nameof(Device.BernoulliNllForward)] = (d, o) => d.BernoulliNllForward(o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 1)),
        [nameof(Device.BernoulliNllBackward)] = (d, o) => d.BernoulliNllBackward(o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 1)),
        [nameof(Device.CategoricalNllForward)] = (d, o) => d.CategoricalNllForward(o.Tensor(4, 3), o.Ids(4), o.Tensor(4, 1)),
        [nameof(Device.CategoricalNllBackward)] = (d, o) => d.CategoricalNllBackward(o.Tensor(4, 3), o.Ids(4), o.Tensor(4, 1)),
        [nameof(Device.SquaredNormForward)] = (d, o) => d.SquaredNormForward(o.Tensor(4, 3), o.Tensor(4, 1)),
        [nameof(Device.SquaredNormBackward)] = (d, o) => d.SquaredNormBackward(o.Tensor(4, 3), o.Tensor(4, 1), 1, o.Tensor(4, 3)),
        [nameof(Device.NormStabiliserForward)] = (d, o) => d.NormStabiliserForward(o.Tensor(9, 5), o.Tensor(6, 1)),
        [nameof(Device.NormStabiliserBackward)] = (d, o) => d.NormStabiliserBackward(o.Tensor(9, 5), o.Tensor(6, 1), 1, o.Tensor(9, 5)),
        [nameof(Device.DistanceForward)] = (d, o) => d.DistanceForward(o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 1)),
        [nameof(Device.DistanceBackward)] = (d, o) => d.DistanceBackward(o.Tensor(4, 3), o.Tensor(4, 3), o.Tensor(4, 1), o.Tensor(1, 1), o.Tensor(4, 3)),
        [nameof(Device.EmbeddingForward)] = (d, o) => d.EmbeddingForward(o.Ids(4), o.Tensor(7, 3), o.Tensor(4, 3)),
        [nameof(Device.EmbeddingBackward)] = (d, o) => d.EmbeddingBackward(o.Ids(4), o.Tensor(4, 3), o.Tensor(7, 3)),
        [nameof(Device.Copy)] = (d, o) => d.Copy(o.Tensor(4, 3), o.Tensor(4, 3)),
        [nameof(Device.MaskRows)] = (d, o) => d.MaskRows(o.Tensor(4, 3), o.Tensor(4, 1)),
        [nameof(Device.WeightedSum)] = (d, o) => d.WeightedSum(o.Tensor(4, 1), o.Tensor(4, 1), o.Tensor(1, 1)),
        [nameof(Device.FillNormal)] = (d, o) => d.FillNormal(o.Tensor(6, 4), o.Noise(3)),
        [nameof(Device.FillBernoulli)] = (d, o) => d.FillBernoulli(o.Tensor(6, 4), 0.5f, o.Noise(3)),
        [nameof(Device.AddNormal)] = (d, o) => d.AddNormal(o.Tensor(1, 9), 0.1f, o.Ids(3), NoiseStream.WeightNoise, o.Tensor(1, 9)),
        [nameof(Device.GradientNorm)] = (d, o) => d.GradientNorm(o.Tensor(1, 9), o.Tensor(1, 1)),
        [nameof(Device.AdamStep)] = (d, o) => d.AdamStep(o.Tensor(1, 9), o.Tensor(1, 9), o.Tensor(1, 9), o.Tensor(1, 9),
            new AdamArguments(o.Tensor(1, 1), o.Tensor(1, 1), o.Tensor(1, 1), o.Tensor(1, 1), o.Tensor(1, 1), o.Tensor(1, 1), 0.9f, 0.99f, 1e-8f, 1,
                HaltOnNonFinite: true)),
    };

    public static TheoryData<string> OperationNames => [.. Operations.Keys];

    [Theory]
    [MemberData(nameof(OperationNames))]
    public void Operands_that_do_not_fit_are_refused_with_the_operation_and_the_shapes(string name) => Run((device, t) =>
    {
        var operation = Operations[name];
        using var valid = new Operands(device, t, -1, 0, 0);
        operation(device, valid);
        for (var operand = 0; operand < valid.Count; operand++)
        {
            // A row more, then a column more: where one of them is free, the other is not.
            var refused = 0;
            foreach (var (rows, columns) in new[] { (1, 0), (0, 1) })
            {
                using var spoilt = new Operands(device, t, operand, rows, columns);
                if (Record.Exception(() => operation(device, spoilt)) is not { } e)
                    continue;
                refused++;
                Assert.IsType<ArgumentException>(e);

                // A recurrence goes forward first.
                string[] called = name switch
                {
                    nameof(Device.LstmSequenceBackward) => [nameof(Device.LstmSequenceForward), name],
                    nameof(Device.BidirectionalBackward) => [nameof(Device.BidirectionalForward), name],
                    _ => [name],
                };
                Assert.Contains(e.Message.Split(": ")[0], called);
                Assert.Contains(spoilt.Spoilt!, e.Message, StringComparison.Ordinal);
            }

            Assert.True(refused > 0, $"Operand {operand} of {name} may have any shape.");
        }
    });

    [Fact]
    public void A_refusal_says_what_was_given_and_what_would_fit() => Run((device, t) =>
    {
        using var o = new Operands(device, t, -1, 0, 0);
        var e = Assert.Throws<ArgumentException>(() => device.Multiply(o.Tensor(4, 3), o.Weight(3, 8), default, o.Tensor(4, 7), accumulate: false));
        Assert.Equal("Multiply: y is [4, 7], x [4, 3] times the weight [3, 8] gives [4, 8].", e.Message);
        e = Assert.Throws<ArgumentException>(() => device.Multiply(o.Tensor(4, 3), o.Weight(3, 8), o.Tensor(1, 8), o.Tensor(4, 8), accumulate: true));
        Assert.StartsWith("Multiply: a bias of [1, 8] is given where y is added to", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<ArgumentException>(() => device.Copy(default, o.Tensor(4, 7)));
        Assert.Equal("Copy: y is [4, 7], x is empty.", e.Message);
        e = Assert.Throws<ArgumentException>(() => device.CreateReadback(o.Tensor(4, 7)));
        Assert.StartsWith("CreateReadback: the source [4, 7] is a view of columns", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<ArgumentException>(() => device.Upload(new int[3], o.Ids(4)));
        Assert.Equal("Upload: 3 ids are given, the target is [4].", e.Message);
        using var weight = device.CreateWeight(o.Tensor(3, 8), WeightUse.Transposed);
        var unprepared = Assert.Throws<InvalidOperationException>(() => device.Multiply(o.Tensor(4, 3), weight, default, o.Tensor(4, 8), accumulate: false));
        Assert.Equal("Multiply: the weight was created for Transposed products, not for Forward ones.", unprepared.Message);
    });
}
