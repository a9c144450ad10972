using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace VBiLstm.Training;

/// <summary>
/// The observer that writes a training to a program's log: steps for debugging, evaluations and checkpoints as information, steps without an update and
/// whatever else went wrong as warnings. Each has a name and named values (Step, Bound, SamplesPerSecond …). What the log does not take costs nothing.
/// </summary>
public sealed partial class TrainingLog : ITrainingObserver
{
    readonly ILogger _logger;
    long _previous = Stopwatch.GetTimestamp();

    /// <param name="logger">Where it is written; what it throws ends the training.</param>
    public TrainingLog(ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(logger);
        _logger = logger;
    }

    /// <inheritdoc/>
    public void OnStep(in StepReport report)
    {
        var (previous, now) = (_previous, Stopwatch.GetTimestamp());
        _previous = now;
        if (!report.Metrics.IsFinite)
            StepWithoutUpdate(report.Step, report.Skipped);
        else if (_logger.IsEnabled(LogLevel.Debug))
            Step(report.Step, report.TotalSteps, report.Metrics.Bound, report.Metrics.GradientNorm, report.LearningRate,
                report.Sequences / Stopwatch.GetElapsedTime(previous, now).TotalSeconds);
    }

    /// <inheritdoc/>
    public void OnEvaluation(EvaluationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        Evaluation(report.Step, report.Result.Bound, report.Result.Nll, report.Result.Kl, report.IsBest);

        // The time of an evaluation is none of a step's.
        _previous = Stopwatch.GetTimestamp();
    }

    /// <inheritdoc/>
    public void OnSaving(long step) => Checkpoint(step);

    /// <inheritdoc/>
    public void OnWarning(string message) => Trouble(message);

    [LoggerMessage(1, LogLevel.Debug, "Step {Step} of {TotalSteps}: bound {Bound:F2} nats, gradient norm {GradientNorm:F2}, learning rate {LearningRate}, "
        + "{SamplesPerSecond:F0} samples/s", SkipEnabledCheck = true)]
    partial void Step(long step, long totalSteps, float bound, float gradientNorm, double learningRate, double samplesPerSecond);

    [LoggerMessage(2, LogLevel.Information, "Step {Step}: validation bound {Bound:F2} nats, NLL {Nll:F2}, KL {Kl:F2}, best so far: {IsBest}")]
    partial void Evaluation(long step, double bound, double nll, double kl, bool isBest);

    [LoggerMessage(3, LogLevel.Information, "Step {Step}: a checkpoint is written")]
    partial void Checkpoint(long step);

    [LoggerMessage(4, LogLevel.Warning, "Step {Step} was not finite and updated nothing; {Skipped} of that kind so far")]
    partial void StepWithoutUpdate(long step, long skipped);

    [LoggerMessage(5, LogLevel.Warning, "{Warning}")]
    partial void Trouble(string warning);
}
