using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using VBiLstm.Configuration;

namespace VBiLstm.Tests.Oracle;

/// <summary>One golden vector file (tests/data/oracle/README.md), read by code that shares nothing with the product's reader.</summary>
public sealed class OracleCase
{
    static readonly JsonSerializerOptions EnumNames = new() { Converters = { new JsonStringEnumConverter() } };

    readonly Dictionary<string, (string Type, int[] Shape, int Start, int End)> _tensors = new(StringComparer.Ordinal);
    readonly byte[] _data;
    readonly JsonElement _config;

    public OracleCase(string path)
    {
        var file = File.ReadAllBytes(path);
        var headerLength = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file));
        _data = file[(8 + headerLength)..];
        using var header = JsonDocument.Parse(file.AsMemory(8, headerLength));
        foreach (var property in header.RootElement.EnumerateObject())
        {
            if (property.Name == "__metadata__")
            {
                _config = JsonDocument.Parse(property.Value.GetProperty("config").GetString()!).RootElement.Clone();
                continue;
            }

            var offsets = property.Value.GetProperty("data_offsets");
            _tensors.Add(property.Name, (property.Value.GetProperty("dtype").GetString()!,
                [.. property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())], offsets[0].GetInt32(), offsets[1].GetInt32()));
        }

        Name = Text("name");
        Model = new ModelConfiguration
        {
            Kind = Enumeration<ModelKind>("model"),
            OutputDistribution = Enumeration<OutputDistribution>("output_distribution"),
            FrameSize = Has("input.frames") ? Number("D") : 1,
            VocabularySize = Has("input.tokens") ? Number("V") : 0,
            EmbeddingSize = Number("E"),
            LstmUnits = Number("H"),
            MlpUnits = Number("M"),
            LatentUnits = Text("model") == "lstm" ? 1 : Number("Z"),
            Alignment = (int)Real("alignment"),
            BTilde = Enumeration<BTildeMode>("b_tilde"),
            SkipGradient = Enumeration<SkipGradientMode>("skip_gradient"),
            SkipProbability = Real("skip_probability"),
            Prior = Enumeration<PriorKind>("prior"),
            ReconstructionMean = Enumeration<ReconstructionMean>("reconstruction_mean"),
            GeneratorInput = Enumeration<GeneratorInput>("generator_input"),
            TargetGradientB = Flag("target_gradient_b"),
            TargetGradientH = Flag("target_gradient_h"),
            Alpha = Real("alpha"),
            Beta = Real("beta"),
            Gamma = Real("gamma"),
            KlWeight = Real("kl_weight"),
            LeakyReluSlope = Real("leaky_relu_slope"),
            ActivationClip = Value("activation_clip")?.GetDouble(),
            LogVarianceMin = Real("log_variance_min"),
            LogVarianceMax = Real("log_variance_max"),
            OutputLogVarianceMin = Real("log_variance_min"),
            OutputLogVarianceMax = Real("log_variance_max"),
        };
    }

    public string Name { get; }

    public ModelConfiguration Model { get; }

    public int T => Number("T");

    public int B => Number("B");

    public IEnumerable<string> TensorNames => _tensors.Keys;

    public bool Has(string name) => _tensors.ContainsKey(name);

    public int[] Shape(string name) => _tensors[name].Shape;

    public double[] Tensor(string name) => Read<double>(name, "F64");

    public long[] Ids(string name) => Read<long>(name, "I64");

    /// <summary>Names of everything that a computation must reproduce: values, losses, bounds and gradients.</summary>
    public IEnumerable<string> Expectations => TensorNames.Where(
        name => !name.StartsWith("input.", StringComparison.Ordinal) && !name.StartsWith("param.", StringComparison.Ordinal));

    /// <summary>Validity of each row of a value or loss sequence, whose padded steps may hold anything; null where every entry counts.</summary>
    public double[]? RowValidity(string name)
    {
        if ((!name.StartsWith("value.", StringComparison.Ordinal) && !name.StartsWith("loss.", StringComparison.Ordinal)) || Shape(name).Length < 2)
            return null;
        var validity = Tensor("input.validity");
        return Shape(name)[0] == T + 1 ? validity : validity[B..];
    }

    public override string ToString() => Name;

    T[] Read<T>(string name, string type) where T : struct
    {
        var (actual, shape, start, end) = _tensors[name];
        Assert.Equal(type, actual);
        Assert.Equal(shape.Aggregate(1, (product, size) => product * size) * 8, end - start);
        return MemoryMarshal.Cast<byte, T>(_data.AsSpan(start, end - start)).ToArray();
    }

    // A case has only the keys of its model: what is absent or null takes the default.
    JsonElement? Value(string key) => _config.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    string Text(string key) => _config.GetProperty(key).GetString()!;

    int Number(string key) => _config.GetProperty(key).GetInt32();

    bool Flag(string key) => Value(key)?.GetBoolean() ?? false;

    double Real(string key) => Value(key)?.GetDouble() ?? 0;

    TEnum Enumeration<TEnum>(string key) where TEnum : struct
        => Value(key) is { } value ? JsonSerializer.Deserialize<TEnum>(value.GetRawText(), EnumNames) : default;
}
