using System.Globalization;
using System.Text;
using VBiLstm.Cli.Reports;
using VBiLstm.Comparisons;
using static System.Net.WebUtility;

namespace VBiLstm.Cli.Comparisons;

/// <summary>report.html, results.csv (one row a run) and groups.csv (one row for the seeds of a model on a data set).</summary>
static class ComparisonReport
{
    public const string FileName = "report.html";

    const string ResultsFile = "results.csv", GroupsFile = "groups.csv";

    const string Style = """
        :root { color-scheme: light dark; --text: #222; --soft: #555; --line: #ddd; --page: #fff; --link: #0b5cad }
        @media (prefers-color-scheme: dark) {
          :root { --text: #ddd; --soft: #aaa; --line: #444; --page: #16181c; --link: #7db7f0 }
          svg { filter: invert(.91) hue-rotate(180deg) }
        }
        body { font: 15px/1.5 system-ui, sans-serif; max-width: 90rem; margin: 2rem auto; padding: 0 1rem; color: var(--text); background: var(--page) }
        a { color: var(--link) } .table { overflow-x: auto; margin: 1rem 0 } table { border-collapse: collapse }
        th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right } td { white-space: nowrap }
        th[scope=row] { text-align: left; font-weight: normal } .group { text-align: center; border-left: 2px solid var(--line) }
        figure { display: inline-block; margin: 0 1rem 1rem 0; max-width: 100% } figcaption { color: var(--soft); font-size: 13px; max-width: 900px }
        svg { max-width: 100%; height: auto } .note { color: var(--soft); font-size: 13px }
        """;

