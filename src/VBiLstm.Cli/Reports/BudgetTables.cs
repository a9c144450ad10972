using Spectre.Console;
using VBiLstm.Cuda;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Cli.Reports;

/// <summary>Budgets of training steps as people read them.</summary>
static class BudgetTables
{
    static readonly CudaPrecision[] WithKernels = [CudaPrecision.Tf32, CudaPrecision.Bf16];

    /// <summary>One configuration, phase by phase.</summary>
    /// <param name="budgets">The counts.</param>
    /// <param name="gpu">Adds its times; may be null.</param>
    /// <param name="measured">Adds what a device took; may be null.</param>
    public static void Print(PrecisionBudgets budgets, GpuSpecification? gpu, MeasuredStep? measured)
    {
        var budget = budgets.Float32;
        var model = budget.Configuration.Model;
        Console.WriteLine($"model   {Names.Describe(model)}, {Names.Outputs(model)}");
        Console.WriteLine($"step    B {budget.Configuration.Training.BatchSize}{Names.InShards(budget.Configuration.Training)}, T {budget.TimeSteps}");
        if (gpu is not null)
            Console.WriteLine($"gpu     {Describe(gpu)}");
        if (measured is not null)
            Console.WriteLine($"device  {measured.Device}");
        Console.WriteLine($"host    {budget.HostLaunches:N0} calls a step ({(double)budget.HostLaunches / budget.TimeSteps:N2} a time step), "
            + $"the graph's launch included; {budget.UploadedBytes / 1e6:N3} MB up, {budget.DownloadedBytes:N0} bytes down");
        Console.WriteLine($"memory  {budget.Memory}");
        if (IsWorthATable(gpu, CudaPrecision.Bf16))
            Console.WriteLine($"        with --precision bf16 {budgets.Bf16.Memory}; of the parameters {budgets.OperandBytes / 1e6:N1} MB are operands");
        Console.WriteLine("All products by the library:");
        PrintPhases(budget, gpu, [CudaPrecision.Fp32, CudaPrecision.Tf32], measured?.BesideLibrary(isBf16: false));
        if (IsWorthATable(gpu, CudaPrecision.Bf16))
        {
            Console.WriteLine($"{Option(CudaPrecision.Bf16)}, all products by the library:");
            PrintPhases(budgets.Bf16Library, gpu, [CudaPrecision.Bf16], measured?.BesideLibrary(isBf16: true));
        }

        foreach (var precision in WithKernels.Where(precision => IsWorthATable(gpu, precision)))
        {
            Console.WriteLine($"{Option(precision)}, products of few rows by the kernels:");
            PrintPhases(CountOf(budgets, precision).Kernels, gpu, [precision], measured?.BesideKernels(precision));
        }

        if (budgets.Bf16Resident is { } resident)
        {
            Console.WriteLine("--precision bf16 --loop resident:");
            PrintPhases(resident, gpu, [CudaPrecision.Bf16], measured: null);
        }

        PrintAssumptions(gpu);
        if (measured is not null)
            Console.WriteLine("Measured: the step as training runs it; each phase alone, its operations called one by one and waited for, "
                + "so that phases add up to more than the step on a GPU.");
    }

