using System.Globalization;
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
        Console.WriteLine($"ranks   {placement.Ranks:N0} on {Count(placement.Nodes, "node")}, {Sequences(budget.Step)} each "
            + $"(batch {budget.Sequences:N0} over all){Describe(links, placement)}");
        if (placement.Ranks > 1)
            Console.WriteLine($"sum     {sum.Bytes / 1e6:N0} MB a step, of which a rank sends and receives {sum.ExchangedBytes / 1e6:N0}; "
                + $"{Milliseconds(budget.SumSeconds)} ms{Parts(budget)}, all exposed: nothing overlaps it");
        Console.WriteLine($"weak    {Both(budget)} ms: {Percent(budget.WeakScaling)} of {Count(placement.Ranks, "GPU")} alone");
        Console.WriteLine($"strong  a batch of {budget.Sequences:N0}: {Milliseconds(budget.WholeSeconds)} ms on one GPU with the memory for it, "
            + $"{Both(budget)} ms on {placement.Ranks:N0}, {Gain(budget)}, {Percent(budget.StrongScaling)} of perfect");
        if (budget.Instead is { } instead)
            Console.WriteLine("Strong scaling of small batches gains little on GPUs, since the loops read the same weights for any number of rows: a batch of "
                + $"{instead.Sequences:N0}, {Milliseconds(instead.WholeSeconds)} ms on one GPU, over {instead.Placement.Ranks:N0} instead: "
                + $"{Both(instead)} ms, {Gain(instead)}.");
        Console.WriteLine($"Steps of ranks are estimates as above ({(budget.Gpu.Tf32Teraflops is null ? "float32" : "TF32")}); "
            + $"an exchange takes {1e6 * RankLinks.SecondsPerExchange} µs more than its bytes (assumed).");
    }

    static string Sequences(StepBudget step) => Count(step.Configuration.Training.BatchSize, "sequence") + Names.InShards(step.Configuration.Training);

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

    static string Both(ScalingBudget budget)
        => Milliseconds(budget.StepSeconds) + (budget.Placement.Ranks > 1 ? $" + {Milliseconds(budget.ExposedSeconds)}" : "");

    static string Gain(ScalingBudget budget) => budget.SpeedUp < LeastGain ? "no gain" : $"{budget.SpeedUp:N1} times as fast";

    // Two digits at least: 0.06, 0.6, 6.1, 61.8.
    static string Milliseconds(double seconds)
        => (1e3 * seconds).ToString(1e3 * seconds < 0.1 ? "N3" : 1e3 * seconds < 1 ? "N2" : "N1", CultureInfo.CurrentCulture);

    static string Percent(double share) => $"{100 * share:N0} %";

    static string Count(int count, string what) => $"{count:N0} {what}{(count == 1 ? "" : "s")}";
}
