using System.CommandLine;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Cuda;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm profile</c>.</summary>
static class ProfileCommand
{
    const int WarmUpSteps = 3;
    const string GraphRange = "captured graph";

    static readonly string ForwardLoop = TrainingPhase.F3.Describe();

    static readonly TimeSpan Measured = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var budget = new Option<bool>("--budget")
        {
            Description = "Counts kernels, memory traffic and arithmetic of a step. Needs no GPU.",
        };
        var gpu = new Option<string?>("--gpu")
        {
            Description = "Adds an estimate of the time on this GPU, for instance h100-sxm. One of: "
                + $"{string.Join("; ", GpuSpecification.All.Select(known => $"{known.Name} ({known.Product})"))}.",
        };
        var allPresets = new Option<bool>("--all-presets")
        {
            Description = "The paper's models in one table. Instead of one configuration's phases: "
                + $"{string.Join(", ", PaperModel.All.Select(model => model.Name))}.",
        };
        var markdown = new Option<bool>("--markdown") { Description = "With --all-presets: tables in Markdown." };
        var steps = new Option<int>("--steps") { Description = "Without --budget: steps between profiler start and stop.", DefaultValueFactory = _ => 5 };
        var timeSteps = new TimeStepsOption();
        var (configurations, devices, ranks, json) = (new ConfigurationOptions(), new DeviceOptions(), new RankOptions(), CommonOptions.Json());
        json.Description = "With --budget: prints one JSON object instead of tables.";
        var command = new Command("profile", """
            Where the time of a training step goes, phase by phase of docs/model.md. With --device cuda, runs a few steps kernel by kernel, their
            phases as NVTX ranges, and as many as the captured graph that trains, between profiler start and stop, and prints the command lines of nsys
            and ncu; vbilstm train --profile-steps does the same around steps of a real training. --budget counts kernels, memory
            traffic and arithmetic of every phase, for products of float32, TF32 and bf16, and says what memory a training takes; --gpu adds an
            estimate of the time from the GPU's data sheet (docs/profiling.md says how), and the least time that the step can take; with
            --device, or without --gpu, the time measured there stands beside. --ranks adds what a training on several GPUs gains: the sum of their
            gradients, and the share of perfect weak and strong scaling. training.batch_size is that of all ranks together, and the table that of one rank.

            Examples:
              vbilstm profile --device cuda --preset seq-mnist-rows
              vbilstm profile --budget --gpu h100-sxm --preset seq-mnist
              vbilstm profile --budget --gpu h100-sxm --preset seq-mnist --device cuda
              vbilstm profile --budget --gpu a100-80 --all-presets
              vbilstm profile --budget --preset digits
              vbilstm profile --budget --gpu h100-sxm --preset seq-mnist --ranks 8 --set training.batch_size=256
              vbilstm profile --budget --gpu h100-sxm --preset seq-mnist --ranks 64 --network ib-400 --set batch_size=2048
            """)
        {
            budget, gpu, allPresets, markdown, steps, json,
        };
        ranks.AddTo(command);
        timeSteps.AddTo(command);
        configurations.AddTo(command);
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            if (!parsed.GetValue(budget))
            {
                ranks.Refuse(parsed, "needs --budget: it estimates; a training measures (docs/cluster.md).");
                if (parsed.GetValue(json))
                    throw new ConfigurationException("--json needs --budget.");
                return Profile(parsed, configurations, devices, timeSteps, parsed.GetValue(steps));
            }

            var specification = parsed.GetValue(gpu) is { } name ? GpuSpecification.Get(name) : null;
            if (parsed.GetValue(allPresets))
            {
                if (configurations.NamesAStart(parsed) || configurations.Overrides(parsed).Count > 0)
                    throw new ConfigurationException("--all-presets has its own configurations; leave out --preset, --config and --set.");
                ranks.Refuse(parsed, "is for one configuration; leave out --all-presets.");
                if (parsed.GetValue(json))
                    throw new ConfigurationException("--json is for one configuration; leave out --all-presets.");
                BudgetTables.PrintPaperModels(specification, parsed.GetValue(markdown));
                return CommandExecution.Success;
            }

            var several = ranks.Read(parsed);
            if (several is not null && specification is null)
                throw new ConfigurationException("--ranks needs --gpu: the time of a sum stands beside that of a GPU's step.");
            var configuration = configurations.Read(parsed, configurations.Overrides(parsed));
            var t = timeSteps.Read(parsed, configuration);
            var scaling = several is { } of ? ScalingBudget.Count(configuration, t, of.Placement, specification!, of.Network) : null;
            var counted = PrecisionBudgets.Count(scaling?.Step.Configuration ?? configuration, t, specification);
            if (specification is not null && !devices.NamesADevice(parsed))
            {
                Print(measured: null);
                return CommandExecution.Success;
            }

