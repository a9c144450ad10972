using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;

namespace VBiLstm.Tests.Evaluation;

/// <summary>
/// A model whose parameters are zero but for those that a test sets, so that its distributions are known: a net without weights gives its
/// output bias whatever it reads, and a net through <see cref="Pass"/> is linear.
/// </summary>
sealed class KnownModel : IDisposable
{
    // Lifts a hidden unit to where leaky ReLU is the identity, for everything that a test sends through it.
    const double Lift = 16;

    // Behind the logistic function and in float32: 1, and with the sign turned 0.
    const double Open = 120;

    readonly CpuDevice _device = new(1);

    public KnownModel(ModelConfiguration model)
    {
        Parameters = new ModelParameters(_device, model, training: false);
        foreach (var parameter in Parameters.Layout.All)
            Set(parameter.Name, (_, _) => 0);
    }

    public ModelParameters Parameters { get; }

    public ModelConfiguration Model => Parameters.Model;

    public void Set(string name, Func<int, int, double> value)
    {
        var parameter = Parameters.Layout[name];
        var values = new float[parameter.Rows * parameter.Columns];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)value(i / parameter.Columns, i % parameter.Columns);
        _device.Upload(values, Parameters.Value(name));
    }

    /// <summary>Gives every parameter some value, so that everything depends on everything.</summary>
    public void SetAll()
    {
        foreach (var (index, parameter) in Parameters.Layout.All.Index())
            Set(parameter.Name, (row, column) => Math.Sin(1 + 7 * index + 3 * row + 11 * column));
    }

    /// <summary>What a net gives, whatever it reads.</summary>
    public void SetOutput(string net, params double[] values)
    {
        Assert.Equal(Parameters.Layout[$"{net}.output.bias"].Columns, values.Length);
        Set($"{net}.output.bias", (_, column) => values[column]);
    }

    /// <summary>Makes a net give <c>values + slopes · x</c> of input <paramref name="row"/> of <paramref name="weight"/>; for |x| below 16.</summary>
    public void Pass(string net, string weight, int row, double[] slopes, double[] values)
    {
        Set(weight, (r, column) => r == row && column == 0 ? 1 : 0);
        Set($"{net}.hidden.bias", (_, column) => column == 0 ? Lift : 0);
        Set($"{net}.output.weight", (hidden, column) => hidden == 0 ? slopes[column] : 0);
        SetOutput(net, [.. values.Select((value, column) => value - Lift * slopes[column])]);
    }

    /// <summary>Makes an LSTM forget everything but its input: h = <see cref="StateOf"/> of input · weights, [input, unit].</summary>
    public void ReadInputOnly(string lstm, Func<int, int, double> weights)
    {
        var h = Model.LstmUnits;
        Set($"{lstm}.weight_input", (row, column) => column / h == 2 ? weights(row, column % h) : 0);
        Set($"{lstm}.bias", (_, column) => (column / h) switch { 1 => -Open, 2 => 0, _ => Open });
    }

    public static double StateOf(double input) => Math.Tanh(Math.Tanh(input));

    public EvaluationResult Posterior(SequenceDataset data, int rows, LatentMode mode = LatentMode.Sampled, int importanceSamples = 0,
        Action<double>? progress = null, CancellationTokenSource? stop = null, Action<SequenceScore>? each = null)
    {
        using var step = new TrainingStep(_device, Parameters, data.MaximumLength, rows, training: null);
        return new Evaluator(step).Evaluate(data, mode, importanceSamples, progress, each, stop?.Token ?? TestContext.Current.CancellationToken);
    }

    /// <summary>Evaluations of one evaluator after the other.</summary>
    public void Evaluations(SequenceDataset data, int rows, Action<Func<LatentMode, EvaluationResult>> evaluate)
    {
        using var step = new TrainingStep(_device, Parameters, data.MaximumLength, rows, training: null);
        var evaluator = new Evaluator(step);
        evaluate(mode => evaluator.Evaluate(data, mode, cancellation: TestContext.Current.CancellationToken));
    }

    public EvaluationResult Prior(SequenceDataset data, int rows, LatentMode mode = LatentMode.Sampled, Action<double>? progress = null,
        CancellationTokenSource? stop = null, int trajectories = 1, bool resamples = false, IReadOnlyList<double>? latents = null)
    {
        using var prior = new PriorMode(_device, Parameters, rows * trajectories, sampled: mode == LatentMode.Sampled, fixesLatents: latents is not null);
        if (latents is not null)
            prior.FixLatents(latents);
        return PriorModeScore.Evaluate(prior, data, mode, progress: progress, cancellation: stop?.Token ?? TestContext.Current.CancellationToken,
            trajectories: trajectories, resamples: resamples);
    }

    public Beginning Beginning(SequenceDataset sequences, int steps, int rows, long seed = 1)
        => new(_device, Parameters, sequences, steps, rows, seed, sampled: true);

    public PriorMode PriorMode(int rows, bool sampled = true) => new(_device, Parameters, rows, sampled);

    /// <summary>Writes the model as a checkpoint of a run that did <paramref name="step"/> steps.</summary>
    public void WriteCheckpoint(string folder, RunConfiguration configuration, DataIdentity data, long step)
    {
        var weights = ParameterFiles.OnDevice(_device, Parameters.Layout, Parameters.Values);
        var state = new TrainingState { Configuration = configuration with { Model = Model }, Step = step };
        CheckpointFolder.Write(folder, state, data, weights, weights, weights);
    }

    public void Dispose()
    {
        Parameters.Dispose();
        _device.Dispose();
    }
}
