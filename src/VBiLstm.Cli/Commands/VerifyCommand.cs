using System.CommandLine;
using System.Text.Json;
using Spectre.Console;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Cuda;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Verification;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm verify</c>.</summary>
static class VerifyCommand
{
    // What of its tolerance a tensor may use before the table marks it.
    const double Remarkable = 0.5;

    // Random shapes for --against.
    const int Shapes = 24;

    public static Command Create()
    {
        var steps = new Option<int>("--steps") { Description = "N, training steps.", DefaultValueFactory = _ => 5 };
        var timeSteps = new Option<int>("--time-steps")
        {
            Description = "T, predicted steps of the longest sequence.",
            DefaultValueFactory = _ => VerificationModel.TimeSteps,
        };
        var against = new Option<string?>("--against")
        {
            Description = "cudnn: compares our recurrences with cuDNN's instead. On random shapes; needs --device cuda or soft.",
        };
        var (configurations, devices, rankTimeout) = (new ConfigurationOptions(), new DeviceOptions(), new RankTimeoutOption());
        var json = CommonOptions.Json();
        var command = new Command("verify", """
            Runs the same training steps on a device and on a reference, and compares every tensor. The reference is the CPU with one thread and
            another vector width. Compared are noise bit by bit, then activations, losses, gradients, parameters and Adam moments within tolerances
            (docs/verification.md). The sequences are random and of different lengths. Without --preset or --config a small model is taken that has
            every part of a Variational Bi-LSTM at work; --set changes it. Exit code 0: the devices agree; 1: they do not.
            On several ranks, compares the sum over them instead: the steps that all take together, with those that each takes alone with all shards, bit
            by bit; the check of a new cluster.

            Examples:
              vbilstm verify --device cuda
              vbilstm verify --device cuda --precision fp32 --set output_distribution=categorical
              vbilstm verify --device cuda --precision fp32 --against cudnn
              mpirun -n 4 vbilstm verify
              vbilstm verify --simd 512 --preset seq-mnist-rows --time-steps 28
            """)
        {
            steps, timeSteps, against, json,
        };
        configurations.AddTo(command);
        devices.AddTo(command);
        rankTimeout.AddTo(command);
        command.SetAction(parsed =>
        {
            var (n, t) = (parsed.GetValue(steps), parsed.GetValue(timeSteps));
            if (n is < 1 or > 100_000)
                throw new ConfigurationException($"--steps is {n}; use 1 to 100000.");
            if (t is < 1 or > 1_000_000)
                throw new ConfigurationException($"--time-steps is {t}; use 1 to 1000000.");
            return RankSession.Run(rankTimeout.Read(parsed), limit: null, session =>
            {
                if (parsed.GetValue(against) is { } other)
                {
                    if (session.Ranks.Size > 1)
                        session.Refuse("--against compares on one GPU; leave it out on several ranks, or start vbilstm without a launcher.");
                    return AgainstCudnn(other, devices.Create(parsed), parsed.GetValue(json));
                }

                if (session.Ranks.Size > 1)
                {
                    var shared = VerificationModel.Configuration;
                    shared = shared with { Training = shared.Training with { BatchSize = shared.Training.BatchSize * session.Ranks.Size } };
                    var configured = session.InShards(session.Together(() => configurations.Read(parsed, shared)));
                    using var joined = devices.Create(parsed, session);
                    using var alone = devices.CreateAlone(parsed, session);
                    session.Agree(configured);
                    return VerifiedRanks.Run(joined, alone, configured, t, n, session, parsed.GetValue(json));
                }

                var configuration = configurations.Read(parsed, VerificationModel.Configuration);
                using var device = devices.Create(parsed);
                using var reference = new CpuDevice(1, ReferenceWidth(device));
                if (device.RoundsOperands)
                    return VerifiedOperations.Run(reference, device, configuration, t, n, parsed.GetValue(json), session.Cancellation);
                var tolerances = device is CudaDevice { Options.Precision: CudaPrecision.Tf32 } ? ComparisonTolerances.Tf32 : ComparisonTolerances.Fp32;
                var report = DeviceComparison.Run(reference, device, configuration, t, n, tolerances, session.Cancellation);
                if (parsed.GetValue(json))
                    PrintJson(report);
                else
                    Print(report, configuration, t);
                return report.Agrees ? CommandExecution.Success : CommandExecution.Failure;
            });
        });
        return command;
    }

