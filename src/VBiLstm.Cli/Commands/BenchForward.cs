using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm bench --what evaluate|sample</c>: what goes forward only.</summary>
static class BenchForward
{
    public static int Evaluate(Device device, RunConfiguration configuration, int timeSteps, int importanceSamples, double seconds, bool json,
        CancellationToken cancellation)
    {
        using var benchmark = new EvaluationBenchmark(device, configuration, timeSteps, importanceSamples);
        var what = importanceSamples > 0 ? $"evaluate, K {importanceSamples}" : "evaluate";
        return Measure(new Work(what, benchmark.Sequences, Math.Max(1, importanceSamples), benchmark.Operations, benchmark.Parameters, benchmark.Step.Bytes,
            () => benchmark.Run()), device, configuration, timeSteps, seconds, json, cancellation);
    }

    public static int Sample(Device device, RunConfiguration configuration, int timeSteps, double seconds, bool json, CancellationToken cancellation)
    {
        using var benchmark = new GenerationBenchmark(device, configuration, timeSteps);
        return Measure(new Work("sample", benchmark.Sequences, 1, benchmark.Operations, benchmark.Parameters, benchmark.Bytes, benchmark.Run), device,
            configuration, timeSteps, seconds, json, cancellation);
    }

    /// <param name="What">What is done.</param>
    /// <param name="Sequences">Sequences of one run.</param>
    /// <param name="Trajectories">Of each sequence.</param>
    /// <param name="Operations">Of one run.</param>
    /// <param name="Parameters">Of the model.</param>
    /// <param name="ActivationBytes">Beside the parameters.</param>
    /// <param name="Run">Does it once.</param>
    sealed record Work(string What, int Sequences, int Trajectories, double Operations, ModelParameters Parameters, long ActivationBytes, Action Run);

    static int Measure(Work work, Device device, RunConfiguration configuration, int timeSteps, double seconds, bool json, CancellationToken cancellation)
    {
        if (!json)
        {
            Console.WriteLine($"model   {Names.Describe(configuration.Model)}, {work.Parameters.Layout.Count:N0} parameters");
            Console.WriteLine($"what    {work.What}: {work.Sequences:N0} sequences, T {timeSteps}, {Names.Outputs(configuration.Model)}");
            Console.WriteLine($"device  {device.Name}");
            Console.WriteLine($"memory  {work.Parameters.Bytes / 1e6:N1} MB parameters; {work.ActivationBytes / 1e6:N1} MB activations");
        }

        var before = (device as CpuDevice)?.MeasurePeak();
        var (runs, median) = RepeatedRuns.Measure(work.Run, TimeSpan.FromSeconds(seconds), cancellation);
        var after = (device as CpuDevice)?.MeasurePeak();
        double? peak = before is { } first && after is { } last ? Math.Max(first, last) : null;
        var (samples, gigaflops) = (work.Sequences / median, work.Operations / median / 1e9);
        if (json)
        {
            JsonOutput.Write(output =>
            {
                output.WriteString("device", device.Name);
                output.WriteString("model", ValueNames.Of(configuration.Model.Kind));
                output.WriteString("what", work.What);
                output.WriteNumber("parameters", work.Parameters.Layout.Count);
                output.WriteNumber("sequences", work.Sequences);
                output.WriteNumber("trajectories", work.Trajectories);
                output.WriteNumber("time_steps", timeSteps);
                output.WriteNumber("parameter_bytes", work.Parameters.Bytes);
                output.WriteNumber("activation_bytes", work.ActivationBytes);
                output.WriteNumber("runs_measured", runs);
                output.WriteNumber("seconds", median);
                output.WriteNumber("samples_per_second", samples);
                output.WriteNumber("gigaflops_per_second", gigaflops);
                if (peak is { } most)
                {
                    output.WriteNumber("peak_gigaflops_per_second", most);
                    output.WriteNumber("share_of_peak", gigaflops / most);
                }
            });
            return CommandExecution.Success;
        }

        Console.WriteLine($"time    {1e3 * median:N2} ms (median of {runs:N0})");
        Console.WriteLine($"        {samples:N1} samples/s, {samples * timeSteps:N0} tokens/s"
            + (work.Trajectories > 1 ? $", {samples * work.Trajectories:N0} trajectories/s" : ""));
        Console.WriteLine($"        {gigaflops:N1} GFLOP/s{(peak is { } top ? $", {gigaflops / top:P0} of this device's peak of {top:N1}" : "")}");
        return CommandExecution.Success;
    }
}
