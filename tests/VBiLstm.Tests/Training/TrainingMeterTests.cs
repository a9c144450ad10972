using System.Diagnostics.Metrics;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>What dotnet-counters and OpenTelemetry see of a training.</summary>
public class TrainingMeterTests
{
    sealed class Reports : ITrainingObserver
    {
        public List<StepReport> Steps { get; } = [];

        public List<double> Bounds { get; } = [];

        public void OnStep(in StepReport report) => Steps.Add(report);

        public void OnEvaluation(EvaluationReport report) => Bounds.Add(report.Result.Bound);
    }

    [Fact]
    public void Listeners_hear_what_observers_are_told()
    {
        // Others train beside this test; their measurements come on their threads.
        var thread = Environment.CurrentManagedThreadId;
        Dictionary<string, List<double>> heard = [];
        void Hear(Instrument instrument, double value)
        {
            if (Environment.CurrentManagedThreadId != thread)
                return;
            if (!heard.TryGetValue(instrument.Name, out var values))
                heard[instrument.Name] = values = [];
            values.Add(value);
        }

        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "VBiLstm")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => Hear(instrument, value));
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Hear(instrument, value));
        listener.Start();

        var run = new RunConfiguration
        {
            Model = new ModelConfiguration { LstmUnits = 6, MlpUnits = 5, LatentUnits = 3 },
            Training = new TrainingConfiguration { BatchSize = 100, Steps = 12, EvaluateEvery = 4, LearningRateWarmup = 5 },
        };
        using var data = EmbeddedDigits.Open(run.Data, run.Seed);
        using var device = new CpuDevice(1);
        using var trainer = new Trainer(run, data, device);
        var reports = new Reports();
        trainer.Run(reports, TestContext.Current.CancellationToken);

        Assert.Equal(12, heard["vbilstm.training.steps"].Sum());
        Assert.Equal(reports.Steps.Sum(step => step.Sequences), heard["vbilstm.training.samples"].Sum());
        Assert.Equal(reports.Steps.Select(step => (double)step.Metrics.Bound), heard["vbilstm.training.bound"]);
        Assert.Equal(reports.Steps.Select(step => (double)step.Metrics.GradientNorm), heard["vbilstm.training.gradient_norm"]);
        Assert.Equal(reports.Steps.Select(step => step.LearningRate), heard["vbilstm.training.learning_rate"]);
        Assert.Equal(reports.Bounds, heard["vbilstm.validation.bound"]);

        // Of four steps between evaluations three have one before.
        Assert.Equal(9, heard["vbilstm.training.rate"].Count);
        Assert.All(heard["vbilstm.training.rate"], rate => Assert.True(rate > 0 && double.IsFinite(rate)));
        Assert.All(heard["vbilstm.training.memory"], bytes => Assert.True(bytes >= 4 * 3 * trainer.Parameters.Layout.Count));
    }
}
