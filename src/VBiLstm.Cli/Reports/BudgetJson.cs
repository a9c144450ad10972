using System.Text.Json;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Training;

namespace VBiLstm.Cli.Reports;

/// <summary>Budgets of training steps as one JSON object; times in seconds.</summary>
static class BudgetJson
{
    /// <param name="budget">The count.</param>
    /// <param name="gpu">Adds its times; may be null.</param>
    /// <param name="measured">Adds what a device took; may be null.</param>
    /// <param name="scaling">Adds ranks, of whose steps the count is one; may be null.</param>
    public static void Print(StepBudget budget, GpuSpecification? gpu, (string Device, StepTimes Times)? measured, ScalingBudget? scaling)
        => JsonOutput.Write(json =>
        {
            json.WriteString("model", Names.Of(budget.Configuration.Model.Kind));
            json.WriteNumber("batch_size", budget.Configuration.Training.BatchSize);
            json.WriteNumber("shards", budget.Configuration.Training.Shards);
            json.WriteNumber("time_steps", budget.TimeSteps);
            json.WriteNumber("host_calls", budget.HostLaunches);
            json.WriteNumber("uploaded_bytes", budget.UploadedBytes);
            json.WriteNumber("downloaded_bytes", budget.DownloadedBytes);
            if (gpu is not null)
                json.WriteString("gpu", gpu.Name);
            if (measured is { } run)
                json.WriteString("device", run.Device);
            json.WriteStartObject("step");
            Write(json, budget.Kernels, budget.Bytes, budget.FloatingPointOperations, gpu, budget.Seconds, measured?.Times.Seconds);
            json.WriteEndObject();
            json.WriteStartObject("phases");
            foreach (var phase in budget.Phases)
            {
                json.WriteStartObject($"{phase.Phase}");
                Write(json, phase.Kernels, phase.Bytes, phase.FloatingPointOperations, gpu, phase.Seconds,
                    measured?.Times.Phases.FirstOrDefault(timed => timed.Phase == phase.Phase).Seconds);
                json.WriteEndObject();
            }

            json.WriteEndObject();
            if (scaling is null)
                return;
            json.WriteStartObject("ranks");
            Write(json, scaling);
            json.WriteEndObject();
        });

    static void Write(Utf8JsonWriter json, int kernels, long bytes, double operations, GpuSpecification? gpu, Func<GpuSpecification, bool, double> seconds,
        double? measured)
    {
        json.WriteNumber("kernels", kernels);
        json.WriteNumber("bytes", bytes);
        json.WriteNumber("floating_point_operations", operations);
        if (gpu is not null)
            json.WriteNumber("seconds_float32", seconds(gpu, false));
        if (gpu?.Tf32Teraflops is not null)
            json.WriteNumber("seconds_tf32", seconds(gpu, true));
        if (measured is { } taken)
            json.WriteNumber("seconds_measured", taken);
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
