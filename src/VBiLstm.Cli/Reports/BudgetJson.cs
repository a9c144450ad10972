using System.Text.Json;
using VBiLstm.Configuration;
using VBiLstm.Cuda;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Training;

namespace VBiLstm.Cli.Reports;

/// <summary>Budgets of training steps as one JSON object; times in seconds.</summary>
static class BudgetJson
{
    /// <param name="budgets">The counts.</param>
    /// <param name="gpu">Adds its times; may be null.</param>
    /// <param name="measured">Adds what a device took; may be null.</param>
    /// <param name="scaling">Adds ranks, of whose steps the count is one; may be null.</param>
    public static void Print(PrecisionBudgets budgets, GpuSpecification? gpu, MeasuredStep? measured, ScalingBudget? scaling)
        => JsonOutput.Write(json =>
        {
            var budget = budgets.Float32;
            json.WriteString("model", ValueNames.Of(budget.Configuration.Model.Kind));
            json.WriteNumber("batch_size", budget.Configuration.Training.BatchSize);
            json.WriteNumber("shards", budget.Configuration.Training.Shards);
            json.WriteNumber("time_steps", budget.TimeSteps);
            json.WriteNumber("host_calls", budget.HostLaunches);
            json.WriteNumber("uploaded_bytes", budget.UploadedBytes);
            json.WriteNumber("downloaded_bytes", budget.DownloadedBytes);
            if (gpu is not null)
                json.WriteString("gpu", gpu.Name);
            if (measured is not null)
                json.WriteString("device", measured.Device);
            Write(json, budget, gpu, [CudaPrecision.Fp32, CudaPrecision.Tf32], measured?.BesideLibrary(isBf16: false));
            Write(json, "tf32", budgets.Tf32, gpu, CudaPrecision.Tf32, measured?.BesideKernels(CudaPrecision.Tf32));
            Write(json, "bf16", budgets.Bf16, gpu, CudaPrecision.Bf16, measured?.BesideKernels(CudaPrecision.Bf16));
            Write(json, "bf16_library", budgets.Bf16Library, gpu, CudaPrecision.Bf16, measured?.BesideLibrary(isBf16: true));
            if (budgets.Bf16Resident is { } resident)
                Write(json, "bf16_resident", resident, gpu, CudaPrecision.Bf16, measured: null);
            if (scaling is null)
                return;
            json.WriteStartObject("ranks");
            Write(json, scaling);
            json.WriteEndObject();
        });

    static void Write(Utf8JsonWriter json, string name, StepBudget budget, GpuSpecification? gpu, CudaPrecision precision, StepTimes? measured)
    {
        json.WriteStartObject(name);
        Write(json, budget, gpu, [precision], measured);
        json.WriteEndObject();
    }

    static void Write(Utf8JsonWriter json, StepBudget budget, GpuSpecification? gpu, CudaPrecision[] precisions, StepTimes? measured)
    {
        json.WriteStartObject("memory");
        json.WriteNumber("parameter_bytes", budget.Memory.ParameterBytes);
        json.WriteNumber("activation_bytes", budget.Memory.ActivationBytes);
        json.WriteEndObject();
        json.WriteStartObject("step");
        Write(json, budget.Kernels, budget.Bytes, budget.FloatingPointOperations, Times((_, precision) => budget.Seconds(gpu!, precision)), measured?.Seconds);
        if (gpu is not null)
            json.WriteNumber("least_bytes", budget.LeastBytes(gpu));
        Write(json, "seconds_in_line", Times(budget.SecondsInLine));
        Write(json, "least_seconds", Times(budget.LeastSeconds));
        json.WriteNumber("early_starts", budget.EarlyStarts);
        if (gpu is { StartsEarly: true })
            Write(json, "seconds_with_early_starts", Times((_, precision) => budget.Seconds(gpu, precision, startEarly: true)));
        json.WriteEndObject();
        json.WriteStartObject("phases");
        foreach (var phase in budget.Phases)
        {
            json.WriteStartObject($"{phase.Phase}");
            Write(json, phase.Kernels, phase.Bytes, phase.FloatingPointOperations, Times((_, precision) => phase.Seconds(gpu!, precision)),
                measured?.Phases.FirstOrDefault(timed => timed.Phase == phase.Phase).Seconds);
            json.WriteEndObject();
        }

        json.WriteEndObject();

        // Of those precisions that the GPU has.
        IEnumerable<(string Precision, double Seconds)> Times(Func<GpuSpecification, CudaPrecision, double> seconds)
            => gpu is null ? [] : precisions.Where(gpu.Has).Select(precision => (NameOf(precision), seconds(gpu, precision)));
    }