    static int AgainstCudnn(string other, Device device, bool asJson)
    {
        CudaOptions options;
        using (device)
        {
            if (other != "cudnn" || device is not CudaDevice cuda || cuda.RoundsOperands)
            {
                throw new ConfigurationException(
                    $"--against is '{other}' with {device.Name}; use --against cudnn with --device cuda or soft, and --precision tf32 or fp32.");
            }

            options = cuda.Options;
        }

        var tolerance = (options.Precision == CudaPrecision.Tf32 ? ComparisonTolerances.Tf32 : ComparisonTolerances.Fp32).Gradient;
        List<RecurrenceDifference> differences = [.. RecurrenceComparison.Run(options, Shapes, seed: 1)];
        var agrees = differences.All(difference => difference.Worst.Error <= tolerance);
        if (asJson)
        {
            JsonOutput.Write(json =>
            {
                json.WriteBoolean("agrees", agrees);
                json.WriteNumber("tolerance", tolerance);
                json.WriteStartArray("shapes");
                foreach (var difference in differences)
                {
                    json.WriteStartObject();
                    json.WriteString("shape", difference.Shape);
                    foreach (var (tensor, error) in difference.Errors)
                        JsonOutput.WriteFinite(json, tensor, error);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            });
        }
        else
        {
            foreach (var difference in differences)
            {
                Console.WriteLine($"{(difference.Worst.Error <= tolerance ? "  " : "!!")} {difference.Shape,-48} "
                    + $"worst {difference.Worst.Tensor,-5} {Number(difference.Worst.Error)}");
            }

            Console.WriteLine($"{(agrees ? "agree" : "DISAGREE")}: {differences.Count} shapes, tolerance {Number(tolerance)} of each tensor's largest value");
        }

        return agrees ? CommandExecution.Success : CommandExecution.Failure;
    }

    // The usual width of processors, or another where that is under test.
    static SimdWidth ReferenceWidth(Device device)
    {
        var tested = (device as CpuDevice)?.Width;
        return SimdWidths.Supported.Where(width => width != tested && width <= SimdWidth.Vector256).DefaultIfEmpty(SimdWidths.Supported[0]).Last();
    }

    static void Print(DeviceComparisonReport report, RunConfiguration configuration, int timeSteps)
    {
        Console.WriteLine($"device     {report.Device}");
        Console.WriteLine($"reference  {report.Reference}");
        Console.WriteLine($"model      {Names.Describe(configuration.Model)}, {Names.Outputs(configuration.Model)}, "
            + $"B {configuration.Training.ShardSize}, T {timeSteps}");
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("phase", "tensor", "elements", "max |a-b|", "rel. L2", "max ulps", "at", "error", "tolerance", "used");
        foreach (var column in new[] { 2, 3, 4, 5, 7, 8, 9 })
            table.Columns[column].RightAligned();
        foreach (var column in table.Columns)
            column.NoWrap();
        foreach (var tensor in Printed(report))
            table.AddRow([.. Cells(tensor, report.Steps).Select(cell => new Text(cell, StyleOf(tensor)))]);
        Tables.Write(table);
        Console.WriteLine(Summary(report));
    }

    // Of what updates leave, three tensors for each parameter, the worst of a kind speaks for those that agree; --json has them all.
    static IEnumerable<TensorDifference> Printed(DeviceComparisonReport report)
    {
        var worst = report.Tensors.GroupBy(tensor => (tensor.Stage, tensor.Name.Split('.')[0]))
            .Select(kind => kind.MaxBy(tensor => tensor.ToleranceUsed)).ToHashSet();
        return report.Tensors.Where(tensor => tensor.Stage < ComparisonStage.FirstUpdate || tensor.Verdict != Verdict.Agrees || worst.Contains(tensor));
    }

    static string[] Cells(TensorDifference tensor, int steps)
    {
        var phase = tensor.Stage == ComparisonStage.LastUpdate ? $"step {steps}" : tensor.Phase.Describe();
        if (tensor.Verdict == Verdict.NotKept)
            return [phase, tensor.Name, $"{tensor.Elements:N0}", "", "", "", "", "", "", "not kept"];
        return
        [
            phase, tensor.Name, $"{tensor.Elements:N0}", Number(tensor.MaximumError), Number(tensor.RelativeL2), $"{tensor.MaximumUlps:N0}", Index(tensor),
            $"{Number(tensor.Error)} {Symbol(tensor.Measure)}", Number(tensor.Tolerance), Flag(tensor) + Share(tensor.ToleranceUsed),
        ];
    }

    /// <summary>An error or a tolerance.</summary>
    internal static string Number(double value) => double.IsInfinity(value) ? "∞" : value == 0 ? "0" : $"{value:0.0e+0}";

    static string Share(double value) => double.IsInfinity(value) ? "∞" : $"{value:P1}";

    static string Index(TensorDifference tensor) => tensor.Worst.Count == 0 ? "" : $"[{string.Join(", ", tensor.Worst)}]";

    static string Flag(TensorDifference tensor) => tensor.Verdict == Verdict.Disagrees ? "!! " : tensor.ToleranceUsed > Remarkable ? "! " : "";

    static string Symbol(ErrorMeasure measure) => measure switch
    {
        ErrorMeasure.Bits => "ulps",
        ErrorMeasure.OfLargest => "max",
        _ => "L2",
    };

    static Style StyleOf(TensorDifference tensor) => tensor.Verdict switch
    {
        Verdict.Disagrees => new Style(Color.Red),
        Verdict.NotKept => new Style(Color.Grey),
        _ => tensor.ToleranceUsed > Remarkable ? new Style(Color.Yellow) : Style.Plain,
    };

    static string Summary(DeviceComparisonReport report)
    {
        var kinks = report.UnitsAcrossKinks == 0
            ? ""
            : $"\n{report.UnitsAcrossKinks:N0} of {report.Units:N0} hidden units and log-variances fell on different sides of a kink; "
                + "gradients are compared by relative L2.";
        var disagreeing = report.Tensors.Count(tensor => tensor.Verdict == Verdict.Disagrees);
        if (report.FirstDisagreement is not { } first)
        {
            return $"agree: {report.Tensors.Count(tensor => tensor.Verdict == Verdict.Agrees):N0} tensors, "
                + $"the worst ({report.Worst.Name}) at {Share(report.Worst.ToleranceUsed)} of its tolerance{kinks}";
        }

        var values = first.Worst.Count == 0 ? "" : $" at {Index(first)}: {first.WorstValues.Device:R} instead of {first.WorstValues.Reference:R}";
        return $"DISAGREE: {disagreeing:N0} tensors; in the order of the computation the first is {first.Name} ({first.Phase.Describe()}){values}{kinks}";
    }

    static void PrintJson(DeviceComparisonReport report) => JsonOutput.Write(json =>
    {
        json.WriteString("device", report.Device);
        json.WriteString("reference", report.Reference);
        json.WriteBoolean("agrees", report.Agrees);
        json.WriteString("first_disagreement", report.FirstDisagreement?.Name);
        json.WriteNumber("steps", report.Steps);
        json.WriteNumber("units_across_kinks", report.UnitsAcrossKinks);
        json.WriteNumber("units", report.Units);
        json.WriteStartArray("tensors");
        foreach (var tensor in report.Tensors)
            WriteTensor(json, tensor);
        json.WriteEndArray();
    });

    static void WriteTensor(Utf8JsonWriter json, TensorDifference tensor)
    {
        json.WriteStartObject();
        json.WriteString("name", tensor.Name);
        json.WriteString("stage", tensor.Stage.ToString());
        json.WriteString("phase", tensor.Phase.ToString());
        json.WriteNumber("elements", tensor.Elements);
        json.WriteString("verdict", tensor.Verdict.ToString());
        if (tensor.Verdict != Verdict.NotKept)
        {
            JsonOutput.WriteFinite(json, "max_error", tensor.MaximumError);
            JsonOutput.WriteFinite(json, "relative_l2", tensor.RelativeL2);
            json.WriteNumber("max_ulps", tensor.MaximumUlps);
            json.WriteStartArray("worst");
            foreach (var index in tensor.Worst)
                json.WriteNumberValue(index);
            json.WriteEndArray();
            json.WriteString("measure", tensor.Measure.ToString());
            JsonOutput.WriteFinite(json, "error", tensor.Error);
            json.WriteNumber("tolerance", tensor.Tolerance);
            JsonOutput.WriteFinite(json, "tolerance_used", tensor.ToleranceUsed);
        }

        json.WriteEndObject();
    }
}
