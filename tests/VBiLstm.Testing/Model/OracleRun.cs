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
        Step = new TrainingStep(device, Parameters, oracle.T, oracle.B, training: true, inputGradient, maximumOutputs);
        Step.Load(Batch());
        var buffers = Step.Buffers;
        Upload("input.eps_z", buffers.EpsilonZ);
        Upload("input.eps_b", buffers.EpsilonB);
        Upload("input.skip_mask", buffers.SkipMask);
        Upload("input.h0", buffers.H.RowRange(0, oracle.B));
        Upload("input.c0", buffers.C.RowRange(0, oracle.B));
    }

    public OracleCase Oracle { get; }

    public ModelParameters Parameters { get; }

    public TrainingStep Step { get; }

    /// <summary>Runs both passes and returns every tensor of the oracle that this device computes, by its name there.</summary>
    public IReadOnlyDictionary<string, double[]> Run()
    {
        var (b, t) = (Oracle.B, Oracle.T);
        var a = Step.Buffers;
        var model = Oracle.Model;
        Step.Forward();
        if (model.IsCategorical)
            Take("value.embedded", a.Embedded);
        Take("value.backward_h", a.BackwardH.RowRange(0, (t + 1) * b));
        if (!_device.OpaqueRecurrences)
            Take("value.backward_c", a.BackwardC.RowRange(0, (t + 1) * b));
        Take("value.b", a.BackwardH.RowRange(model.Alignment * b, t * b));
        TakeGaussian("posterior", a.PosteriorOutput);
        TakeGaussian("prior", a.PriorOutput);
        TakeGaussian("psi", a.PsiOutput);
        TakeGaussian("xi", a.XiOutput);
        if (model.HasChannel && !model.HasLearnedPrior)
            _scratch["value.prior.mean"] = _scratch["value.prior.logvar"] = new double[t * b * model.LatentUnits];
        Take("value.z", a.Z);
        Take("value.b_tilde", a.BTilde);
        Take("value.h", a.H.RowRange(b, t * b));
        if (model.HasChannel || !_device.OpaqueRecurrences)
            Take("value.c", a.C.RowRange(b, t * b));
        var holdsAllOutputs = a.Output.Rows == t * b;
        if (holdsAllOutputs)
            Take("value.output", a.Output);
        Take("loss.nll", a.Nll);
        Take("loss.kl", a.Kl);
        Take("loss.log_p_psi", a.LogPPsi);
        Take("loss.log_p_xi", a.LogPXi);
        if (model.Gamma > 0)
            Take("loss.activity", a.Activity);
        var metrics = Step.ReadMetrics();
        _scratch["loss.total"] = [metrics.Objective];
        _scratch["bound.mean"] = [metrics.Bound];
        var (nll, kl) = (new double[b], new double[b]);
        Step.SequenceScores(nll, kl, []);
        _scratch["bound.per_sequence"] = [.. nll.Zip(kl, (n, k) => -n - k)];

        TakeReverseScratch(a, model);
        Step.Backward();
        foreach (var parameter in Parameters.Layout.All)
            Take("grad." + parameter.Name, parameter.In(Parameters.Gradients));
        if (holdsAllOutputs)
            Take("grad.output", a.Output);
        Take("grad.embedded", a.DEmbedded);
        var dh = Read(model.HasChannel ? a.RecurrentProduct.ColumnRange(0, model.LstmUnits) : a.DHRecurrent);
        _scratch["grad.h0"] = [.. dh.Zip(Read(a.DH.RowRange(0, b)), (recurrent, direct) => recurrent + direct)];
        Take("grad.c0", a.DC);
        return _scratch;
    }

    // dz and db̃ of a step stand in scratch memory while the reverse loop is at that step.
    void TakeReverseScratch(Activations a, ModelConfiguration model)
    {
        if (!model.HasChannel)
            return;
        var (b, t, h, z) = (Oracle.B, Oracle.T, model.LstmUnits, model.LatentUnits);
        var dz = _scratch["grad.z"] = new double[t * b * z];
        var dbTilde = model.FeedsBTilde ? _scratch["grad.b_tilde"] = new double[t * b * h] : [];
        Step.AfterReverseStep = step =>
        {
            Sum(a.RecurrentProduct.ColumnRange(h, z), a.DZ.RowRange(step * b, b)).CopyTo(dz, step * b * z);
            if (model.FeedsBTilde)
                Sum(a.RecurrentProduct.ColumnRange(h + z, h), a.DBTilde.RowRange(step * b, b)).CopyTo(dbTilde, step * b * h);
        };
    }

    double[] Sum(Tensor x, Tensor y) => y.IsEmpty ? Read(x) : [.. Read(x).Zip(Read(y), (left, right) => left + right)];

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
        Take($"value.{net}.mean", output.ColumnRange(0, n));
        _scratch[$"value.{net}.logvar"] = [.. Read(output.ColumnRange(n, n)).Select(value => Math.Clamp(value, (float)model.LogVarianceMin, (float)model.LogVarianceMax))];
    }

    void Take(string name, Tensor tensor)
    {
        if (!tensor.IsEmpty)
            _scratch[name] = Read(tensor);
    }

    double[] Read(Tensor tensor)
    {
        var values = new float[tensor.Count];
        _device.Download(tensor, values);
        return Array.ConvertAll(values, value => (double)value);
    }

    void Upload(string name, Tensor target)
    {
        if (!target.IsEmpty && Oracle.Has(name))
            _device.Upload(Single(Oracle.Tensor(name)), target);
    }

    static float[] Single(double[] values) => Array.ConvertAll(values, value => (float)value);

    public void Dispose()
    {
        Step.Dispose();
        Parameters.Dispose();
    }
}
