using System.CommandLine;
using System.Text.Json;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Model.Models;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm bench</c>.</summary>
static class BenchCommand
{
    public static Command Create()
    {
        var timeSteps = new TimeStepsOption();
        var seconds = new Option<double>("--seconds")
        {
            Description = "How long to measure, a third of it as warm-up; at least five steps are measured.",
            DefaultValueFactory = _ => 5,
        };
        var (configurations, devices, json) = (new ConfigurationOptions(), new DeviceOptions(), CommonOptions.Json());
        var command = new Command("bench", $"""
            Measures how fast this machine trains a configuration: samples/s, tokens/s (predicted steps of all sequences), arithmetic rate and its share of
            the rate of multiply-adds measured beside it, memory, and the time of each phase of docs/model.md (F1..B7, Adam). The sequences are random and
            of full length. Nothing is written. Let nothing else run meanwhile.

            Examples:
              vbilstm bench
              vbilstm bench --preset seq-mnist-rows --threads 1
              vbilstm bench --set output_distribution=categorical vocabulary_size=50 lstm_units=256 --time-steps 50 --json

            Keys for --set and --config, with their defaults:
            {ConfigurationOptions.Keys}
            """)
        {
            seconds, json,
        };
        timeSteps.AddTo(command);
        configurations.AddTo(command);
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(seconds) is var duration && !(duration is > 0 and <= 86400))
                throw new ConfigurationException($"--seconds is {duration}; use a number above 0, at most 86400.");
            var configuration = configurations.Read(parsed, configurations.Overrides(parsed));
            var t = timeSteps.Read(parsed, configuration);
            using var device = devices.Create(parsed);
            using var interruption = new Interruption();
            using var benchmark = new StepBenchmark(device, configuration, t);
            if (!parsed.GetValue(json))
                PrintHeader(benchmark, configuration, device, t);
            var cpu = device as CpuDevice;
            var before = cpu?.MeasurePeak();
            var times = benchmark.Measure(TimeSpan.FromSeconds(duration), interruption.Token);
            var report = new Report(benchmark, configuration, device, t, times, cpu is null ? null : Math.Max(before!.Value, cpu.MeasurePeak()));
            if (parsed.GetValue(json))
                PrintJson(report);
            else
                Print(report);
            return CommandExecution.Success;
        });
        return command;
    }

    sealed record Report(StepBenchmark Benchmark, RunConfiguration Configuration, Device Device, int TimeSteps, StepTimes Times, double? PeakGigaflops)
    {
        public double SamplesPerSecond => Configuration.Training.BatchSize / Times.Seconds;

        public double TokensPerSecond => SamplesPerSecond * TimeSteps;

        public double Gigaflops
            => SequenceModel.Of(Configuration.Model).TrainingStepOperations(TimeSteps, Configuration.Training.BatchSize) / Times.Seconds / 1e9;
    }

    static void PrintHeader(StepBenchmark benchmark, RunConfiguration configuration, Device device, int timeSteps)
    {
        Console.WriteLine($"model   {Names.Describe(configuration.Model)}, {benchmark.Parameters.Layout.Count:N0} parameters");
        Console.WriteLine($"step    B {configuration.Training.BatchSize}{Names.InShards(configuration.Training)}, T {timeSteps}, "
            + Names.Outputs(configuration.Model));
        Console.WriteLine($"device  {device.Name}");
        Console.WriteLine($"memory  {benchmark.Parameters.Bytes / 1e6:N1} MB parameters, gradients and moments; "
            + $"{benchmark.Step.WeightBytes / 1e6:N1} MB packed weights; {benchmark.Step.Bytes / 1e6:N1} MB activations");
    }

    static void Print(Report report)
    {
        var times = report.Times;
        Console.WriteLine($"time    {1e3 * times.Seconds:N2} ms a step (median of {times.Steps:N0})");
        Console.WriteLine($"        {report.SamplesPerSecond:N0} samples/s, {report.TokensPerSecond:N0} tokens/s");
        var share = report.PeakGigaflops is { } peak ? $", {report.Gigaflops / peak:P0} of this device's peak of {peak:N1}" : "";
        Console.WriteLine($"        {report.Gigaflops:N1} GFLOP/s{share}");
        Console.WriteLine();
        Console.WriteLine("phase                                 ms   share");
        foreach (var (phase, seconds) in times.Phases)
            Console.WriteLine($"{phase.Describe(),-30}{1e3 * seconds,10:N3}{seconds / times.Seconds,8:P0}");
    }

    static void PrintJson(Report report)
    {
        var configuration = report.Configuration;
        using var output = Console.OpenStandardOutput();
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("device", report.Device.Name);
        if (report.Device is CpuDevice cpu)
        {
            json.WriteNumber("threads", cpu.Threads);
            json.WriteNumber("simd_bits", (int)cpu.Width);
        }

        json.WriteString("model", Names.Of(configuration.Model.Kind));
        json.WriteNumber("parameters", report.Benchmark.Parameters.Layout.Count);
        json.WriteNumber("batch_size", configuration.Training.BatchSize);
        json.WriteNumber("shards", configuration.Training.Shards);
        json.WriteNumber("time_steps", report.TimeSteps);
        json.WriteNumber("parameter_bytes", report.Benchmark.Parameters.Bytes);
        json.WriteNumber("packed_weight_bytes", report.Benchmark.Step.WeightBytes);
        json.WriteNumber("activation_bytes", report.Benchmark.Step.Bytes);
        json.WriteNumber("steps_measured", report.Times.Steps);
        json.WriteNumber("seconds_per_step", report.Times.Seconds);
        json.WriteNumber("samples_per_second", report.SamplesPerSecond);
        json.WriteNumber("tokens_per_second", report.TokensPerSecond);
        json.WriteNumber("gigaflops_per_second", report.Gigaflops);
        if (report.PeakGigaflops is { } peak)
        {
            json.WriteNumber("peak_gigaflops_per_second", peak);
            json.WriteNumber("share_of_peak", report.Gigaflops / peak);
        }

        json.WriteStartObject("phase_seconds");
        foreach (var (phase, seconds) in report.Times.Phases)
            json.WriteNumber(phase.ToString(), seconds);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        output.WriteByte((byte)'\n');
    }
}
