using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Counting;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Cuda.Profiling;

/// <summary>What a training step asks of a GPU, counted without one.</summary>
/// <param name="Configuration">Model, batch size and shards.</param>
/// <param name="TimeSteps">T.</param>
/// <param name="Phases">Those with any operation, in the order of their execution.</param>
/// <param name="HostLaunches">Calls of the host: uploads, one launch of the recorded step, one read-back.</param>
/// <param name="UploadedBytes">From the host: the batch and the scalars of the step.</param>
/// <param name="DownloadedBytes">To the host: the step's metrics.</param>
/// <param name="Memory">What the training takes of the GPU's memory.</param>
sealed record StepBudget(RunConfiguration Configuration, int TimeSteps, IReadOnlyList<PhaseBudget> Phases, long HostLaunches, long UploadedBytes,
    long DownloadedBytes, TrainingMemory Memory)
{
    /// <summary>In the order of the calls, of every phase.</summary>
    public required IReadOnlyList<(TrainingPhase Phase, CountedOperation Operation)> Operations { get; init; }

    /// <summary>Whether a loop over time is one kernel.</summary>
    public bool HasResidentLoop => Operations.Any(operation => operation.Operation.GridBarriers > 0);

    public int Kernels => Phases.Sum(phase => phase.Kernels);

    /// <inheritdoc cref="PhaseBudget.EarlyStarts"/>
    public int EarlyStarts => Phases.Sum(phase => phase.EarlyStarts);

    public long Bytes => Phases.Sum(phase => phase.Bytes);

    public double FloatingPointOperations => Phases.Sum(phase => phase.FloatingPointOperations);

    /// <summary>As <see cref="GpuSpecification.Seconds"/>, one operation after the other.</summary>
    public double SecondsInLine(GpuSpecification gpu, CudaPrecision precision) => Phases.Sum(phase => phase.Seconds(gpu, precision));

    /// <summary>
    /// As <see cref="SecondsInLine"/>, with branches beside the main line. An assumption: a branch gets what the main line leaves, which is the part of a
    /// kernel's time in which it only starts, moving and computing nothing; so branches hide behind loops of small kernels, and not behind large products.
    /// </summary>
    public double Seconds(GpuSpecification gpu, CudaPrecision precision, bool startEarly = false)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        var fromL2 = Phases.ToDictionary(phase => phase.Phase, phase => phase.RunsFromL2(gpu));
        double seconds = 0, waiting = 0;
        var joins = 0;
        foreach (var (phase, operation) in Operations)
        {
            var taken = gpu.Seconds(operation, precision, fromL2[phase], startEarly);
            if (operation.Joins > joins)
                (seconds, waiting, joins) = (seconds + waiting, 0, operation.Joins);
            if (operation.IsInBranch)
            {
                waiting += taken;
                continue;
            }

            seconds += taken;
            waiting = Math.Max(0, waiting - (taken - gpu.BusySeconds(operation, precision, fromL2[phase])));
        }

        return seconds + waiting;
    }

    /// <summary>
    /// Bytes that must move between the GPU and its memory: all that a step holds is written once and read once, but for as much as stays in L2.
    /// </summary>
    public double LeastBytes(GpuSpecification gpu)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        return 2 * Math.Max(0, Memory.ParameterBytes + Configuration.Training.Shards * Memory.ActivationBytes - gpu.L2Bytes);
    }

    /// <summary>
    /// What the step takes at least: the longer of its arithmetic at the peak rate and of <see cref="LeastBytes"/> at the full bandwidth, without a gap
    /// between kernels.
    /// </summary>
    public double LeastSeconds(GpuSpecification gpu, CudaPrecision precision)
        => Math.Max(FloatingPointOperations / gpu.PeakOperations(precision), LeastBytes(gpu) / (1e9 * gpu.GigabytesPerSecond));

    /// <summary>Counts a step on full-length sequences.</summary>
    /// <param name="configuration">Model, batch size and optimiser; its data section is not read.</param>
    /// <param name="timeSteps">T, predicted steps of every sequence.</param>
    /// <param name="precision">Of products; float32, and TF32 by the library, count the same.</param>
    /// <param name="products">What computes those of few rows in bf16 and TF32.</param>
    /// <param name="residentOn">The GPU whose shared memory keeps the weights of bf16's loops over time where they fit; null: none does.</param>
    /// <exception cref="ConfigurationException">A field is out of range.</exception>
    public static StepBudget Count(RunConfiguration configuration, int timeSteps, CudaPrecision precision = CudaPrecision.Tf32,
        CudaProducts products = CudaProducts.Kernels, GpuSpecification? residentOn = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(timeSteps);
        configuration.Validate();
        var (model, training) = (configuration.Model, configuration.Training);
        using var device = new CountingDevice(precision == CudaPrecision.Bf16, precision != CudaPrecision.Fp32 && products != CudaProducts.Library,
            residentOn is { } gpu ? loop => ResidentLoops.Fit(loop, gpu.Multiprocessors, gpu.SharedKilobytesOfBlock << 10) : null);
        using var parameters = new ModelParameters(device, model, training: true, training.Shards);
        using var step = new TrainingStep(device, parameters, timeSteps, training.ShardSize, training);
        using var metrics = step.CreateMetricsReadback();
        var phases = new List<(TrainingPhase Phase, List<CountedOperation> Operations)>();
        step.EnterPhase = phase => phases.Add((phase, []));
        device.Counted = operation => phases[^1].Operations.Add(operation);

        var batch = RandomSequences.Batch(model, timeSteps, training.ShardSize, configuration.Seed);
        for (var shard = 0; shard < training.Shards; shard++)
        {
            step.Load(batch);
            step.Run(StepSettings.Of(configuration, 0), shard);
        }

        metrics.Start();
        return new StepBudget(configuration, timeSteps,
            [.. phases.Where(phase => phase.Operations.Count > 0).GroupBy(phase => phase.Phase, phase => phase.Operations).OrderBy(phase => phase.Key)
                .Select(phase => new PhaseBudget(phase.Key, training.Shards * step.Model.LoopSteps(phase.Key, timeSteps), [.. phase.SelectMany(all => all)]))],
            device.HostLaunches, device.UploadedBytes, device.DownloadedBytes,
            TrainingMemory.Measure(device, model, timeSteps, training.ShardSize, training.Shards))
        {
            Operations = [.. phases.SelectMany(phase => phase.Operations.Select(operation => (phase.Phase, operation)))],
        };
    }
}
