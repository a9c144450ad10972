using System.Globalization;
using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Model.Models;

namespace VBiLstm.Export;

/// <summary>
/// The generative process of model.md section 2.6 as an ONNX model: one time step, with the state and the noise as inputs, or for models without latents a
/// whole sequence. The weights are those of a checkpoint under their names there.
/// </summary>
sealed class GenerativeOnnx
{
    const string Batch = "batch", Time = "time";

    readonly OnnxGraph _graph = new();
    readonly ModelConfiguration _model;
    readonly Dictionary<string, NamedTensor> _weights;
    readonly int _h, _z;

    readonly string _configuration;

    GenerativeOnnx(Checkpoint checkpoint)
    {
        (_model, _configuration) = (checkpoint.State.Configuration.Model, ConfigurationFile.ToText(checkpoint.State.Configuration));
        _weights = checkpoint.Weights.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        (_h, _z) = (_model.LstmUnits, _model.LatentUnits);
    }

    /// <summary>
    /// Writes one time step. Inputs: token [B] (int64) or x [B, D]; the states h and c [B, H] (srnn also z [B, Z], vrnn feature_z [B, M]), zeros before the
    /// first step; with latents epsilon_z [B, Z] and, where b̃ is sampled, epsilon_b_tilde [B, H], standard normal, or zeros for the means. Outputs: output
    /// [B, O], the pre-activations o_t of the output distribution; each state under its name with _next; with latents z_t.
    /// </summary>
    /// <param name="path">The file; an old one stays whole until the new one is.</param>
    /// <param name="checkpoint">As read.</param>
    /// <exception cref="ConfigurationException">The model reads the future, or is larger than an ONNX file can be.</exception>
    public static void WriteStep(string path, Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        if (SequenceModel.Of(checkpoint.State.Configuration.Model).ReadsFuture)
            throw new ConfigurationException("This model reads the future of what it predicts; it has no generative step.");
        var export = new GenerativeOnnx(checkpoint);
        export.Step();
        export.Write(path, "One step of the generative process; o_t are pre-activations of the output distribution.");
    }

    /// <summary>
    /// Writes a whole sequence. Inputs: token [T, B] (int64) or x [T, B, D], h and c [1, B, H]. Outputs: output [T, B, O], h_next and c_next [1, B, H].
    /// </summary>
    /// <param name="path">The file; an old one stays whole until the new one is.</param>
    /// <param name="checkpoint">As read.</param>
    /// <exception cref="ConfigurationException">The model is no lstm or twin-net without zoneout, or is larger than an ONNX file can be.</exception>
    public static void WriteSequence(string path, Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var model = checkpoint.State.Configuration.Model;
        if (model.Kind is not (ModelKind.Lstm or ModelKind.TwinNet) || model.ZoneoutCell > 0 || model.ZoneoutHidden > 0)
            throw new ConfigurationException("Only lstm and twin-net without zoneout have a whole sequence as one ONNX operator; export the time step.");
        var export = new GenerativeOnnx(checkpoint);
        export.Sequence();
        export.Write(path, "A whole sequence; the output at each step are pre-activations of the output distribution of the next value.");
    }

    void Write(string path, string description)
        => AtomicFile.Write(path, stream => _graph.Write(stream, description, [("vbilstm.configuration", _configuration)]));

