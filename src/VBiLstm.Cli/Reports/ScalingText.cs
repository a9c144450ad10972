using Spectre.Console;
using VBiLstm.Cuda.Profiling;

namespace VBiLstm.Cli.Reports;

/// <summary>What several GPUs gain, as people read it.</summary>
static class ScalingText
{
    // A gain within the errors of an estimate is none.
    const double LeastGain = 1.05;

    public static void Print(ScalingBudget budget)
    {
        var (placement, sum, links) = (budget.Placement, budget.Sum, budget.Links);
        Console.WriteLine();
        Console.WriteLine($"ranks   {placement.Ranks:N0} on {Names.Count(placement.Nodes, "node")}, {Sequences(budget.Step)} each "
            + $"(batch {budget.Sequences:N0} over all){Describe(links, placement)}");
        if (placement.Ranks == 1)
        {
            Console.WriteLine("sum     none: one rank has nobody to add to");
            return;
        }

        Console.WriteLine($"sum     {Megabytes(sum.Bytes)} MB a step, of which a rank sends and receives {Megabytes(sum.ExchangedBytes)}; "
            + $"{Milliseconds(budget.SumSeconds)} ms{Parts(budget)}, all exposed: nothing overlaps it");
        Console.WriteLine($"weak    {Both(budget)} ms: {Percent(budget.WeakScaling)} of {placement.Ranks:N0} GPUs alone");
        Console.WriteLine($"strong  a batch of {Batch(budget)}: {Milliseconds(budget.WholeSeconds)} ms on one GPU, if it has the memory, "
            + $"{Both(budget)} ms on {placement.Ranks:N0}: {Gain(budget)}, {Percent(budget.StrongScaling)} of perfect");
        if (budget.Instead is { } instead)
            Console.WriteLine($"        a batch of {Batch(instead)}: {Milliseconds(instead.WholeSeconds)} ms on one GPU, "
                + $"over {instead.Placement.Ranks:N0} instead {Both(instead)} ms: {Gain(instead)}");
        Console.WriteLine("Strong scaling of small batches gains little on GPUs: the loops read the same weights for any number of rows. "
            + "Give each GPU as many sequences as train well.");
        Console.WriteLine($"Ranks' times are estimates as above ({(budget.Gpu.Tf32Teraflops is null ? "float32" : "TF32")}); "
            + $"an exchange takes {1e6 * RankLinks.SecondsPerExchange} µs beside its bytes (assumed).");
    }

    /// <summary>Share of perfect weak scaling of the paper's models, each with its batch on every GPU, and what its batch over a node of them takes.</summary>
    public static void PrintPaperModels(GpuSpecification gpu, TableBorder border)
    {
        var node = new RankPlacement(RankPlacement.GpusOfANode, RankPlacement.GpusOfANode);
        (RankPlacement Placement, NetworkLink? Network)[] several =
        [
            (node, null), (node with { Ranks = 8 * node.Ranks }, NetworkLink.Get("ib-400")), (node with { PerNode = 1 }, NetworkLink.Get("ethernet-100")),
        ];
        var table = new Table { Border = border }.AddColumns(["model", "MB", "ms a step",
            .. several.Select(ranks => $"{ranks.Placement.Nodes} × {ranks.Placement.PerNode}{(ranks.Network is { } network ? $", {network.Name}" : "")}"),
            $"its batch over {node.Ranks}, ms"]);
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        foreach (var paper in PaperModel.All)
        {
            var instead = ScalingBudget.Count(paper.Configuration, paper.TimeSteps, node, gpu, network: null);
            var step = instead.WholeSeconds;
            string Share(RankPlacement placement, NetworkLink? network)
                => Percent(step / (step + RankSum.Of(paper.Configuration.Model, placement).Seconds(gpu, new RankLinks(gpu.Link, network))));
            table.AddRow([paper.Name, Megabytes(instead.Sum.Bytes), Milliseconds(step), .. several.Select(ranks => Share(ranks.Placement, ranks.Network)),
                Both(instead)]);
        }

        Tables.Write(table);
    }

    static string Sequences(StepBudget step) => Names.Count(step.Configuration.Training.BatchSize, "sequence") + Names.InShards(step.Configuration.Training);

    static string Batch(ScalingBudget budget) => $"{budget.Sequences:N0}{Names.InShards(budget.Whole.Configuration.Training)}";

    static string Describe(RankLinks links, RankPlacement placement)
    {
        var all = new List<string>();
        if (placement.PerNode > 1)
            all.Add($"{links.Node.Product} {links.Node.GigabytesPerSecond} GB/s");
        if (placement.Nodes > 1)
            all.Add($"network {links.Network!.GigabytesPerSecond} GB/s a GPU");
        return all.Count == 0 ? "" : $"; {string.Join(", ", all)}, {Percent(RankLinks.ShareOfLineRate)} of {(all.Count > 1 ? "both" : "it")} assumed";
    }

    static string Parts(ScalingBudget budget)
    {
        var parts = budget.Sum.Levels.Select(level => Milliseconds(level.ExchangeSeconds(budget.Links) + level.AdditionSeconds(budget.Gpu))).ToList();
        return parts.Count == 2 ? $" ({parts[0]} in nodes, {parts[1]} between them)"
            : budget.Placement is { Nodes: > 1, PerNode: > 1 } ? $" (all ranks at once: {budget.Placement.PerNode} a node are no power of two)"
            : "";
    }

    static string Both(ScalingBudget budget) => $"{Milliseconds(budget.StepSeconds)} + {Milliseconds(budget.ExposedSeconds)}";

    static string Gain(ScalingBudget budget) => budget.SpeedUp < LeastGain ? "no gain" : $"{budget.SpeedUp:N1} times as fast";

    // Two digits at least.
    static string Milliseconds(double seconds)
        => seconds < 1e-4 ? $"{1e3 * seconds:N3}" : seconds < 1e-3 ? $"{1e3 * seconds:N2}" : $"{1e3 * seconds:N1}";

    static string Megabytes(long bytes) => bytes < 10_000_000 ? $"{bytes / 1e6:N1}" : $"{bytes / 1e6:N0}";

    static string Percent(double share) => $"{100 * share:N0} %";
}