    static void PrintPhases(StepBudget budget, GpuSpecification? gpu, CudaPrecision[] precisions, StepTimes? measured)
    {
        precisions = [.. precisions.Where(precision => Has(gpu, precision))];
        var early = Early(gpu, precisions);
        var table = Right(new Table { Border = TableBorder.Simple }.AddColumns(["phase", "kernels", "a time step", "MB a time step", "GB", "GFLOP",
            .. precisions.Select(precision => $"ms {Name(precision)}"), .. early.SelectMany(EarlyColumns), .. Column(measured is not null, "ms measured")]), 1);
        foreach (var phase in budget.Phases)
            table.AddRow(
            [
                phase.Phase.Describe(), $"{phase.Kernels:N0}",
                phase.LoopSteps == 0 ? "" : $"{(double)phase.Kernels / phase.LoopSteps:N2}",
                phase.LoopSteps == 0 ? "" : $"{phase.Bytes / 1e6 / phase.LoopSteps:N2}",
                $"{phase.Bytes / 1e9:N3}", $"{phase.FloatingPointOperations / 1e9:N2}", .. precisions.Select(precision => Ms(phase.Seconds(gpu!, precision))),
                .. early.SelectMany(precision => new[] { $"{phase.EarlyStarts:N0}", Ms(phase.Seconds(gpu!, precision, startEarly: true)) }),
                .. Column(measured is not null, Ms(measured?.Phases.FirstOrDefault(timed => timed.Phase == phase.Phase).Seconds)),
            ]);
        table.AddRow(
        [
            "step", $"{budget.Kernels:N0}", "", "", $"{budget.Bytes / 1e9:N3}", $"{budget.FloatingPointOperations / 1e9:N2}",
            .. precisions.Select(precision => Ms(budget.Seconds(gpu!, precision))),
            .. early.SelectMany(precision => new[] { $"{budget.EarlyStarts:N0}", Ms(budget.Seconds(gpu!, precision, startEarly: true)) }),
            .. Column(measured is not null, Ms(measured?.Seconds)),
        ]);
        if (gpu is not null)
        {
            table.AddRow(["in one line", "", "", "", "", "", .. precisions.Select(precision => Ms(budget.SecondsInLine(gpu, precision))),
                .. Column(early.Length > 0, ""), .. Column(early.Length > 0, ""), .. Column(measured is not null, "")]);
            table.AddRow(["at least", "", "", "", $"{budget.LeastBytes(gpu) / 1e9:N3}", $"{budget.FloatingPointOperations / 1e9:N2}",
                .. precisions.Select(precision => Ms(budget.LeastSeconds(gpu, precision))), .. Column(early.Length > 0, ""), .. Column(early.Length > 0, ""),
                .. Column(measured is not null, "")]);
        }

        Tables.Write(table);

        static string Ms(double? seconds) => $"{1e3 * seconds:N3}";
    }