    void Step()
    {
        var x = X(Batch);
        var (h, c) = (State("h", _h), State("c", _h));
        string output;
        switch (_model.Kind)
        {
            case ModelKind.VariationalBiLstm:
                {
                    var z = Latent(ChannelPrior(h, x));
                    var moments = Net("psi", ("psi.hidden.weight_z", z));
                    var bTilde = Sample(moments, _h, "epsilon_b_tilde", isNoisy: _model.BTilde == BTildeMode.Sample,
                        hasTanhMean: _model.ReconstructionMean == ReconstructionMean.Tanh,
                        isUnit: _model.ReconstructionVariance == ReconstructionVariance.Unit);
                    h = Lstm(h, c, ("weight_input", x), ("weight_z", z), ("weight_b_tilde", bTilde));
                    var read = _model.GeneratorInput == GeneratorInput.HZBTilde ? _graph.Node("Concat", [h, z, bTilde], ("axis", 1, true)) : h;
                    output = Net("generator", ("generator.hidden.weight", read));
                    break;
                }

            case ModelKind.ZForcing:
                {
                    var z = Latent(ChannelPrior(h, x));
                    h = Lstm(h, c, ("weight_input", x), ("weight_z", z));
                    output = Net("generator", ("generator.hidden.weight", h));
                    break;
                }

            case ModelKind.Vrnn:
                {
                    var feature = State("feature_z", _model.MlpUnits);
                    h = Lstm(h, c, ("weight_input", Feature("feature_x", x)), ("weight_feature_z", feature));
                    feature = Feature("feature_z", Latent(("prior.hidden.weight_h", h)));
                    _graph.Output("feature_z_next", feature, Batch, Size(_model.MlpUnits));
                    output = Net("generator", ("generator.hidden.weight", _graph.Node("Concat", [h, feature], ("axis", 1, true))));
                    break;
                }

            case ModelKind.Srnn:
                {
                    var before = State("z", _z);
                    h = Lstm(h, c, ("weight_input", x));
                    var z = Latent(("prior.hidden.weight_h", h), ("prior.hidden.weight_z", before));
                    output = Net("generator", ("generator.hidden.weight", _graph.Node("Concat", [h, z], ("axis", 1, true))));
                    break;
                }

            default:
                h = Lstm(h, c, ("weight_input", x));
                output = Net("generator", ("generator.hidden.weight", h));
                break;
        }

        _graph.Output("output", output, Batch, Size(Width));
    }

    void Sequence()
    {
        var x = X(Time, Batch);
        var (h, c) = (_graph.Input("h", "1", Batch, Size(_h)), _graph.Input("c", "1", Batch, Size(_h)));
        var (input, recurrent) = (_weights["forward_lstm.weight_input"], _weights["forward_lstm.weight_recurrent"]);
        float[] bias = [.. Reordered(_weights["forward_lstm.bias"].Values, 1), .. new float[4 * _h]];
        var outputs = _graph.Nodes("LSTM", 3,
        [
            x, _graph.Weights("lstm.W", Reordered(input.Values, input.Shape[0]), 1, 4 * _h, input.Shape[0]),
            _graph.Weights("lstm.R", Reordered(recurrent.Values, _h), 1, 4 * _h, _h), _graph.Weights("lstm.B", bias, 1, 8 * _h), "", h, c,
        ], ("hidden_size", _h, true));
        var states = _graph.Node("Squeeze", outputs[0], _graph.Integers("axis 1", 1)); // the operator's directions
        _graph.Output("h_next", outputs[1], "1", Batch, Size(_h));
        _graph.Output("c_next", outputs[2], "1", Batch, Size(_h));
        _graph.Output("output", Net("generator", ("generator.hidden.weight", states)), Time, Batch, Size(Width));
    }

    int Width => _weights["generator.output.bias"].Values.Length;

    // [inputs, 4H] of the gates i, f, u, o as [4H, inputs] of ONNX's i, o, f, c.
    float[] Reordered(float[] values, int inputs)
    {
        int[] order = [0, 3, 1, 2];
        var result = new float[values.Length];
        for (var gate = 0; gate < 4; gate++)
            for (var unit = 0; unit < _h; unit++)
                for (var row = 0; row < inputs; row++)
                    result[(gate * _h + unit) * inputs + row] = values[row * 4 * _h + order[gate] * _h + unit];
        return result;
    }

    // What the LSTM reads, from an input of the graph.
    string X(params string[] sizes) => _model.IsCategorical
        ? _graph.Node("Gather", Weight("embedding.weight"), _graph.IdInput("token", sizes))
        : _graph.Input("x", [.. sizes, Size(_model.FrameSize)]);

    string State(string name, int units) => _graph.Input(name, Batch, Size(units));

