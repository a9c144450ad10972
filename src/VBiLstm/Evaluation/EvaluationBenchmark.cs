using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Evaluation;

/// <summary>
/// Evaluations of random sequences of full length: what a device makes of a model's sizes, without a data set. Each scores as many sequences as
/// <see cref="Evaluator"/> scores side by side.
/// </summary>
sealed class EvaluationBenchmark : IDisposable
{
    readonly ModelParameters _parameters;
    readonly TrainingStep _step;
    readonly Evaluator _evaluator;
    readonly RandomDataset _data;

    /// <param name="device">Where they run.</param>
    /// <param name="configuration">Model, batch size and seed; its data section is not read.</param>
    /// <param name="timeSteps">T, predicted steps of every sequence.</param>
    /// <param name="importanceSamples">K; 0 for none.</param>
    /// <exception cref="ConfigurationException">A field is out of range.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters or activations do not fit.</exception>
    public EvaluationBenchmark(Device device, RunConfiguration configuration, int timeSteps, int importanceSamples = 0)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentOutOfRangeException.ThrowIfNegative(importanceSamples);
        configuration.Validate();
        ImportanceSamples = importanceSamples;
        _parameters = new ModelParameters(device, configuration.Model, training: false);
        _parameters.Initialise(configuration.Seed);
        var rows = configuration.Training.BatchSize;
        var sizes = EvaluationSizes.Choose(device, configuration.Model, timeSteps, rows, EvaluationSizes.MaximumRows, importanceSamples);
        _data = new RandomDataset(RandomSequences.Batch(configuration.Model, timeSteps, sizes.Shards * rows, configuration.Seed), configuration.Model);
        _step = new TrainingStep(device, _parameters, timeSteps, Sequences, sizes.Samples);
        _evaluator = new Evaluator(_step, rows, shardSize: rows);
    }

    /// <summary>Sequences of an evaluation.</summary>
    public int Sequences => _data.Count;

    /// <summary>K.</summary>
    public int ImportanceSamples { get; }

    public ModelParameters Parameters => _parameters;

    public TrainingStep Step => _step;

    /// <summary>One evaluation.</summary>
    public EvaluationResult Run() => _evaluator.Evaluate(_data, importanceSamples: ImportanceSamples);

    /// <summary>Floating-point operations of one.</summary>
    public double Operations => _step.Model.ScoreOperations(_step.MaximumSteps, Sequences, Math.Max(1, ImportanceSamples));

    public void Dispose()
    {
        _data.Dispose();
        _step.Dispose();
        _parameters.Dispose();
    }

    sealed class RandomDataset(SequenceBatch sequences, ModelConfiguration model) : SequenceDataset
    {
        public override int Count => sequences.BatchSize;

        public override int FrameSize => sequences.FrameSize;

        public override int VocabularySize => model.IsCategorical ? model.VocabularySize : 0;

        public override int MaximumLength => sequences.Steps;

        public override int Length(int index) => sequences.Steps;

        public override void Fill(int index, long epoch, SequenceBatch batch, int row)
        {
            for (var k = 0; k <= sequences.Steps; k++)
            {
                var (from, to) = (k * sequences.BatchSize + index, k * batch.BatchSize + row);
                if (FrameSize > 0)
                    sequences.Frames.AsSpan(from * FrameSize, FrameSize).CopyTo(batch.Frames.AsSpan(to * FrameSize));
                else
                    batch.Tokens[to] = sequences.Tokens[from];
            }
        }
    }
}