    static string NameOf(CudaPrecision precision) => precision switch
    {
        CudaPrecision.Tf32 => "tf32",
        CudaPrecision.Bf16 => "bf16",
        _ => "float32",
    };

    static void Write(Utf8JsonWriter json, int kernels, long bytes, double operations, IEnumerable<(string Precision, double Seconds)> times, double? measured)
    {
        json.WriteNumber("kernels", kernels);
        json.WriteNumber("bytes", bytes);
        json.WriteNumber("floating_point_operations", operations);
        Write(json, "seconds", times);
        if (measured is { } taken)
            json.WriteNumber("seconds_measured", taken);
    }

    static void Write(Utf8JsonWriter json, string name, IEnumerable<(string Precision, double Seconds)> times)
    {
        foreach (var (precision, seconds) in times)
            json.WriteNumber($"{name}_{precision}", seconds);
    }

    static void Write(Utf8JsonWriter json, ScalingBudget scaling)
    {
        var (placement, links, sum) = (scaling.Placement, scaling.Links, scaling.Sum);
        json.WriteNumber("ranks", placement.Ranks);
        json.WriteNumber("ranks_per_node", placement.PerNode);
        json.WriteNumber("nodes", placement.Nodes);
        json.WriteNumber("batch_size", scaling.Sequences);
        json.WriteNumber("rank_batch_size", scaling.Step.Configuration.Training.BatchSize);
        json.WriteNumber("rank_shards", scaling.Step.Configuration.Training.Shards);
        json.WriteNumber("node_gigabytes_per_second", links.Node.GigabytesPerSecond);
        if (links.Network is { } network)
        {
            json.WriteString("network", network.Name);
            json.WriteNumber("network_gigabytes_per_second", network.GigabytesPerSecond);
        }

        json.WriteNumber("share_of_line_rate", RankLinks.ShareOfLineRate);
        json.WriteNumber("seconds_per_exchange", RankLinks.SecondsPerExchange);
        json.WriteNumber("sum_bytes", sum.Bytes);
        json.WriteNumber("exchanged_bytes", sum.ExchangedBytes);
        json.WriteStartArray("levels");
        foreach (var level in sum.Levels)
        {
            json.WriteStartObject();
            json.WriteNumber("ranks", level.Placement.Ranks);
            json.WriteNumber("ranks_per_node", level.Placement.PerNode);
            json.WriteNumber("bytes", level.Bytes);
            json.WriteNumber("exchanged_bytes", level.ExchangedBytes);
            json.WriteNumber("exchange_seconds", level.ExchangeSeconds(links));
            json.WriteNumber("addition_seconds", level.AdditionSeconds(scaling.Gpu));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("step_seconds", scaling.StepSeconds);
        json.WriteNumber("sum_seconds", scaling.SumSeconds);
        json.WriteNumber("exposed_seconds", scaling.ExposedSeconds);
        json.WriteNumber("weak_scaling", scaling.WeakScaling);
        json.WriteNumber("one_gpu_seconds", scaling.WholeSeconds);
        json.WriteNumber("speed_up", scaling.SpeedUp);
        json.WriteNumber("strong_scaling", scaling.StrongScaling);
        if (scaling.Instead is not { } instead)
            return;
        json.WriteStartObject("small_batch");
        Write(json, instead);
        json.WriteEndObject();
    }
}
