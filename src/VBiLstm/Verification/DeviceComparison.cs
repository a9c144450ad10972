using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Verification;

/// <summary>
/// The same training steps on two devices, with the same parameters, noise and random ragged sequences, compared tensor by tensor: noise bit by bit, then every
/// activation, loss and gradient of the first step, then parameters and Adam moments after the first step and after the last. Steps after the first are
/// replayed from a recording, as in training.
/// </summary>
sealed class DeviceComparison : IDisposable
{
    readonly RunConfiguration _configuration;
    readonly int _timeSteps;
    readonly int _batchSize;
    readonly ComparisonTolerances _tolerances;
    readonly ComparedDevice _reference;
    readonly ComparedDevice _device;
    readonly List<TensorDifference> _tensors = [];
    long _units, _unitsAcrossKinks;
    double _shareAcrossKinks;
    bool[] _valid = [];

    DeviceComparison(Device reference, Device device, RunConfiguration configuration, int timeSteps, ComparisonTolerances tolerances)
    {
        (_configuration, _timeSteps, _tolerances) = (configuration, timeSteps, tolerances);
        _batchSize = configuration.Training.ShardSize;
        _reference = new ComparedDevice(reference, configuration, timeSteps);
        try
        {
            _device = new ComparedDevice(device, configuration, timeSteps);
        }
        catch
        {
            _reference.Dispose();
            throw;
        }
    }

    /// <summary>Compares two devices.</summary>
    /// <param name="reference">The device that is right.</param>
    /// <param name="device">The device under test.</param>
    /// <param name="configuration">Model, batch size, optimiser and seed; its data section is not read.</param>
    /// <param name="timeSteps">T, predicted steps of the longest sequence.</param>
    /// <param name="steps">N, training steps; at least 1.</param>
    /// <param name="tolerances">Of the less exact device's precision.</param>
    /// <param name="cancellation">Ends the comparison between two steps.</param>
    /// <exception cref="ConfigurationException">A field is out of range.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters or activations do not fit one of the devices.</exception>
    public static DeviceComparisonReport Run(Device reference, Device device, RunConfiguration configuration, int timeSteps, int steps,
        ComparisonTolerances tolerances, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(tolerances);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(timeSteps);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        configuration.Validate();
        using var comparison = new DeviceComparison(reference, device, configuration, timeSteps, tolerances);
        return comparison.Run(steps, cancellation);
    }

    DeviceComparisonReport Run(int steps, CancellationToken cancellation)
    {
        FirstStep();
        for (var step = 1; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = Batch(step);
            _reference.Run(batch, step);
            _device.Run(batch, step);
        }

        if (steps > 1)
            CompareParameters(ComparisonStage.LastUpdate, steps);
        return new DeviceComparisonReport(_reference.Name, _device.Name, steps, _tensors, _unitsAcrossKinks, _units);
    }

    void FirstStep()
    {
        var batch = Batch(0);
        _reference.Prepare(batch, 0);
        _device.Prepare(batch, 0);
        _valid = [.. Enumerable.Range(0, (_timeSteps + 1) * _batchSize)
            .Select(i => i % _batchSize < batch.Sequences && i / _batchSize <= batch.Lengths[i % _batchSize])];
        Both(step => step.DrawNoise());
        Compare(ComparisonStage.Noise, step => step.NoiseTensors, ErrorMeasure.Bits, 0);
        Both(step => step.Forward());
        Compare(ComparisonStage.Forward, step => step.ForwardTensors, ErrorMeasure.OfLargest, _tolerances.Forward);
        Both(step => step.Backward());
        Compare(ComparisonStage.Backward, step => step.BackwardTensors, GradientMeasure, GradientTolerance);
        Both(step => step.Update());
        Compare(ComparisonStage.FirstUpdate, step => [step.GradientNormTensor], ErrorMeasure.OfLargest, GradientTolerance);
        CompareParameters(ComparisonStage.FirstUpdate, 1);
    }

