using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Export;
using VBiLstm.Model;
using VBiLstm.Model.Outputs;
using VBiLstm.Noise;
using VBiLstm.Tests.Reference;

namespace VBiLstm.Tests.Export;

/// <summary>Exported models as onnxruntime runs them against the device's own steps, with the same noise.</summary>
public class GenerativeOnnxTests
{
    const int T = 5, B = 3, Seed = 4;

    public static TheoryData<string> Variants => [.. Models.Keys];

    static readonly Dictionary<string, ModelConfiguration> Models = All();

    static Dictionary<string, ModelConfiguration> All()
    {
        var models = new Dictionary<string, ModelConfiguration>();
        foreach (var kind in Enum.GetValues<ModelKind>().Where(kind => kind != ModelKind.BiLstm))
            foreach (var distribution in Enum.GetValues<OutputDistribution>())
                models[$"{kind} {distribution}"] = ReferenceTests.Small(kind, distribution);
        var channel = ReferenceTests.Small(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian);
        models["fixed prior"] = channel with { Prior = PriorKind.Fixed };
        models["fixed prior, vrnn"] = ReferenceTests.Small(ModelKind.Vrnn, OutputDistribution.Gaussian) with { Prior = PriorKind.Fixed };
        models["mean of b̃"] = channel with { BTilde = BTildeMode.Mean };
        models["tanh of means"] = channel with { ReconstructionMean = ReconstructionMean.Tanh };
        models["unit variance of b̃"] = channel with { ReconstructionVariance = ReconstructionVariance.Unit };
        models["prior of the input"] = channel with { PriorInput = PriorInput.HX };
        models["prior of the input, z-forcing"] = ReferenceTests.Small(ModelKind.ZForcing, OutputDistribution.Categorical) with { PriorInput = PriorInput.HX };
        models["all to the generator"] = channel with { GeneratorInput = GeneratorInput.HZBTilde };
        models["clipped"] = channel with { ActivationClip = 0.2, LogVarianceMin = -0.1, LogVarianceMax = 0.2 };
        models["zoneout"] = channel with { ZoneoutCell = 0.3, ZoneoutHidden = 0.2 };
        return models;
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_step_of_onnxruntime_is_a_step_of_prior_mode(string variant)
    {
        var model = Models[variant];
        using var both = new Both(model, GenerativeOnnx.WriteStep);
        var (onnx, prior) = (both.Onnx, both.Prior);
        var inputs = ReferenceInputs.Random(model, T, B, 3);
        var states = ZeroStates(onnx);
        var expected = new float[B * Output.Of(model).Width];
        int[] rowIds = [.. Enumerable.Range(0, B)];
        prior.Reset(rowIds);
        for (var t = 0; t < T; t++)
        {
            var tokens = model.IsCategorical ? inputs.Tokens[(t * B)..((t + 1) * B)] : [];
            float[] frames = model.IsCategorical
                ? []
                : Array.ConvertAll(inputs.Frames[(t * B * model.FrameSize)..((t + 1) * B * model.FrameSize)], value => (float)value);
            if (model.IsCategorical)
                prior.Step(tokens, Seed, t);
            else
                prior.Step(frames, Seed, t);
            prior.ReadOutput(expected);
            var output = Run(onnx, states, tokens, frames, t);
            for (var i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], output[i], 1e-5 * Math.Max(1, Math.Abs(expected[i])));
        }
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.Lstm)]
    public void Texts_drawn_through_onnxruntime_with_the_same_noise_are_the_same(ModelKind kind)
    {
        const int Steps = 40;
        var model = ReferenceTests.Small(kind, OutputDistribution.Categorical);
        using var both = new Both(model, GenerativeOnnx.WriteStep);
        var (onnx, prior) = (both.Onnx, both.Prior);
        var expected = Generation.Tokens(prior, model, Steps, first: 1, Seed);

        var states = ZeroStates(onnx);
        var (tokens, width, drawn) = (Enumerable.Repeat(1, B).ToArray(), model.VocabularySize, new float[1]);
        for (var t = 0; t < Steps; t++)
        {
            var output = Run(onnx, states, tokens, [], t);
            for (var n = 0; n < B; n++)
            {
                var random = new CounterRandom(Seed, NoiseStream.GenerationOutput, (uint)n, (uint)t);
                Output.Of(model).Sample(output.AsSpan(n * width, width), 1, ref random, drawn);
                tokens[n] = (int)drawn[0];
                Assert.Equal(expected[n * Steps + t], tokens[n]);
            }
        }
    }

    [Theory]
    [InlineData(ModelKind.Lstm, OutputDistribution.Categorical)]
    [InlineData(ModelKind.Lstm, OutputDistribution.Gaussian)]
    [InlineData(ModelKind.TwinNet, OutputDistribution.Bernoulli)]
    public void A_whole_sequence_is_its_steps(ModelKind kind, OutputDistribution distribution)
    {
        var model = ReferenceTests.Small(kind, distribution);
        using var both = new Both(model, GenerativeOnnx.WriteSequence);
        var (onnx, prior) = (both.Onnx, both.Prior);
        var inputs = ReferenceInputs.Random(model, T, B, 3);
        var (d, h) = (model.FrameSize, model.LstmUnits);
        float[] frames = model.IsCategorical ? [] : Array.ConvertAll(inputs.Frames[..(T * B * d)], value => (float)value);
        var given = new List<NamedOnnxValue>
        {
            model.IsCategorical
                ? NamedOnnxValue.CreateFromTensor("token", new DenseTensor<long>(Array.ConvertAll(inputs.Tokens[..(T * B)], id => (long)id), [T, B]))
                : NamedOnnxValue.CreateFromTensor("x", new DenseTensor<float>(frames, [T, B, d])),
            NamedOnnxValue.CreateFromTensor("h", new DenseTensor<float>([1, B, h])),
            NamedOnnxValue.CreateFromTensor("c", new DenseTensor<float>([1, B, h])),
        };
        using var results = onnx.Run(given);
        float[] output = [.. results.Single(result => result.Name == "output").AsTensor<float>()];
        var expected = new float[B * Output.Of(model).Width];
        prior.Reset([0, 1, 2]);
        for (var t = 0; t < T; t++)
        {
            if (model.IsCategorical)
                prior.Step(inputs.Tokens.AsSpan(t * B, B), Seed, t);
            else
                prior.Step(frames.AsSpan(t * B * d, B * d), Seed, t);
            prior.ReadOutput(expected);
            for (var i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], output[t * expected.Length + i], 1e-5 * Math.Max(1, Math.Abs(expected[i])));
        }
    }

    [Fact]
    public void What_has_no_step_or_no_sequence_is_refused()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.onnx");
        var reads = Assert.Throws<ConfigurationException>(() => GenerativeOnnx.WriteStep(path, Random(ReferenceTests.Small(ModelKind.BiLstm,
            OutputDistribution.Gaussian))));
        Assert.Contains("reads the future", reads.Message, StringComparison.Ordinal);
        var latent = Assert.Throws<ConfigurationException>(() => GenerativeOnnx.WriteSequence(path, Random(Models["zoneout"])));
        Assert.Contains("export the time step", latent.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    // A model of random weights, exported and in prior mode.
    sealed class Both : IDisposable
    {
        readonly TemporaryFolder _folder = new();
        readonly CpuDevice _device = new(2);
        readonly ModelParameters _parameters;

        public Both(ModelConfiguration model, Action<string, Checkpoint> export)
        {
            var (path, checkpoint) = (Path.Combine(_folder.Path, "model.onnx"), Random(model));
            export(path, checkpoint);
            Onnx = new InferenceSession(path);
            _parameters = new ModelParameters(_device, model, training: false);
            ParameterFiles.Upload(_device, _parameters.Layout, checkpoint.Weights, _parameters.Values);
            Prior = new PriorMode(_device, _parameters, B, sampled: true);
        }

        public InferenceSession Onnx { get; }

        public PriorMode Prior { get; }

        public void Dispose()
        {
            Prior.Dispose();
            _parameters.Dispose();
            Onnx.Dispose();
            _device.Dispose();
            _folder.Dispose();
        }
    }

    static Checkpoint Random(ModelConfiguration model)
    {
        var layout = new ParameterLayout(model);
        var values = ReferenceParameters.Random(model, 4);
        IReadOnlyList<NamedTensor> weights = [.. layout.All.Select(parameter
            => new NamedTensor(parameter.Name, parameter.Shape, Array.ConvertAll(values[parameter.Name].Value, value => (float)value)))];
        return new Checkpoint("", new TrainingState { Configuration = new RunConfiguration { Model = model } }, null, weights, [], [], []);
    }

    static Dictionary<string, float[]> ZeroStates(InferenceSession onnx)
        => onnx.InputMetadata.Where(input => onnx.OutputMetadata.ContainsKey(input.Key + "_next"))
            .ToDictionary(input => input.Key, input => new float[B * input.Value.Dimensions[1]]);

    // One step; the states move on.
    static float[] Run(InferenceSession onnx, Dictionary<string, float[]> states, int[] tokens, float[] frames, int t)
    {
        var given = onnx.InputMetadata.Select(input => input.Key == "token"
            ? NamedOnnxValue.CreateFromTensor("token", new DenseTensor<long>(Array.ConvertAll(tokens, id => (long)id), [B]))
            : NamedOnnxValue.CreateFromTensor(input.Key, new DenseTensor<float>(input.Key switch
            {
                "x" => frames,
                "epsilon_z" => Noise(NoiseStream.GenerationLatentNoise, input.Value.Dimensions[1], t),
                "epsilon_b_tilde" => Noise(NoiseStream.GenerationBTildeNoise, input.Value.Dimensions[1], t),
                _ => states[input.Key],
            }, [B, input.Value.Dimensions[1]]))).ToList();
        using var results = onnx.Run(given);
        foreach (var name in states.Keys)
            states[name] = [.. results.Single(result => result.Name == name + "_next").AsTensor<float>()];
        return [.. results.Single(result => result.Name == "output").AsTensor<float>()];
    }

    // As every device draws it: key = seed, counter = (column block, row, stream, step).
    static float[] Noise(NoiseStream stream, int columns, int t)
    {
        var values = new float[B * columns];
        for (var n = 0; n < B; n++)
        {
            for (var c = 0; c < columns; c++)
            {
                Philox4x32.Block((uint)c / 4, (uint)n, (uint)stream << 24, (uint)t, Seed, 0, out var w0, out var w1, out var w2, out var w3);
                NormalNoise.Pair(c % 4 < 2 ? w0 : w2, c % 4 < 2 ? w1 : w3, out var cosine, out var sine);
                values[n * columns + c] = c % 2 == 0 ? cosine : sine;
            }
        }

        return values;
    }
}
