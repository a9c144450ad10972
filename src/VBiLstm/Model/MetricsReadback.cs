using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>The metrics of one step on their way to the host; see <see cref="TrainingStep.CreateMetricsReadback"/>.</summary>
sealed class MetricsReadback : IDisposable
{
    readonly Readback _values;

    internal MetricsReadback(Readback values) => _values = values;

    /// <summary>Takes the metrics of the step called last.</summary>
    public void Start() => _values.Start();

    /// <summary>Waits for the step that <see cref="Start"/> was called after.</summary>
    public StepMetrics Wait() => StepMetrics.Of(_values.Wait());

    public void Dispose() => _values.Dispose();
}
