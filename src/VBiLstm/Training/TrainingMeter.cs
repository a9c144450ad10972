using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace VBiLstm.Training;

/// <summary>
/// Publishes every training of the process as the meter <see cref="Name"/>, for <c>dotnet-counters</c> and OpenTelemetry. Costs nothing where nobody listens.
/// </summary>
sealed class TrainingMeter : ITrainingObserver
{
    public const string Name = "VBiLstm";

    static readonly Meter Meter = new(Name);
    static readonly Counter<long> Steps = Meter.CreateCounter<long>("vbilstm.training.steps", "{step}", "Training steps done");
    static readonly Counter<long> Samples = Meter.CreateCounter<long>("vbilstm.training.samples", "{sample}", "Sequences trained on");
    static readonly Gauge<double> Rate = Meter.CreateGauge<double>("vbilstm.training.rate", "{sample}/s",
        "Sequences of a step by the time since the step before");
    static readonly Gauge<double> Bound = Meter.CreateGauge<double>("vbilstm.training.bound", "nat", "Bound of the last training batch, per sequence");
    static readonly Gauge<double> GradientNorm = Meter.CreateGauge<double>("vbilstm.training.gradient_norm", null, "Norm of the gradient before clipping");
    static readonly Gauge<double> LearningRate = Meter.CreateGauge<double>("vbilstm.training.learning_rate", null, "Learning rate of the last step");
    static readonly Gauge<double> ValidationBound = Meter.CreateGauge<double>("vbilstm.validation.bound", "nat", "Bound of the last evaluation, per sequence");
    static readonly Gauge<long> Memory = Meter.CreateGauge<long>("vbilstm.training.memory", "By", "Memory of parameters, moments and activations");

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
