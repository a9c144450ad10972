using System.Diagnostics;
using Spectre.Console;
using VBiLstm.Cli.Execution;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Training;

namespace VBiLstm.Cli.Display;

/// <summary>
/// Progress of a run: a live line on a terminal, a plain line each few seconds elsewhere (batch systems' logs), and its curves as they grow.
/// </summary>
static class TrainingDisplay
{
    static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(5);

    /// <summary>Trains, and says at the end what the figures mean that came on the way.</summary>
    public static TrainingOutcome Run(Trainer trainer, Device device, Action drawCurves, CancellationToken cancellation)
    {
        var hints = new TrainingHints(trainer.State.Configuration.Model);
        var share = device is CpuDevice cpu ? new ProcessorShare(cpu) : null;
        var outcome = Run(trainer, hints, new GrowingCurves(drawCurves), cancellation);
        foreach (var hint in hints.Tell().Concat(share?.Tell() is { } few ? [few] : []))
            Console.WriteLine($"hint    {hint}");
        return outcome;
    }

    static TrainingOutcome Run(Trainer trainer, TrainingHints hints, GrowingCurves curves, CancellationToken cancellation)
    {
        var first = trainer.State.Step;
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
            return trainer.Run(new Plain(first, hints, curves), cancellation);
        return LiveLine.Create().Start(context =>
        {
            var task = context.AddTask("starting", maxValue: trainer.TotalSteps);
            task.Value = first;
            return trainer.Run(new Live(task, first, hints, curves), cancellation);
        });
    }

    static string Describe(in StepReport report, Throughput throughput)
    {
        var metrics = report.Metrics;
        var skipped = report.Skipped > 0 ? $"  {report.Skipped} skipped" : "";
        return $"step {report.Step:N0}/{report.TotalSteps:N0}  bound {metrics.Bound:F2}  NLL {metrics.Nll:F2}  KL {metrics.Kl:F2}  gradient "
            + $"{metrics.GradientNorm:F2}  {throughput.Text} samples/s{skipped}";
    }

    static string Describe(EvaluationReport report)
        => $"step {report.Step:N0}  validation bound {report.Result.Bound:F2}  NLL {report.Result.Nll:F2}  KL "
            + $"{report.Result.Kl:F2}{(report.IsBest ? "  best" : "")}";

    sealed class Throughput(long firstStep)
    {
        readonly Stopwatch _clock = Stopwatch.StartNew();
        long _samples;

        public string Text
        {
            get
            {
                var rate = _samples / Math.Max(1e-9, _clock.Elapsed.TotalSeconds);
                return rate < 10 ? $"{rate:G2}" : $"{rate:N0}";
            }
        }

        public void Add(in StepReport report) => _samples += report.Sequences;

        public string TimeLeft(in StepReport report)
            => DurationText.Of(_clock.Elapsed.TotalSeconds * (report.TotalSteps - report.Step) / Math.Max(1, report.Step - firstStep));
    }

    // Drawing takes a twentieth of a training's time at most.
    sealed class GrowingCurves(Action draw)
    {
        const double Share = 0.05;

        static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(10);

        readonly Stopwatch _sinceDrawn = Stopwatch.StartNew();
        TimeSpan _interval = LeastInterval;

        public void Draw()
        {
            if (_sinceDrawn.Elapsed < _interval)
                return;
            _sinceDrawn.Restart();
            draw();
            _interval = TimeSpan.FromSeconds(Math.Max(LeastInterval.TotalSeconds, _sinceDrawn.Elapsed.TotalSeconds / Share));
        }
    }

    sealed class Plain(long firstStep, TrainingHints hints, GrowingCurves curves) : ITrainingObserver
    {
        readonly Throughput _throughput = new(firstStep);
        readonly Stopwatch _sinceLine = Stopwatch.StartNew();

        public void OnStep(in StepReport report)
        {
            hints.Add(report);
            _throughput.Add(report);
            curves.Draw();
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

        public void OnEvaluation(EvaluationReport report)
        {
            hints.Add(report);
            Console.WriteLine(Describe(report));
        }

        public void OnWarning(string message) => Warning.Print(message);
    }

    sealed class Live(ProgressTask task, long firstStep, TrainingHints hints, GrowingCurves curves) : ITrainingObserver
    {
        readonly Throughput _throughput = new(firstStep);

        public void OnStep(in StepReport report)
        {
            hints.Add(report);
            _throughput.Add(report);
            curves.Draw();
            task.Description = Describe(report, _throughput);
            task.Value = report.Step;
        }

        public void OnEvaluating(long step, double share) => task.Description = $"step {step:N0}  validation {share:P0}";

        public void OnEvaluation(EvaluationReport report)
        {
            hints.Add(report);
            LiveLine.WriteAbove(Describe(report));
        }

        public void OnWarning(string message) => Warning.Print(message);
    }
}
