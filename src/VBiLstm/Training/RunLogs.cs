using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Model;
using VBiLstm.Runs;

namespace VBiLstm.Training;

/// <summary>Everything that a training logs beside its checkpoints: metrics.jsonl, timing.jsonl and TensorBoard events. None of it can end the training.</summary>
sealed class RunLogs : IDisposable
{
    readonly MetricsLog _metrics;
    readonly TimingLog _timing;
    readonly TensorBoardLog _board;
    readonly RunConfiguration _configuration;

    /// <param name="folder">Of the run.</param>
    /// <param name="resumed">Where the run stands.</param>
    /// <param name="warn">Told of what is missing or cannot be written.</param>
    public RunLogs(RunFolder folder, TrainingState resumed, Action<string> warn)
    {
        _configuration = resumed.Configuration;
        _metrics = new MetricsLog(folder.Metrics, resumed.Step, resumed.EvaluationIsPending, warn);
        _timing = new TimingLog(folder.Timing, warn);
        _board = new TensorBoardLog(folder.Path, resumed.Step, warn);
        _board.Hyperparameters(ConfigurationKey.Values(_configuration));
    }

    public void Step(TrainingState state, in StepMetrics metrics, double learningRate, int samples)
    {
        _metrics.Write(state.Step, "train",
        [
            ("bound", metrics.Bound), ("nll", metrics.Nll), ("kl", metrics.Kl), ("log_p_psi", metrics.LogPPsi), ("log_p_xi", metrics.LogPXi),
            ("objective", metrics.Objective), ("gradient_norm", metrics.GradientNorm), ("learning_rate", learningRate), ("skipped_steps", state.SkippedSteps),
        ]);
        foreach (var (tag, value) in new[] { ("bound", metrics.Bound), ("nll", metrics.Nll), ("kl", metrics.Kl), ("log_p_psi", metrics.LogPPsi), ("log_p_xi", metrics.LogPXi), ("activity", metrics.Activity),
            ("objective", metrics.Objective), ("gradient_norm", metrics.GradientNorm), ("learning_rate", learningRate), ("kl_weight", Schedules.KlWeight(_configuration.Model, _configuration.Training, state.Step - 1)) })
            _board.Scalar("train/" + tag, state.Step, value);
        if (_timing.Add(state.Step, samples) is not { } timing)
            return;
        _board.Scalar("timing/samples_per_second", state.Step, timing.SamplesPerSecond);
        _board.Scalar("timing/memory_megabytes", state.Step, timing.MemoryBytes / 1e6);
    }

    public void Evaluation(long step, EvaluationResult result)
    {
        var values = new[] { ("bound", result.Bound), ("nll", result.Nll), ("kl", result.Kl), ("active_units", (double)result.ActiveUnits) };
        _metrics.Write(step, "validation", values);
        foreach (var (tag, value) in values)
            _board.Scalar("validation/" + tag, step, value);
    }

    public void Flush()
    {
        _metrics.Flush();
        _board.Flush();
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _timing.Dispose();
        _board.Dispose();
    }
}
