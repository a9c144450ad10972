using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace VBiLstm.Training;

/// <summary>
/// Publishes every training of the process as the meter <see cref="TrainingMetrics.Meter"/>, for <c>dotnet-counters</c> and OpenTelemetry. Costs nothing where
/// nobody listens.
/// </summary>
sealed class TrainingMeter : ITrainingObserver
{
    static readonly Meter Meter = new(TrainingMetrics.Meter);
    static readonly Counter<long> Steps = Meter.CreateCounter<long>(TrainingMetrics.Steps, "{step}", "Training steps done");
    static readonly Counter<long> Samples = Meter.CreateCounter<long>(TrainingMetrics.Samples, "{sample}", "Sequences trained on");
    static readonly Gauge<double> Rate = Meter.CreateGauge<double>(TrainingMetrics.Rate, "{sample}/s",
        "Sequences of a step by the time since the step before");
    static readonly Gauge<double> Bound = Meter.CreateGauge<double>(TrainingMetrics.Bound, "nat", "Bound of the last training batch, per sequence");
    static readonly Gauge<double> GradientNorm = Meter.CreateGauge<double>(TrainingMetrics.GradientNorm, null, "Norm of the gradient before clipping");
    static readonly Gauge<double> LearningRate = Meter.CreateGauge<double>(TrainingMetrics.LearningRate, null, "Learning rate of the last step");
    static readonly Gauge<double> ValidationBound
        = Meter.CreateGauge<double>(TrainingMetrics.ValidationBound, "nat", "Bound of the last evaluation, per sequence");
    static readonly Gauge<long> Memory = Meter.CreateGauge<long>(TrainingMetrics.Memory, "By", "Memory of parameters, moments and activations");

    readonly long _memory;
    long _previous;

    /// <param name="memory">Bytes that the training has taken on its device.</param>
    public TrainingMeter(long memory) => _memory = memory;

    public void OnStep(in StepReport report)
    {
        Memory.Record(_memory);
        Steps.Add(1);
        Samples.Add(report.Sequences);
        Bound.Record(report.Metrics.Bound);
        GradientNorm.Record(report.Metrics.GradientNorm);
        LearningRate.Record(report.LearningRate);
        var now = Stopwatch.GetTimestamp();
        if (_previous != 0)
            Rate.Record(report.Sequences / Stopwatch.GetElapsedTime(_previous, now).TotalSeconds);
        _previous = now;
    }

    // The time of an evaluation is none of a step's.
    public void OnEvaluation(EvaluationReport report)
    {
        ValidationBound.Record(report.Result.Bound);
        _previous = 0;
    }
}
