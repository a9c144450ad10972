namespace VBiLstm.Training;

/// <summary>Names under which every training of the process is measured (System.Diagnostics.Metrics), for <c>dotnet-counters</c> and OpenTelemetry.</summary>
public static class TrainingMetrics
{
    /// <summary>The meter.</summary>
    public const string Meter = "VBiLstm";

    /// <summary>Counter: training steps done.</summary>
    public const string Steps = "vbilstm.training.steps";

    /// <summary>Counter: sequences trained on.</summary>
    public const string Samples = "vbilstm.training.samples";

    /// <summary>Gauge: sequences of a step by the time since the step before, in samples/s.</summary>
    public const string Rate = "vbilstm.training.rate";

    /// <summary>Gauge: bound of the last training batch, in nats per sequence.</summary>
    public const string Bound = "vbilstm.training.bound";

    /// <summary>Gauge: norm of the gradient before clipping.</summary>
    public const string GradientNorm = "vbilstm.training.gradient_norm";

    /// <summary>Gauge: learning rate of the last step.</summary>
    public const string LearningRate = "vbilstm.training.learning_rate";

    /// <summary>Gauge: memory of parameters, moments and activations, in bytes.</summary>
    public const string Memory = "vbilstm.training.memory";

    /// <summary>Gauge: bound of the last evaluation, in nats per sequence.</summary>
    public const string ValidationBound = "vbilstm.validation.bound";
}
