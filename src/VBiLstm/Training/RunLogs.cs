using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Model;
using VBiLstm.Runs;

namespace VBiLstm.Training;

/// <summary>The observer that logs a run beside its checkpoints: metrics.jsonl, timing.jsonl and TensorBoard events. None of it can end the training.</summary>
sealed class RunLogs : ITrainingObserver, IDisposable
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

    public void OnStep(in StepReport report)
    {
        var (step, metrics) = (report.Step, report.Metrics);
        _metrics.Write(step, "train",
        [
            ("bound", metrics.Bound), ("nll", metrics.Nll), ("kl", metrics.Kl), ("log_p_psi", metrics.LogPPsi), ("log_p_xi", metrics.LogPXi),
            ("objective", metrics.Objective), ("gradient_norm", metrics.GradientNorm), ("learning_rate", report.LearningRate),
            ("skipped_steps", report.Skipped),
        ]);
        foreach (var (tag, value) in new[] { ("bound", metrics.Bound), ("nll", metrics.Nll), ("kl", metrics.Kl), ("log_p_psi", metrics.LogPPsi),
            ("log_p_xi", metrics.LogPXi), ("activity", metrics.Activity),
            ("objective", metrics.Objective), ("gradient_norm", metrics.GradientNorm), ("learning_rate", report.LearningRate),
            ("kl_weight", Schedules.KlWeight(_configuration.Model, _configuration.Training, step - 1)) })
            _board.Scalar("train/" + tag, step, value);
        if (_timing.Add(step, report.Sequences) is not { } timing)
            return;
        _board.Scalar("timing/samples_per_second", step, timing.SamplesPerSecond);
        _board.Scalar("timing/memory_megabytes", step, timing.MemoryBytes / 1e6);
    }

    public void OnEvaluation(EvaluationReport report)
    {
        var (step, result) = (report.Step, report.Result);
        var values = new[] { ("bound", result.Bound), ("nll", result.Nll), ("kl", result.Kl), ("active_units", (double)result.ActiveUnits) };
        Write("validation", values);
        foreach (var (mode, prior) in report.PriorMode)
            Write(PriorModeSplit(mode), [("nll", prior.Nll), ("value", prior.InTaskUnit(_configuration.Model).Value)]);

        void Write(string split, ReadOnlySpan<(string Name, double Value)> values)
        {
            _metrics.Write(step, split, values);
            foreach (var (tag, value) in values)
                _board.Scalar($"{split}/{tag}", step, value);
        }
    }

    /// <summary>What stands in a line's field split where the validation split was scored in prior mode.</summary>
    internal static string PriorModeSplit(LatentMode mode) => mode switch
    {
        LatentMode.Sampled => "validation_prior_sampled",
        LatentMode.Mean => "validation_prior_mean",
        LatentMode.EmpiricalMean => "validation_prior_empirical_mean",
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "Not taken so."),
    };

    public void OnSaving(long step)
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
