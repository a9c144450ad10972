using System.CommandLine;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Profiling;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm profile</c>.</summary>
static class ProfileCommand
{
    static readonly TimeSpan Measured = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var budget = new Option<bool>("--budget") { Description = "Counts what a training step asks of a GPU: kernels, memory traffic, arithmetic. Needs no GPU." };
        var gpu = new Option<string?>("--gpu") { Description = $"Adds an estimate of the time on this GPU: {string.Join("; ", GpuSpecification.All.Select(known => $"{known.Name} ({known.Product})"))}." };
        var allPresets = new Option<bool>("--all-presets") { Description = $"The paper's models in one table instead of one configuration's phases: {string.Join(", ", PaperModel.All.Select(model => model.Name))}." };
        var timeSteps = new TimeStepsOption();
        var (configurations, devices) = (new ConfigurationOptions(), new DeviceOptions());
        var command = new Command("profile", $"""
            Where the time of a training step goes, phase by phase of docs/model.md. --budget counts kernels, memory traffic and arithmetic of every phase; --gpu adds
            an estimate of the time from the GPU's data sheet (docs/profiling.md says how); without --gpu, the time measured on this machine's CPU stands beside.

            Examples:
              vbilstm profile --budget --gpu h100-sxm --preset seq-mnist
              vbilstm profile --budget --gpu a100-80 --all-presets
              vbilstm profile --budget --preset digits

            Keys for --set and --config, with their defaults:
            {ConfigurationOptions.Keys}
            """)
        {
            budget, gpu, allPresets,
        };
        timeSteps.AddTo(command);
        configurations.AddTo(command);
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            if (!parsed.GetValue(budget))
                throw new ConfigurationException("Running a step under a GPU's profiler needs --device cuda and is not built yet; use --budget, or vbilstm bench for the phases' times on this machine.");
            var specification = parsed.GetValue(gpu) is { } name ? GpuSpecification.Get(name) : null;
            if (parsed.GetValue(allPresets))
            {
                if (configurations.NamesAStart(parsed) || configurations.Overrides(parsed).Count > 0)
                    throw new ConfigurationException("--all-presets has its own configurations; leave out --preset, --config and --set.");
                BudgetTables.PrintPaperModels(specification);
                return CommandExecution.Success;
            }

            var configuration = configurations.Read(parsed, configurations.Overrides(parsed));
            var t = timeSteps.Read(parsed, configuration);
            var counted = StepBudget.Count(configuration, t);
            if (specification is not null)
            {
                BudgetTables.Print(counted, specification, measured: null);
                return CommandExecution.Success;
            }

            using var device = devices.Create(parsed);
            BudgetTables.Print(counted, gpu: null, Measure(device, configuration, t));
            return CommandExecution.Success;
        });
        return command;
    }

    // Elsewhere operations return before they are done, and a clock on the host says nothing of a phase.
    static (string Device, Dictionary<TrainingPhase, double> Seconds) Measure(Device device, RunConfiguration configuration, int timeSteps)
    {
        if (device is not CpuDevice)
            throw new ConfigurationException("Phases are measured with --device cpu only; for a GPU's share of the budget name it with --gpu.");
        using var interruption = new Interruption();
        using var benchmark = new StepBenchmark(device, configuration, timeSteps);
        return (device.Name, benchmark.Measure(Measured, interruption.Token).Phases.ToDictionary(phase => phase.Phase, phase => phase.Seconds));
    }
}