    // The cell of model.md section 2.2; h_t, and the next states as outputs.
    string Lstm(string h, string c, params (string Weight, string Input)[] inputs)
    {
        var read = inputs.Select(input => ($"forward_lstm.{input.Weight}", input.Input));
        var gates = _graph.Split(Affine([("forward_lstm.weight_recurrent", h), .. read], "forward_lstm.bias"), 4, _h);
        var (i, f, o) = (_graph.Node("Sigmoid", gates[0]), _graph.Node("Sigmoid", gates[1]), _graph.Node("Sigmoid", gates[3]));
        var u = _graph.Node("Tanh", gates[2]);
        var newC = _graph.Node("Add", _graph.Node("Mul", f, c), _graph.Node("Mul", i, u));
        var newH = _graph.Node("Mul", o, _graph.Node("Tanh", newC));
        newC = Zoneout(c, newC, _model.ZoneoutCell);
        newH = Zoneout(h, newH, _model.ZoneoutHidden);
        _graph.Output("h_next", newH, Batch, Size(_h));
        _graph.Output("c_next", newC, Batch, Size(_h));
        return newH;
    }

    // Its expectation.
    string Zoneout(string old, string next, double kept) => kept == 0
        ? next
        : _graph.Node("Add", _graph.Node("Mul", old, _graph.Constant((float)kept)), _graph.Node("Mul", next, _graph.Constant((float)(1 - kept))));

    // What the prior of a channel reads.
    (string Weight, string Input)[] ChannelPrior(string h, string x) => _model.PriorInput == PriorInput.HX
        ? [("prior.hidden.weight_h", h), ("prior.hidden.weight_x", x)]
        : [("prior.hidden.weight_h", h)];

    // z_t from the prior given what it reads; an output, too.
    string Latent(params (string Weight, string Input)[] inputs)
    {
        var z = _weights.ContainsKey("prior.output.weight")
            ? Sample(Net("prior", inputs), _z, "epsilon_z", isNoisy: true, hasTanhMean: false, isUnit: false)
            : _graph.Input("epsilon_z", Batch, Size(_z));
        _graph.Output(_model.Kind == ModelKind.Srnn ? "z_next" : "z_t", z, Batch, Size(_z));
        return z;
    }

    string Sample(string moments, int units, string noise, bool isNoisy, bool hasTanhMean, bool isUnit)
    {
        var parts = _graph.Split(moments, 2, units);
        var mean = hasTanhMean ? _graph.Node("Tanh", parts[0]) : parts[0];
        if (!isNoisy)
            return mean;
        var epsilon = _graph.Input(noise, Batch, Size(units));
        if (isUnit)
            return _graph.Node("Add", mean, epsilon);
        var logVariance = _graph.Node("Clip", parts[1], _graph.Constant((float)_model.LogVarianceMin), _graph.Constant((float)_model.LogVarianceMax));
        var deviation = _graph.Node("Exp", _graph.Node("Mul", logVariance, _graph.Constant(0.5f)));
        return _graph.Node("Add", mean, _graph.Node("Mul", deviation, epsilon));
    }

    string Net(string name, params (string Weight, string Input)[] inputs)
        => Affine([($"{name}.output.weight", Phi(Affine(inputs, $"{name}.hidden.bias")))], $"{name}.output.bias");

    string Feature(string name, string input) => Phi(Affine([($"{name}.weight", input)], $"{name}.bias"));

    string Affine(IEnumerable<(string Weight, string Input)> inputs, string bias)
        => inputs.Aggregate(Weight(bias), (sum, input) => _graph.Node("Add", sum, _graph.Node("MatMul", input.Input, Weight(input.Weight))));

    string Phi(string value)
    {
        var result = _graph.Node("LeakyRelu", [value], ("alpha", _model.LeakyReluSlope, false));
        return _model.ActivationClip is { } clip ? _graph.Node("Clip", result, _graph.Constant((float)-clip), _graph.Constant((float)clip)) : result;
    }

    string Weight(string name) => _graph.Weights(name, _weights[name].Values, [.. _weights[name].Shape]);

    static string Size(int size) => size.ToString(CultureInfo.InvariantCulture);
}