    ErrorMeasure GradientMeasure => _unitsAcrossKinks == 0 ? ErrorMeasure.OfLargest : ErrorMeasure.RelativeL2;

    double GradientTolerance => _unitsAcrossKinks == 0 ? _tolerances.Gradient : _tolerances.GradientAcrossKinks(_shareAcrossKinks);

    SequenceBatch Batch(int step)
        => RandomSequences.Batch(_configuration.Model, _timeSteps, _batchSize, _configuration.Seed + step, ragged: true);

    void Both(Action<TrainingStep> action)
    {
        action(_reference.Step);
        action(_device.Step);
    }

    void Compare(ComparisonStage stage, Func<TrainingStep, IEnumerable<StepTensor>> tensors, ErrorMeasure measure, double tolerance)
    {
        var onDevice = tensors(_device.Step).ToDictionary(tensor => tensor.Name);
        var onReference = tensors(_reference.Step).ToList();
        foreach (var tensor in onReference)
        {
            if (onDevice.Remove(tensor.Name, out var other))
                Add(stage, tensor, _reference.Read(tensor.Values), _device.Read(other.Values), measure, tolerance);
            else
                AddNotKept(stage, tensor);
        }

        foreach (var tensor in onDevice.Values)
            AddNotKept(stage, tensor);
    }

    // Of parameters what the steps changed, because that is small beside the parameters themselves.
    void CompareParameters(ComparisonStage stage, int steps)
    {
        var update = ComparisonTolerances.Update(GradientTolerance, steps);
        var first = stage == ComparisonStage.FirstUpdate;
        var (momentMeasure, momentTolerance) = first ? (GradientMeasure, GradientTolerance) : (ErrorMeasure.RelativeL2, update);
        foreach (var parameter in _reference.Parameters.Layout.All)
        {
            // The second moment is quadratic in the gradient.
            AddPart("first_moment.", side => side.FirstMoments, momentMeasure, momentTolerance);
            AddPart("second_moment.", side => side.SecondMoments, momentMeasure, first ? 2 * momentTolerance : momentTolerance);
            var (reference, device) = (Read(_reference, side => side.Values), Read(_device, side => side.Values));
            Subtract(reference);
            Subtract(device);
            Add(stage, Named("update."), reference, device, ErrorMeasure.RelativeL2, update);

            StepTensor Named(string prefix) => new(prefix + parameter.Name, parameter.In(_reference.Parameters.Values), TrainingPhase.Adam);

            float[] Read(ComparedDevice side, Func<ModelParameters, Tensor> arena) => side.Read(parameter.In(arena(side.Parameters)));

            void AddPart(string prefix, Func<ModelParameters, Tensor> arena, ErrorMeasure measure, double tolerance)
                => Add(stage, Named(prefix), Read(_reference, arena), Read(_device, arena), measure, tolerance);

            void Subtract(float[] values)
            {
                for (var i = 0; i < values.Length; i++)
                    values[i] -= _reference.Initial[parameter.Offset + i / parameter.Columns * parameter.Stride + i % parameter.Columns];
            }
        }
    }

    void Add(ComparisonStage stage, in StepTensor tensor, float[] reference, float[] actual, ErrorMeasure measure, double tolerance)
    {
        var columns = tensor.Values.Columns;
        var counted = tensor.FirstToken < 0 || stage == ComparisonStage.Noise ? [] : _valid.AsSpan(tensor.FirstToken * _batchSize, tensor.Values.Rows);
        var errors = TensorErrors.Of(reference, actual, columns, counted);
        var error = measure switch
        {
            ErrorMeasure.Bits => errors.MaximumUlps,
            ErrorMeasure.OfLargest => errors.OfLargest,
            _ => errors.RelativeL2,
        };
        var agrees = error <= tolerance;
        if (stage == ComparisonStage.Forward)
            CountAcrossKinks(tensor, reference, actual, counted);
        _tensors.Add(new TensorDifference
        {
            Name = tensor.Name,
            Stage = stage,
            Phase = tensor.Phase,
            Elements = tensor.Values.Count,
            Verdict = agrees ? Verdict.Agrees : Verdict.Disagrees,
            MaximumError = errors.Maximum,
            RelativeL2 = errors.RelativeL2,
            MaximumUlps = errors.MaximumUlps,
            Worst = errors.Worst < 0 ? [] : Index(tensor, errors.Worst),
            WorstValues = errors.Worst < 0 ? default : (reference[errors.Worst], actual[errors.Worst]),
            Measure = measure,
            Error = error,
            Tolerance = tolerance,
            Order = (tensor.Phase, agrees ? 0 : FirstLoopStep(tensor, reference, actual, counted, tolerance * errors.Largest), _tensors.Count),
        });
    }