            using var device = devices.Create(parsed);
            Print(Measure(device, counted.Float32.Configuration, t));
            return CommandExecution.Success;

            void Print(MeasuredStep? measured)
            {
                if (parsed.GetValue(json))
                {
                    BudgetJson.Print(counted, specification, measured, scaling);
                    return;
                }

                BudgetTables.Print(counted, specification, measured);
                if (scaling is not null)
                    ScalingText.Print(scaling);
            }
        });
        return command;
    }

    static int Profile(ParseResult parsed, ConfigurationOptions configurations, DeviceOptions devices, TimeStepsOption timeSteps, int steps)
    {
        if (steps is < 1 or > 10_000)
            throw new ConfigurationException($"--steps is {steps}; use 1 to 10000.");
        var configuration = configurations.Read(parsed, configurations.Overrides(parsed));
        using var device = devices.Create(parsed);
        if (device is not CudaDevice cuda)
            throw new ConfigurationException("Steps run under NVIDIA's profilers with --device cuda; vbilstm bench measures the phases on the CPU, "
                + "--budget counts what a GPU would do.");
        RunUnderProfiler(cuda, configuration, timeSteps.Read(parsed, configuration), steps);
        PrintCommandLines(cuda, steps);
        return CommandExecution.Success;
    }

    static MeasuredStep Measure(Device device, RunConfiguration configuration, int timeSteps)
    {
        using var interruption = new Interruption();
        using var benchmark = new StepBenchmark(device, configuration, timeSteps);
        var times = benchmark.Measure(Measured, interruption.Token);
        return device is CudaDevice cuda
            ? new MeasuredStep(device.Name, cuda.Options.Precision, cuda.HasProductsByKernels, times)
            : new MeasuredStep(device.Name, CudaPrecision.Fp32, ByKernels: false, times);
    }

    // Ranges are made on the host as operations are launched, so only steps without a graph show their phases; what trains is the graph.
    static void RunUnderProfiler(CudaDevice device, RunConfiguration configuration, int timeSteps, int steps)
    {
        using var interruption = new Interruption();
        using var benchmark = new StepBenchmark(device, configuration, timeSteps);
        for (var i = 0; i < WarmUpSteps; i++)
        {
            benchmark.Run(recorded: false);
            if (device.Options.UseGraph)
                benchmark.Run();
        }

        device.StartProfiler();
        for (var i = 0; i < steps && !interruption.Token.IsCancellationRequested; i++)
        {
            using var ranges = new ProfilerRanges(benchmark.Step);
            benchmark.Run(recorded: false);
        }

        for (var i = 0; device.Options.UseGraph && i < steps && !interruption.Token.IsCancellationRequested; i++)
        {
            ProfilerRanges.Begin(GraphRange);
            benchmark.Run();
            ProfilerRanges.End();
        }

        device.StopProfiler();
    }

    static void PrintCommandLines(CudaDevice device, int steps)
    {
        var arguments = string.Join(' ',
            Environment.GetCommandLineArgs().Skip(1).Select(argument => argument.Contains(' ', StringComparison.Ordinal) ? $"'{argument}'" : argument));
        Console.WriteLine($"device  {device.Name}");
        Console.WriteLine($"ran     {WarmUpSteps} steps to warm up, then between profiler start and stop {steps} kernel by kernel, "
            + $"{(ProfilerRanges.Library is { } library ? $"their phases as NVTX ranges ({library})" : "without ranges: no NVTX library was found")}"
            + (device.Options.UseGraph ? $", and {steps} as the captured graph that trains (range '{GraphRange}')" : ""));
        Console.WriteLine();
        Console.WriteLine("Time line, kernels by phase (Nsight Systems):");
        Console.WriteLine("  nsys profile --trace=cuda,nvtx,cublas,cudnn --cuda-graph-trace=node --capture-range=cudaProfilerApi --output=vbilstm "
            + $"vbilstm {arguments}");
        Console.WriteLine("  nsys stats --report nvtx_kern_sum,cuda_gpu_kern_sum vbilstm.nsys-rep");
        Console.WriteLine("Kernels of the forward loop in depth (Nsight Compute):");
        Console.WriteLine($"  ncu --profile-from-start off --nvtx --nvtx-include \"{ProfilerRanges.Domain}@{ForwardLoop}/\" --launch-count 20 --set full "
            + $"--export vbilstm vbilstm {arguments}");
    }
}