    /// <summary>Writes everything into the comparison's folder.</summary>
    /// <param name="comparison">What was declared.</param>
    /// <param name="declared">Number of its runs.</param>
    /// <param name="runs">Those that are finished, one at least.</param>
    /// <param name="failures">Runs that diverged, and how.</param>
    /// <param name="folder">Of the comparison.</param>
    public static void Write(ComparisonFile comparison, int declared, IReadOnlyList<ComparedRun> runs, IReadOnlyList<string> failures, string folder)
    {
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
            + $"charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{HtmlEncode(comparison.Name)}</title>"
            + $"<style>{Style}</style></head><body>\n<h1>{HtmlEncode(comparison.Name)}</h1>\n<p>{HtmlEncode(comparison.Description)}</p>\n");
        var sizes = comparison.EqualParametersTo is { } reference
            ? $"every model has as many {(comparison.CountsGenerative ? "generative" : "trained")} parameters as "
                + $"{HtmlEncode(reference)}, within 1 %, by its widths"
            : "sizes as declared";
        var devices = string.Join("; ", runs.Select(run => HtmlEncode(run.Result.Device)).Distinct());
        html.Append(CultureInfo.InvariantCulture, $"<p>{runs.Count} of {declared} runs; seeds {string.Join(", ", comparison.Seeds)}; {sizes}. "
            + $"Figures are of each run's best checkpoint by validation bound, on test, mean ± standard deviation over the seeds and (lowest to highest). "
            + $"{Samples(runs)}vbilstm {HtmlEncode(runs[0].Result.Program)}, {devices}. Figures of every run: <a href=\"{ResultsFile}\">{ResultsFile}</a>; "
            + $"of every model: <a href=\"{GroupsFile}\">{GroupsFile}</a>.</p>\n");
        foreach (var failure in failures)
            html.Append(CultureInfo.InvariantCulture, $"<p><strong>Missing:</strong> {HtmlEncode(failure)}</p>\n");
        html.Append(CultureInfo.InvariantCulture, $"<h2>Results</h2>\n{ComparisonTables.Scores(comparison, runs)}");
        foreach (var data in comparison.Data.Where(data => data.PaperNote.Length > 0))
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"note\">{HtmlEncode(data.Name)}: {HtmlEncode(data.PaperNote)}</p>\n");
        if (ComparisonTables.KullbackLeibler(comparison, runs) is { Length: > 0 } kl)
            html.Append(CultureInfo.InvariantCulture, $"<p>KL of the posterior from the prior on test, nats per sequence; "
                + $"the paper's as its Table 6 prints them.</p>\n{kl}");
        foreach (var data in comparison.Data)
        {
            var models = comparison.Models.SelectMany(model => runs.Where(run => run.Run.Data.Name == data.Name && run.Run.Model.Name == model.Name))
                .GroupBy(run => run.Run.Model.Name).ToList();
            if (models.Count > 0)
                AppendDataset(html, data, models, ComparisonFigures.Write(folder, data, models));
        }

        html.Append("</body></html>\n");
        AtomicFile.WriteText(Path.Combine(folder, FileName), html.ToString());
        WriteCsv(Path.Combine(folder, ResultsFile), ResultColumns, runs);
        WriteCsv(Path.Combine(folder, GroupsFile), GroupColumns, runs.GroupBy(run => (run.Run.Data.Name, run.Run.Model.Name)).Select(group => group.ToList()));
    }

    static void AppendDataset(StringBuilder html, ComparisonDataset data, List<IGrouping<string, ComparedRun>> models,
        IReadOnlyList<(string Caption, string Svg)> figures)
    {
        var some = models[0].First().Result;
        html.Append(CultureInfo.InvariantCulture, $"<h2>{HtmlEncode(data.Name)}</h2>\n<p>{HtmlEncode(data.Title)}</p>\n<p class=\"note\">Test: "
            + $"{some.Sequences:N0} sequences, {some.PredictedSteps:N0} predicted steps. Preset "
            + $"{HtmlEncode(data.Preset)}{(data.Set.Count > 0 ? $" with {HtmlEncode(string.Join(", ", data.Set))}" : "")}.</p>\n");
        html.Append(ComparisonTables.Details(data, models));
        foreach (var (caption, svg) in figures)
            html.Append(CultureInfo.InvariantCulture,
                $"<figure>{svg[Math.Max(0, svg.IndexOf("<svg", StringComparison.Ordinal))..]}<figcaption>{HtmlEncode(caption)}</figcaption></figure>\n");
    }

    // K is what runs were scored with, which may be another than the file now says.
    static string Samples(IReadOnlyList<ComparedRun> runs)
    {
        var counts = runs.Where(run => run.Result.HasChannel).Select(run => run.Result.Samples).Distinct().Order().ToList();
        return counts.Count == 0 || counts is [0] ? "" : $"K is {string.Join(" or ", counts)}. ";
    }

    static readonly IReadOnlyList<(string Name, Func<ComparedRun, FormattableString> Value)> ResultColumns =
    [
        ("data", run => $"{run.Run.Data.Name}"),
        ("model", run => $"{run.Run.Model.Name}"),
        ("seed", run => $"{run.Run.Seed}"),
        ("parameters", run => $"{run.Run.Parameters}"),
        ("generative_parameters", run => $"{run.Run.GenerativeParameters}"),
        ("best_step", run => $"{run.Result.Step}"),
        ("value", run => $"{run.Result.Value:R}"),
        ("unit", run => $"{run.Result.Unit}"),
        ("is_exact", run => $"{(run.Result.HasChannel || run.Result.ReadsFuture ? "false" : "true")}"),
        ("validation_value", run => $"{run.Result.ValidationValue:R}"),
        ("bound_nats", run => $"{run.Result.Bound:R}"),
        ("nll_nats", run => $"{run.Result.Nll:R}"),
        ("kl_nats", run => $"{run.Result.Kl:R}"),
        ("active_units", run => $"{run.Result.ActiveUnits}"),
        ("prior_mode_sampled_nats", run => $"{run.Result.PriorModeSampled:R}"),
        ("prior_mode_mean_nats", run => $"{run.Result.PriorModeMean:R}"),
        ("samples", run => $"{run.Result.Samples}"),
        ("importance_weighted_nats", run => $"{run.Result.ImportanceWeighted:R}"),
        ("prior_trajectories_nats", run => $"{run.Result.PriorTrajectories:R}"),
        ("prior_particles_nats", run => $"{run.Result.ParticleFilter:R}"),
        ("sequences", run => $"{run.Result.Sequences}"),
        ("predicted_steps", run => $"{run.Result.PredictedSteps}"),
        ("device", run => $"{run.Result.Device}"),
    ];

    static readonly IReadOnlyList<(string Name, Func<IReadOnlyList<ComparedRun>, FormattableString> Value)> GroupColumns =
    [
        ("data", runs => $"{runs[0].Run.Data.Name}"),
        ("model", runs => $"{runs[0].Run.Model.Name}"),
        ("seeds", runs => $"{runs.Count}"),
        ("value_mean", runs => $"{Spread.Of(runs, result => result.Value).Mean:R}"),
        ("value_deviation", runs => $"{Spread.Of(runs, result => result.Value).Deviation:R}"),
        ("value_least", runs => $"{Spread.Of(runs, result => result.Value).Least:R}"),
        ("value_most", runs => $"{Spread.Of(runs, result => result.Value).Most:R}"),
        ("unit", runs => $"{runs[0].Result.Unit}"),
        ("kl_mean", runs => $"{Spread.Of(runs, result => result.Kl).Mean:R}"),
        ("kl_deviation", runs => $"{Spread.Of(runs, result => result.Kl).Deviation:R}"),
        ("prior_mode_sampled_mean", runs => $"{Mean(runs, result => result.PriorModeSampled):R}"),
        ("prior_mode_mean_mean", runs => $"{Mean(runs, result => result.PriorModeMean):R}"),
        ("importance_weighted_mean", runs => $"{Mean(runs, result => result.ImportanceWeighted):R}"),
        ("prior_trajectories_mean", runs => $"{Mean(runs, result => result.PriorTrajectories):R}"),
        ("prior_particles_mean", runs => $"{Mean(runs, result => result.ParticleFilter):R}"),
    ];

    static void WriteCsv<T>(string path, IReadOnlyList<(string Name, Func<T, FormattableString> Value)> columns, IEnumerable<T> rows)
        => Csv.Write(path, columns.Select(column => column.Name), rows.Select(row => columns.Select(column => FormattableString.Invariant(column.Value(row)))));

    static double? Mean(IReadOnlyList<ComparedRun> runs, Func<ComparisonResult, double?> figure) => runs.Average(run => figure(run.Result));
}