    void AddNotKept(ComparisonStage stage, in StepTensor tensor) => _tensors.Add(new TensorDifference
    {
        Name = tensor.Name,
        Stage = stage,
        Phase = tensor.Phase,
        Elements = tensor.Values.Count,
        Verdict = Verdict.NotKept,
    });

    int[] Index(in StepTensor tensor, int element)
    {
        var (row, column) = (element / tensor.Values.Columns, element % tensor.Values.Columns);
        return tensor.FirstToken < 0 ? [row, column] : [tensor.FirstToken + row / _batchSize, row % _batchSize, column];
    }

    // The first time step, as the phase walks through them, with an error above the limit.
    int FirstLoopStep(in StepTensor tensor, float[] reference, float[] actual, ReadOnlySpan<bool> counted, double limit)
    {
        if (tensor.Order == StepOrder.AllAtOnce)
            return 0;
        var steps = tensor.Values.Rows / _batchSize;
        var first = steps;
        for (var i = 0; i < reference.Length; i++)
        {
            var step = i / tensor.Values.Columns / _batchSize;
            var loopStep = tensor.Order == StepOrder.Ascending ? step : steps - 1 - step;
            if (loopStep < first && counted[i / tensor.Values.Columns] && TensorErrors.Difference(reference[i], actual[i]) > limit)
                first = loopStep;
        }

        return first;
    }

    void CountAcrossKinks(in StepTensor tensor, float[] reference, float[] actual, ReadOnlySpan<bool> counted)
    {
        var columns = tensor.Values.Columns;
        var firstColumn = tensor.Kink switch
        {
            Kink.LogVariance or Kink.OutputLogVariance => columns / 2,
            Kink.MixtureLogVariance => _configuration.Model.MixtureComponents * (1 + _configuration.Model.FrameSize),
            _ => 0,
        };
        long units = 0, across = 0;
        for (var i = 0; tensor.Kink != Kink.None && i < reference.Length; i++)
        {
            if (!counted[i / columns] || i % columns < firstColumn)
                continue;
            units++;
            across += Side(tensor.Kink, reference[i]) == Side(tensor.Kink, actual[i]) ? 0 : 1;
        }

        _units += units;
        _unitsAcrossKinks += across;
        if (across > 0)
            _shareAcrossKinks = Math.Max(_shareAcrossKinks, (double)across / units);
    }

    // On which piece of φ, or of the clamp, a value lies.
    int Side(Kink kink, float value)
    {
        var model = _configuration.Model;
        if (kink is Kink.LogVariance)
            return Part(model.LogVarianceMin, model.LogVarianceMax);
        if (kink is Kink.OutputLogVariance or Kink.MixtureLogVariance)
            return Part(model.OutputLogVarianceMin, model.OutputLogVarianceMax);
        var clip = (float)(model.ActivationClip ?? double.PositiveInfinity);
        return value <= -clip ? 0 : value <= 0 ? 1 : value < clip ? 2 : 3;

        int Part(double low, double high) => value < (float)low ? 0 : value > (float)high ? 2 : 1;
    }

    public void Dispose()
    {
        _device.Dispose();
        _reference.Dispose();
    }
}
