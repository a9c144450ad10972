using Spectre.Console;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Cli.Reports;

/// <summary>Budgets of training steps as people read them.</summary>
static class BudgetTables
{
    /// <summary>One configuration, phase by phase.</summary>
    /// <param name="budget">The count.</param>
    /// <param name="gpu">Adds its times; may be null.</param>
    /// <param name="measured">Adds what a device took; may be null.</param>
    public static void Print(StepBudget budget, GpuSpecification? gpu, (string Device, StepTimes Times)? measured)
    {
        var model = budget.Configuration.Model;
        Console.WriteLine($"model   {Names.Describe(model)}, {Names.Outputs(model)}");
        Console.WriteLine($"step    B {budget.Configuration.Training.BatchSize}{Names.InShards(budget.Configuration.Training)}, T {budget.TimeSteps}");
        if (gpu is not null)
            Console.WriteLine($"gpu     {Describe(gpu)}");
        if (measured is { } run)
            Console.WriteLine($"device  {run.Device}");
        Console.WriteLine($"host    {budget.HostLaunches:N0} calls a step ({(double)budget.HostLaunches / budget.TimeSteps:N2} a time step), "
            + $"the graph's launch included; {budget.UploadedBytes / 1e6:N3} MB up, {budget.DownloadedBytes:N0} bytes down");
        var table = Right(new Table { Border = TableBorder.Simple }.AddColumns(["phase", "kernels", "a time step", "MB a time step", "GB", "GFLOP",
            .. TimeColumns(gpu), .. Column(measured is not null, "ms measured")]), 1);
        foreach (var phase in budget.Phases)
            table.AddRow(
            [
                phase.Phase.Describe(), $"{phase.Kernels:N0}",
                phase.LoopSteps == 0 ? "" : $"{(double)phase.Kernels / phase.LoopSteps:N2}",
                phase.LoopSteps == 0 ? "" : $"{phase.Bytes / 1e6 / phase.LoopSteps:N2}",
                $"{phase.Bytes / 1e9:N3}", $"{phase.FloatingPointOperations / 1e9:N2}", .. Times(gpu, phase.Seconds),
                .. Column(measured is not null, Measured(measured?.Times.Phases.FirstOrDefault(timed => timed.Phase == phase.Phase).Seconds)),
            ]);
        table.AddRow(
        [
            "step", $"{budget.Kernels:N0}", "", "", $"{budget.Bytes / 1e9:N3}", $"{budget.FloatingPointOperations / 1e9:N2}", .. Times(gpu, budget.Seconds),
            .. Column(measured is not null, Measured(measured?.Times.Seconds)),
        ]);
        Tables.Write(table);
        PrintAssumption(gpu);
        if (measured is not null)
            Console.WriteLine("Measured: the step as training runs it; each phase alone, its operations called one by one and waited for, "
                + "so that phases add up to more than the step on a GPU.");

        static string Measured(double? seconds) => $"{1e3 * seconds:N3}";
    }

    /// <summary>The paper's models, a line each.</summary>
    public static void PrintPaperModels(GpuSpecification? gpu)
    {
        if (gpu is not null)
            Console.WriteLine($"gpu     {Describe(gpu)}");
        var table = Right(new Table { Border = TableBorder.Simple }.AddColumns(["model", "H", "M", "Z", "outputs", "B", "T", "kernels", "F3 a step",
            "B5 a step", "GB", "GFLOP", .. TimeColumns(gpu), .. Column(gpu is not null, "samples/s")]), 5);
        foreach (var paper in PaperModel.All)
        {
            var (model, b) = (paper.Configuration.Model, paper.Configuration.Training.BatchSize);
            var budget = StepBudget.Count(paper.Configuration, paper.TimeSteps);
            string PerStep(TrainingPhase phase) => $"{(double)budget.Phases.First(counted => counted.Phase == phase).Kernels / paper.TimeSteps:N2}";
            table.AddRow(
            [
                paper.Name, $"{model.LstmUnits}", $"{model.MlpUnits}", $"{model.LatentUnits}", Names.Outputs(model), $"{b}", $"{paper.TimeSteps}",
                $"{budget.Kernels:N0}", PerStep(TrainingPhase.F3), PerStep(TrainingPhase.B5), $"{budget.Bytes / 1e9:N1}",
                $"{budget.FloatingPointOperations / 1e9:N0}",
                .. Times(gpu, budget.Seconds), .. gpu is null ? Array.Empty<string>() : [$"{b / budget.Seconds(gpu, tensorCores: true):N0}"],
            ]);
        }

        Tables.Write(table);
        PrintAssumption(gpu);
    }

    static string Describe(GpuSpecification gpu)
        => $"{gpu.Product}: {gpu.GigabytesPerSecond:N0} GB/s, {gpu.Fp32Teraflops} TFLOP/s float32, "
            + $"{(gpu.Tf32Teraflops is { } tf32 ? $"{tf32} TFLOP/s TF32 (dense)" : "no TF32")}, {gpu.L2Megabytes} MB L2";

    static IEnumerable<string> TimeColumns(GpuSpecification? gpu)
        => gpu is null ? [] : gpu.Tf32Teraflops is null ? ["ms float32"] : ["ms float32", "ms TF32"];

    static IEnumerable<string> Times(GpuSpecification? gpu, Func<GpuSpecification, bool, double> seconds)
    {
        if (gpu is null)
            yield break;
        yield return $"{1e3 * seconds(gpu, false):N3}";
        if (gpu.Tf32Teraflops is not null)
            yield return $"{1e3 * seconds(gpu, true):N3}";
    }

    static IEnumerable<string> Column(bool there, string text) => there ? [text] : [];

    static Table Right(Table table, int first)
    {
        foreach (var column in table.Columns.Skip(first))
            column.RightAligned();
        return table;
    }

    static void PrintAssumption(GpuSpecification? gpu)
    {
        if (gpu is not null)
            Console.WriteLine("Estimates: of each kernel the longest of its traffic at full bandwidth (nothing found in L2), its arithmetic at the peak, "
                + $"and {1e6 * GpuSpecification.SecondsPerKernel} µs to start (assumed).");
    }
}