    /// <summary>The paper's models, a line each: a step by the library, with the kernels in TF32 and bf16, and the memory that it takes.</summary>
    /// <param name="gpu">Adds its times, and what ranks gain; may be null.</param>
    /// <param name="markdown">Tables for documents.</param>
    public static void PrintPaperModels(GpuSpecification? gpu, bool markdown)
    {
        var border = markdown ? TableBorder.Markdown : TableBorder.Simple;
        var models = PaperModel.All.Select(paper => (paper, PrecisionBudgets.Count(paper.Configuration, paper.TimeSteps, gpu))).ToList();
        if (gpu is not null)
            Console.WriteLine($"gpu     {Describe(gpu)}");
        Console.WriteLine();
        PrintFloat32(models, gpu, border);
        foreach (var precision in WithKernels.Where(precision => IsWorthATable(gpu, precision)))
        {
            Console.WriteLine($"{Option(precision)}: products of few rows by the project's kernels, with what follows, or by the library");
            Console.WriteLine();
            PrintWithKernels(models, gpu, border, precision);
        }

        if (Has(gpu, CudaPrecision.Bf16))
        {
            Console.WriteLine("--precision bf16 --loop resident: loops over time whose weights stay in shared memory, beside kernels for each time step");
            Console.WriteLine();
            PrintResident(models, gpu!, border);
        }

        Console.WriteLine("Memory in MB; in bf16 the parameters and what products read of the activations have operands of two bytes");
        Console.WriteLine();
        PrintMemory(models, border);
        if (gpu is not null)
        {
            Console.WriteLine($"Ranks (nodes × GPUs), that batch on each: share of perfect weak scaling ({Name(gpu.Has(CudaPrecision.Tf32)
                ? CudaPrecision.Tf32 : CudaPrecision.Fp32)})");
            Console.WriteLine();
            ScalingText.PrintPaperModels(gpu, border);
        }

        PrintAssumptions(gpu);
    }

    static void PrintFloat32(List<(PaperModel, PrecisionBudgets)> models, GpuSpecification? gpu, TableBorder border)
    {
        CudaPrecision[] precisions = [.. new[] { CudaPrecision.Fp32, CudaPrecision.Tf32 }.Where(precision => Has(gpu, precision))];
        var table = Right(new Table { Border = border }.AddColumns(["model", "outputs", "H", "M", "Z", "B", "T", "kernels", "F3 a step", "B5 a step", "GB",
            "GFLOP", .. precisions.Select(precision => $"ms {Name(precision)}"),
            .. precisions.TakeLast(1).SelectMany(last => new[] { "in one line", $"at least {Name(last)}", "samples/s" })]), 2);
        foreach (var (paper, budgets) in models)
        {
            var (model, b, budget) = (paper.Configuration.Model, paper.Configuration.Training.BatchSize, budgets.Float32);
            table.AddRow(
            [
                paper.Name, Names.Outputs(model), $"{model.LstmUnits}", $"{model.MlpUnits}", $"{model.LatentUnits}", $"{b}", $"{paper.TimeSteps}",
                $"{budget.Kernels:N0}", .. KernelsOfLoops(budget), $"{budget.Bytes / 1e9:N1}", $"{budget.FloatingPointOperations / 1e9:N0}",
                .. precisions.Select(precision => $"{1e3 * budget.Seconds(gpu!, precision):N1}"),
                .. precisions.TakeLast(1).SelectMany(last => new[]
                {
                    $"{1e3 * budget.SecondsInLine(gpu!, last):N1}", $"{1e3 * budget.LeastSeconds(gpu!, last):N1}", $"{b / budget.Seconds(gpu!, last):N0}",
                }),
            ]);
        }

        Tables.Write(table);
    }

    static void PrintWithKernels(List<(PaperModel, PrecisionBudgets)> models, GpuSpecification? gpu, TableBorder border, CudaPrecision precision)
    {
        var (timed, name) = (gpu is not null, Name(precision));
        var early = Early(gpu, [precision]);
        var table = Right(new Table { Border = border }.AddColumns(["model", "kernels", "F3 a step", "B5 a step", "GB", .. Column(timed, $"ms {name}"),
            .. early.SelectMany(EarlyColumns), .. Column(timed, "in one line"), .. Column(timed, $"at least {name}"), .. Column(timed, "samples/s"),
            "library: kernels", "GB", .. Column(timed, $"ms {name}")]), 1);
        foreach (var (paper, budgets) in models)
        {
            var (b, (kernels, library)) = (paper.Configuration.Training.BatchSize, CountOf(budgets, precision));
            table.AddRow(
            [
                paper.Name, $"{kernels.Kernels:N0}", .. KernelsOfLoops(kernels), $"{kernels.Bytes / 1e9:N1}",
                .. Column(timed, timed ? Ms(kernels.Seconds(gpu!, precision)) : ""),
                .. early.SelectMany(_ => new[] { $"{kernels.EarlyStarts:N0}", Ms(kernels.Seconds(gpu!, precision, startEarly: true)) }),
                .. timed
                    ? [Ms(kernels.SecondsInLine(gpu!, precision)), Ms(kernels.LeastSeconds(gpu!, precision)), $"{b / kernels.Seconds(gpu!, precision):N0}"]
                    : Array.Empty<string>(),
                $"{library.Kernels:N0}", $"{library.Bytes / 1e9:N1}", .. Column(timed, timed ? Ms(library.Seconds(gpu!, precision)) : ""),
            ]);
        }

        Tables.Write(table);

        static string Ms(double seconds) => $"{1e3 * seconds:N1}";
    }

    static void PrintResident(List<(PaperModel, PrecisionBudgets)> models, GpuSpecification gpu, TableBorder border)
    {
        var table = Right(new Table { Border = border }.AddColumns("model", "kernels", "GB", "ms bf16", "of time steps", "without early starts"), 1);
        foreach (var (paper, budgets) in models)
            table.AddRow(budgets.Bf16Resident is { } resident
                ? [paper.Name, $"{resident.Kernels:N0}", $"{resident.Bytes / 1e9:N1}", Ms(resident, gpu.StartsEarly), Ms(budgets.Bf16, gpu.StartsEarly),
                    Ms(budgets.Bf16, startEarly: false)]
                : [paper.Name, "no room", "", "", Ms(budgets.Bf16, gpu.StartsEarly), Ms(budgets.Bf16, startEarly: false)]);
        Tables.Write(table);

        string Ms(StepBudget budget, bool startEarly) => $"{1e3 * budget.Seconds(gpu, CudaPrecision.Bf16, startEarly):N1}";
    }

    static void PrintMemory(List<(PaperModel, PrecisionBudgets)> models, TableBorder border)
    {
        var table = Right(new Table { Border = border }.AddColumns("model", "B", "T", "parameters, gradients, moments", "their operands",
            "activations float32", "activations bf16", "all float32", "all bf16"), 1);
        foreach (var (paper, budgets) in models)
        {
            var (float32, bf16) = (budgets.Float32.Memory, budgets.Bf16.Memory);
            table.AddRow(paper.Name, $"{paper.Configuration.Training.BatchSize}", $"{paper.TimeSteps}", Megabytes(float32.ParameterBytes),
                Megabytes(budgets.OperandBytes), Megabytes(float32.ActivationBytes), Megabytes(bf16.ActivationBytes), Megabytes(float32.Bytes),
                Megabytes(bf16.Bytes));
        }

        Tables.Write(table);

        static string Megabytes(long bytes) => $"{bytes / 1e6:N0}";
    }

    static IEnumerable<string> KernelsOfLoops(StepBudget budget)
        => new[] { TrainingPhase.F3, TrainingPhase.B5 }.Select(phase => budget.Phases.First(counted => counted.Phase == phase))
            .Select(phase => $"{(double)phase.Kernels / phase.LoopSteps:N2}");

    static string Describe(GpuSpecification gpu)
        => $"{gpu.Product}: {gpu.GigabytesPerSecond:N0} GB/s, {gpu.Fp32Teraflops} TFLOP/s float32, "
            + $"{(gpu.Tf32Teraflops is { } tf32 ? $"{tf32} TFLOP/s TF32 (dense)" : "no TF32")}, "
            + $"{(gpu.Bf16Teraflops is { } bf16 ? $"{bf16} TFLOP/s bf16 (dense)" : "no bf16")}, "
            + $"{gpu.L2Megabytes} MB L2 of {gpu.L2GigabytesPerSecond:N0} GB/s (assumed)";

    static (StepBudget Kernels, StepBudget Library) CountOf(PrecisionBudgets budgets, CudaPrecision precision)
        => precision == CudaPrecision.Tf32 ? (budgets.Tf32, budgets.Float32) : (budgets.Bf16, budgets.Bf16Library);

    static string Option(CudaPrecision precision) => precision == CudaPrecision.Tf32 ? "--precision tf32" : "--precision bf16";

    static string Name(CudaPrecision precision) => precision switch
    {
        CudaPrecision.Tf32 => "TF32",
        CudaPrecision.Bf16 => "bf16",
        _ => "float32",
    };

    // Whether there is a GPU whose times can be given.
    static bool Has(GpuSpecification? gpu, CudaPrecision precision) => gpu is not null && gpu.Has(precision);

    static bool IsWorthATable(GpuSpecification? gpu, CudaPrecision precision) => gpu is null || Has(gpu, precision);

    // The fastest of the precisions, where the GPU starts kernels before the one before has ended.
    static CudaPrecision[] Early(GpuSpecification? gpu, CudaPrecision[] precisions) => gpu is { StartsEarly: true } ? [.. precisions.TakeLast(1)] : [];

    static string[] EarlyColumns(CudaPrecision precision) => ["early starts", $"ms {Name(precision)} with them"];

    static IEnumerable<string> Column(bool there, string text) => there ? [text] : [];

    static Table Right(Table table, int first)
    {
        foreach (var column in table.Columns.Skip(first))
            column.RightAligned();
        return table;
    }

    static void PrintAssumptions(GpuSpecification? gpu)
    {
        if (gpu is null)
            return;
        Console.WriteLine("Estimates: of each kernel the longest of its traffic at full bandwidth, its arithmetic at the peak, "
            + $"and {1e6 * GpuSpecification.SecondsPerKernel} µs to start (assumed). "
            + (gpu.StartsEarly ? $"With early starts {1e6 * GpuSpecification.SecondsPerEarlyKernel} µs for each of these (assumed). " : "")
            + $"A resident loop takes {1e6 * GpuSpecification.SecondsPerGridBarrier} µs more for each of its barriers (assumed), and nothing runs beside it. "
            + "A loop whose time step fits into L2 has its traffic there, all else in memory.");
        Console.WriteLine("Branches get the time in which the main line's kernels only start (assumed); in one line: the same step without them.");
        Console.WriteLine("At least: the longer of the arithmetic at the peak, and of what the step holds beyond L2, written once and read once.");
    }
}
