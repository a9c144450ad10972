using System.Diagnostics;
using Spectre.Console;
using VBiLstm.Cli.Execution;
using VBiLstm.Training;

namespace VBiLstm.Cli.Display;

/// <summary>Progress of a run: a live line on a terminal, a plain line each few seconds elsewhere (batch systems' logs).</summary>
static class TrainingDisplay
{
    static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(5);

    public static TrainingOutcome Run(Trainer trainer, CancellationToken cancellation)
    {
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
            return trainer.Run(new Plain(trainer.State.Step), cancellation);
        return AnsiConsole.Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new TimeLeftColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context =>
            {
                var task = context.AddTask("starting", maxValue: trainer.TotalSteps);
                task.Value = trainer.State.Step;
                return trainer.Run(new Live(task, trainer.State.Step), cancellation);
            });
    }

    static string Describe(in StepReport report, Throughput throughput)
    {
        var metrics = report.Metrics;
        var skipped = report.Skipped > 0 ? $"  {report.Skipped} skipped" : "";
        return $"step {report.Step:N0}/{report.TotalSteps:N0}  bound {metrics.Bound:F2}  NLL {metrics.Nll:F2}  KL {metrics.Kl:F2}  gradient "
            + $"{metrics.GradientNorm:F2}  {throughput.SamplesPerSecond:N0} samples/s{skipped}";
    }

    static string Describe(EvaluationReport report)
        => $"step {report.Step:N0}  validation bound {report.Result.Bound:F2}  NLL {report.Result.Nll:F2}  KL "
            + $"{report.Result.Kl:F2}{(report.IsBest ? "  best" : "")}";

    sealed class Throughput(long firstStep)
    {
        readonly Stopwatch _clock = Stopwatch.StartNew();
        long _samples;

        public double SamplesPerSecond => _samples / Math.Max(1e-9, _clock.Elapsed.TotalSeconds);

        public void Add(in StepReport report) => _samples += report.Sequences;

        public string TimeLeft(in StepReport report)
            => DurationText.Of(_clock.Elapsed.TotalSeconds * (report.TotalSteps - report.Step) / Math.Max(1, report.Step - firstStep));
    }

    sealed class Plain(long firstStep) : ITrainingObserver
    {
        readonly Throughput _throughput = new(firstStep);
        readonly Stopwatch _sinceLine = Stopwatch.StartNew();

        public void OnStep(in StepReport report)
        {
            _throughput.Add(report);
            if (_sinceLine.Elapsed < PlainInterval && report.Step != firstStep + 1)
                return;
            Console.WriteLine($"{Describe(report, _throughput)}  {_throughput.TimeLeft(report)} left");
            _sinceLine.Restart();
        }

        public void OnEvaluating(long step, double share)
        {
            if (_sinceLine.Elapsed < PlainInterval)
                return;
            Console.WriteLine($"step {step:N0}  validation {share:P0}");
            _sinceLine.Restart();
        }

        public void OnEvaluation(EvaluationReport report) => Console.WriteLine(Describe(report));

        public void OnWarning(string message) => Warning.Print(message);
    }

    sealed class Live(ProgressTask task, long firstStep) : ITrainingObserver
    {
        readonly Throughput _throughput = new(firstStep);

        public void OnStep(in StepReport report)
        {
            _throughput.Add(report);
            task.Description = Describe(report, _throughput);
            task.Value = report.Step;
        }

        public void OnEvaluating(long step, double share) => task.Description = $"step {step:N0}  validation {share:P0}";

        public void OnEvaluation(EvaluationReport report) => AnsiConsole.WriteLine(Describe(report));

        public void OnWarning(string message) => Warning.Print(message);
    }
}
