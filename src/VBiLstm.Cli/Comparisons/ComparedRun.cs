using VBiLstm.Comparisons;
using VBiLstm.Metrics;
using VBiLstm.Runs;

namespace VBiLstm.Cli.Comparisons;

/// <summary>A finished run of a comparison.</summary>
sealed record ComparedRun(ComparisonRun Run, ComparisonResult Result, string Folder)
{
    /// <summary>Validation bound over the steps, nats per sequence.</summary>
    public IReadOnlyList<(double Step, double Bound)> Curve { get; } =
        [.. MetricsLog.Read(new RunFolder(Folder).Metrics)
            .Where(row => row.Split == "validation" && row.Values.TryGetValue("bound", out var bound) && double.IsFinite(bound))
            .Select(row => ((double)row.Step, row.Values["bound"]))];
}

/// <summary>A figure over the seeds of one model on one data set.</summary>
readonly record struct Spread(double Mean, double Deviation, double Least, double Most, int Count)
{
    /// <summary>Mean, standard deviation of a sample (0 for a single one), range.</summary>
    public static Spread Of(IEnumerable<double> values)
    {
        var all = values.ToList();
        var mean = all.Average();
        return new Spread(mean, all.Count < 2 ? 0 : Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / (all.Count - 1)), all.Min(), all.Max(),
            all.Count);
    }

    /// <summary>The same of a figure of runs.</summary>
    public static Spread Of(IEnumerable<ComparedRun> runs, Func<ComparisonResult, double> figure) => Of(runs.Select(run => figure(run.Result)));
}
