using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Tests.Oracle;

namespace VBiLstm.Tests.Model;

/// <summary>A training step loaded with a golden case: parameters, data, noise, masks and initial state.</summary>
sealed class OracleRun : IDisposable
{
    readonly Device _device;
    readonly Dictionary<string, double[]> _scratch = [];

    /// <param name="device">Where it runs.</param>
    /// <param name="oracle">The case.</param>
    /// <param name="inputGradient">Whether each time step's input gets a gradient; without it, embeddings may be projected before they are gathered.</param>
    /// <param name="maximumOutputs">Outputs that may exist at once.</param>
    public OracleRun(Device device, OracleCase oracle, bool inputGradient = true, long maximumOutputs = long.MaxValue)
    {
        _device = device;
        Oracle = oracle;
        Parameters = new ModelParameters(device, oracle.Model, training: true);
        foreach (var parameter in Parameters.Layout.All)
            device.Upload(Single(oracle.Tensor("param." + parameter.Name)), parameter.In(Parameters.Values));
        Step = new TrainingStep(device, Parameters, oracle.T, oracle.B, new TrainingConfiguration(), inputGradient, maximumOutputs);
        Step.Load(Batch());
        Step.Apply(new StepSettings(1, 0, 0, oracle.Model.KlWeight, oracle.Model.Alpha, oracle.Model.Beta));
        foreach (var noise in new[] { "eps_z", "eps_b", "skip_mask" })
            if (Step.Find(noise) is { IsEmpty: false } tensor && oracle.Has("input." + noise))
                device.Upload(Single(oracle.Tensor("input." + noise)), tensor);
        Step.WriteState([.. Step.StateNames.Select(state => oracle.Has($"input.{state.Name}0")
            ? Single(oracle.Tensor($"input.{state.Name}0"))
            : new float[oracle.B * state.Units])]);
    }

    public OracleCase Oracle { get; }

    public ModelParameters Parameters { get; }

    public TrainingStep Step { get; }

    /// <summary>Runs both passes and returns every tensor of the oracle that this device computes, by its name there.</summary>
    public IReadOnlyDictionary<string, double[]> Run()
    {
        var (b, t) = (Oracle.B, Oracle.T);
        var model = Oracle.Model;
        Step.Forward();
        if (model.IsCategorical)
            Take("value.embedded", "embedded");
        Take("value.backward_h", "backward_h");
        Take("value.backward_c", "backward_c");
        if (Step.Find("backward_h") is { IsEmpty: false } backward)
            _scratch["value.b"] = Read(backward.RowRange(model.Alignment * b, t * b));
        foreach (var net in new[] { "posterior", "prior", "psi", "xi" })
            TakeGaussian(net, Step.Find(net + ".output"));
        if (model.HasChannel && !model.HasLearnedPrior)
            _scratch["value.prior.mean"] = _scratch["value.prior.logvar"] = new double[t * b * model.LatentUnits];
        foreach (var name in new[] { "z", "b_tilde", "h", "c", "output" })
            Take("value." + name, name);
        foreach (var name in new[] { "nll", "kl", "log_p_psi", "log_p_xi", "activity" })
            Take("loss." + name, name);
        var metrics = Step.ReadMetrics();
        _scratch["loss.total"] = [metrics.Objective];
        _scratch["bound.mean"] = [metrics.Bound];
        var (nll, kl) = (new double[b], new double[b]);
        Step.SequenceScores(nll, kl, []);
        _scratch["bound.per_sequence"] = [.. nll.Zip(kl, (n, k) => -n - k)];

        Step.Backward();
        foreach (var parameter in Parameters.Layout.All)
            Take("grad." + parameter.Name, "grad." + parameter.Name);
        Take("grad.output", "output");
        Take("grad.embedded", "grad.embedded");
        _scratch["grad.h0"] = Sum(Read(Step.Find("grad.h0.recurrent")), Read(Step.Find("grad.h.direct").RowRange(0, b)));
        Take("grad.c0", "grad.c0");
        TakeLatentGradients(model);
        return _scratch;
    }

    // dz and db̃ stand in a step's scratch memory only; here they are put together from what feeds them (model.md B5, 2 and 5).
    void TakeLatentGradients(ModelConfiguration model)
    {
        if (!model.HasChannel)
            return;
        _scratch["grad.z"] = Sum(Product("grad.gates", "forward_lstm.weight_z"), Read(Step.Find("grad.z.direct")));
        if (!model.FeedsBTilde)
            return;
        _scratch["grad.z"] = Sum(_scratch["grad.z"], Product("grad.psi.hidden", "psi.hidden.weight_z"));
        _scratch["grad.b_tilde"] = Product("grad.gates", "forward_lstm.weight_b_tilde");
        if (Step.Find("grad.b_tilde.direct") is { IsEmpty: false } direct)
            _scratch["grad.b_tilde"] = Sum(_scratch["grad.b_tilde"], Read(direct));
    }

    // dy Wᵀ in double.
    double[] Product(string dy, string weight)
    {
        var (left, w) = (Step.Find(dy), Parameters.Value(weight));
        var (x, matrix) = (Read(left), Read(w));
        var result = new double[left.Rows * w.Rows];
        for (var row = 0; row < left.Rows; row++)
            for (var i = 0; i < w.Rows; i++)
                for (var j = 0; j < w.Columns; j++)
                    result[row * w.Rows + i] += x[row * w.Columns + j] * matrix[i * w.Columns + j];
        return result;
    }

    static double[] Sum(double[] x, double[] y) => [.. x.Zip(y, (left, right) => left + right)];

    SequenceBatch Batch()
    {
        var model = Oracle.Model;
        var batch = new SequenceBatch(Oracle.T, Oracle.B, model.IsCategorical ? 0 : model.FrameSize) { Steps = Oracle.T, Sequences = Oracle.B };
        if (model.IsCategorical)
            Oracle.Ids("input.tokens").Select(id => (int)id).ToArray().CopyTo(batch.Tokens, 0);
        else
            Single(Oracle.Tensor("input.frames")).CopyTo(batch.Frames, 0);
        Oracle.Ids("input.lengths").Select(length => (int)length).ToArray().CopyTo(batch.Lengths, 0);
        return batch;
    }

    void TakeGaussian(string net, Tensor output)
    {
        if (output.IsEmpty)
            return;
        var n = output.Columns / 2;
        var model = Oracle.Model;
        _scratch[$"value.{net}.mean"] = Read(output.ColumnRange(0, n));
        _scratch[$"value.{net}.logvar"] =
            [.. Read(output.ColumnRange(n, n)).Select(value => Math.Clamp(value, (float)model.LogVarianceMin, (float)model.LogVarianceMax))];
    }

    void Take(string name, string tensorName)
    {
        if (Step.Find(tensorName) is { IsEmpty: false } tensor)
            _scratch[name] = Read(tensor);
    }

    double[] Read(Tensor tensor)
    {
        var values = new float[tensor.Count];
        _device.Download(tensor, values);
        return Array.ConvertAll(values, value => (double)value);
    }

    static float[] Single(double[] values) => Array.ConvertAll(values, value => (float)value);

    public void Dispose()
    {
        Step.Dispose();
        Parameters.Dispose();
    }
}
