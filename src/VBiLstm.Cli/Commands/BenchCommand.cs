using System.CommandLine;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Cuda;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Distributed;
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
            Description = "How long to measure, a third of it as warm-up. At least five steps are measured.",
            DefaultValueFactory = _ => 5,
        };
        var tune = new Option<bool>("--tune")
        {
            Description = "cuda: measures products through cuBLAS and our kernels, and keeps the times. With --precision tf32 or bf16, each of the "
                + "configuration's products of few rows; they are kept in the user's cache, and this GPU's runs of that precision choose by them from then on.",
        };
        var what = new Option<string>("--what")
        {
            Description = "Training steps, scores, or draws. evaluate: scores of as many sequences as the batch has. sample: as many sequences drawn "
                + "side by side.",
            DefaultValueFactory = _ => "train",
        };
        what.AcceptOnlyFromAmong("train", "evaluate", "sample");
        var importanceSamples = new Option<int>("--importance-samples")
        {
            HelpName = "K",
            Description = "evaluate: K trajectories, for the importance-weighted bound; 0 leaves it out.",
        };
        var (configurations, devices, rankTimeout) = (new ConfigurationOptions(), new DeviceOptions(), new RankTimeoutOption());
        var json = CommonOptions.Json();
        var command = new Command("bench", """
            Measures how fast this machine trains a configuration, evaluates it or draws from it. Told are samples/s, tokens/s (predicted
            steps of all sequences), arithmetic rate and its share of the rate of multiply-adds measured beside it, memory, and the time of each phase
            of docs/model.md (F1..B7, Adam). The sequences are random and of full length. Nothing is written. Let nothing else run
            meanwhile. On several ranks the batch is shared out, as train does, and the sum over them is measured.

            Examples:
              vbilstm bench
              vbilstm bench --preset seq-mnist-rows --threads 1
              vbilstm bench --set output_distribution=categorical vocabulary_size=50 lstm_units=256 --time-steps 50 --json
              vbilstm bench --device cuda --precision bf16 --preset ptb-char --time-steps 100 --tune
              mpirun -n 4 vbilstm bench --set training.batch_size=128
              vbilstm bench --what evaluate --importance-samples 50 --preset seq-mnist-rows
              vbilstm bench --what sample --set training.batch_size=128
            """)
        {
            what, importanceSamples, seconds, tune, json,
        };
        timeSteps.AddTo(command);
        configurations.AddTo(command);
        devices.AddTo(command);
        rankTimeout.AddTo(command);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(seconds) is var duration && !(duration is > 0 and <= 86400))
                throw new ConfigurationException($"--seconds is {duration}; use a number above 0, at most 86400.");
            var (work, samples) = (parsed.GetValue(what)!, parsed.GetValue(importanceSamples));
            CommonOptions.CheckSamples("--importance-samples", samples);
            if (samples > 0 && work != "evaluate")
                throw new ConfigurationException("--importance-samples weighs trajectories of an evaluation; use it with --what evaluate.");
            if (work != "train" && parsed.GetValue(tune))
                throw new ConfigurationException("--tune measures the products of training steps; leave out --what.");
            return RankSession.Run(rankTimeout.Read(parsed), limit: null, session =>
            {
                if (work != "train")
                {
                    if (session.Ranks.Size > 1)
                        session.Refuse($"--what {work} measures one process; start vbilstm without a launcher.");
                    var forward = configurations.Read(parsed, configurations.Overrides(parsed));
                    using var one = devices.Create(parsed);
                    var steps = timeSteps.Read(parsed, forward);
                    return work == "evaluate"
                        ? BenchForward.Evaluate(one, forward, steps, samples, duration, parsed.GetValue(json), session.Cancellation)
                        : BenchForward.Sample(one, forward, steps, duration, parsed.GetValue(json), session.Cancellation);
                }

                if (parsed.GetValue(tune))
                {
                    if (session.Ranks.Size > 1)
                        session.Refuse("--tune measures on one GPU; start vbilstm without a launcher.");
                    var tuned = configurations.Read(parsed, configurations.Overrides(parsed));
                    using var gpu = devices.Create(parsed);
                    return TunedProducts.Run(gpu, tuned, timeSteps.Read(parsed, tuned), parsed.GetValue(json), session.Cancellation);
                }

                var configuration = session.InShards(session.Together(() => configurations.Read(parsed, configurations.Overrides(parsed))));
                var t = session.Together(() => timeSteps.Read(parsed, configuration));
                using var device = devices.Create(parsed, session);
                session.Agree(configuration);
                using var benchmark = session.Together(() => new StepBenchmark(device, configuration, t));
                if (session.IsFirst && !parsed.GetValue(json))
                    PrintHeader(benchmark, configuration, device, t, session);
                var before = Peak(device, session);
                var times = benchmark.Measure(TimeSpan.FromSeconds(duration), session.Cancellation);
                var after = Peak(device, session);
                device.Join(Communicator.Alone);
                if (!session.IsFirst)
                    return CommandExecution.Success;
                var report = new Report(benchmark, configuration, device, t, times, before is null ? null : Math.Max(before.Value, after!.Value),
                    session.Ranks.Size);
                if (parsed.GetValue(json))
                    PrintJson(report);
                else
                    Print(report);
                return CommandExecution.Success;
            });
        });
        return command;
    }

    // Of all ranks.
    static double? Peak(Device device, RankSession session)
        => device is CpuDevice cpu ? session.Ranks.AllGather<double>([cpu.MeasurePeak()]).Sum() : null;

    sealed record Report(StepBenchmark Benchmark, RunConfiguration Configuration, Device Device, int TimeSteps, StepTimes Times, double? PeakGigaflops,
        int Ranks)
    {
        public double SamplesPerSecond => Configuration.Training.BatchSize / Times.Seconds;

        public double TokensPerSecond => SamplesPerSecond * TimeSteps;

        // Of the gradients and what rides behind them.
        public long SumBytes => Benchmark.Parameters.SumBytes;

        public double SumSeconds => Times.Phases.Where(phase => phase.Phase == TrainingPhase.RankSum).Sum(phase => phase.Seconds);

        // All that were captured; none without graphs.
        public int GraphNodes => Device is CudaDevice cuda ? cuda.GraphNodes.Sum(graph => graph.Nodes) : 0;

        public double Gigaflops
            => SequenceModel.Of(Configuration.Model).TrainingStepOperations(TimeSteps, Configuration.Training.BatchSize) / Times.Seconds / 1e9;
    }

    static void PrintHeader(StepBenchmark benchmark, RunConfiguration configuration, Device device, int timeSteps, RankSession session)
    {
        Console.WriteLine($"model   {Names.Describe(configuration.Model)}, {benchmark.Parameters.Layout.Count:N0} parameters");
        Console.WriteLine($"step    B {configuration.Training.BatchSize}{Names.InShards(configuration.Training)}, T {timeSteps}, "
            + Names.Outputs(configuration.Model));
        Console.WriteLine($"device  {device.Name}");
        if (session.Describe() is { } ranks)
            Console.WriteLine($"ranks   {ranks}; what follows is rank 0's but for samples/s, tokens/s and GFLOP/s of all");
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
        if (report.Device is CudaDevice cuda)
            Console.WriteLine($"graph   {report.GraphNodes:N0} nodes; {cuda.Memory.Free / 1e6:N0} of {cuda.Memory.Total / 1e6:N0} MB are free meanwhile");
        if (report.Ranks > 1)
            Console.WriteLine($"sum     {1e3 * report.SumSeconds:N2} ms a step for {report.SumBytes / 1e6:N1} MB over {report.Ranks} ranks: "
                + $"{report.SumBytes / report.SumSeconds / 1e9:N2} GB/s");
        Console.WriteLine();
        Console.WriteLine("phase                                 ms   share");
        foreach (var (phase, seconds) in times.Phases)
            Console.WriteLine($"{phase.Describe(),-30}{1e3 * seconds,10:N3}{seconds / times.Seconds,8:P0}");
    }

    static void PrintJson(Report report) => JsonOutput.Write(json =>
    {
        var configuration = report.Configuration;
        json.WriteString("device", report.Device.Name);
        if (report.Device is CpuDevice cpu)
        {
            json.WriteNumber("threads", cpu.Threads);
            json.WriteNumber("simd_bits", (int)cpu.Width);
        }

        json.WriteString("model", ValueNames.Of(configuration.Model.Kind));
        json.WriteNumber("parameters", report.Benchmark.Parameters.Layout.Count);
        json.WriteNumber("batch_size", configuration.Training.BatchSize);
        json.WriteNumber("shards", configuration.Training.Shards);
        json.WriteNumber("ranks", report.Ranks);
        json.WriteNumber("time_steps", report.TimeSteps);
        json.WriteNumber("parameter_bytes", report.Benchmark.Parameters.Bytes);
        json.WriteNumber("packed_weight_bytes", report.Benchmark.Step.WeightBytes);
        json.WriteNumber("activation_bytes", report.Benchmark.Step.Bytes);
        if (report.Device is CudaDevice cuda)
        {
            json.WriteNumber("graph_nodes", report.GraphNodes);
            json.WriteNumber("device_free_bytes", cuda.Memory.Free);
            json.WriteNumber("device_total_bytes", cuda.Memory.Total);
        }

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

        if (report.Ranks > 1)
        {
            json.WriteNumber("sum_bytes", report.SumBytes);
            json.WriteNumber("sum_seconds", report.SumSeconds);
        }

        json.WriteStartObject("phase_seconds");
        foreach (var (phase, seconds) in report.Times.Phases)
            json.WriteNumber(phase.ToString(), seconds);
        json.WriteEndObject();
    });
}
