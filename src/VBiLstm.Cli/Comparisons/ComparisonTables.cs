using System.Globalization;
using System.Text;
using VBiLstm.Cli.Reports;
using VBiLstm.Comparisons;
using static System.Net.WebUtility;

namespace VBiLstm.Cli.Comparisons;

/// <summary>The tables of a comparison's report, as HTML.</summary>
static class ComparisonTables
{
    // A table wider than the window scrolls by itself, by keys too.
    const string Opening = "<div class=\"table\" tabindex=\"0\"><table>", Ending = "</table></div>\n";

    /// <summary>A column: its heading and what stands in it of a model's runs on one data set.</summary>
    /// <param name="Heading">Above it.</param>
    /// <param name="Cell">Of the runs.</param>
    /// <param name="Paper">What it holds of the paper's numbers; null where it holds ours.</param>
    readonly record struct Column(string Heading, Func<IReadOnlyList<ComparedRun>, string> Cell, Func<PaperFigures, double?>? Paper = null);

    /// <summary>
    /// As the paper prints its results: models down, data sets across, its own numbers in columns of their own where it has any (its Tables 1 to 5).
    /// </summary>
    public static string Scores(ComparisonFile comparison, IReadOnlyList<ComparedRun> runs)
        => Across(comparison, runs, comparison.Models, data => runs.First(run => run.Run.Data.Name == data.Name).Result.Unit,
            data => Columns(data, "test", runs => $"{Number(Spread.Of(runs, result => result.Value))}, {KindOf(runs[0].Result)}", figures => figures.Test)
            .Concat(Figures(data).Any(figures => figures.Validation is not null)
                ? Columns(data, "validation", runs => Number(Spread.Of(runs, result => result.ValidationValue)), figures => figures.Validation)
                : []));

    /// <summary>KL(q ‖ p) on test, nats per sequence, models down, data sets across (the paper's Table 6); empty without a channel model.</summary>
    public static string KullbackLeibler(ComparisonFile comparison, IReadOnlyList<ComparedRun> runs)
    {
        var channels = comparison.Models.Where(model => runs.Any(run => run.Run.Model.Name == model.Name && run.Result.HasChannel)).ToList();
        return channels.Count == 0
            ? ""
            : Across(comparison, runs, channels, _ => "nats per sequence",
                data => Columns(data, "KL", runs => Number(Spread.Of(runs, result => result.Kl)), figures => figures.Kl));
    }

    /// <summary>Everything that is known of one data set's runs.</summary>
    public static string Details(ComparisonDataset data, IReadOnlyList<IGrouping<string, ComparedRun>> models)
    {
        string Channel(IReadOnlyList<ComparedRun> runs, Func<ComparisonResult, double> figure)
            => runs[0].Result.HasChannel ? Number(Spread.Of(runs, figure)) : "";
        List<Column> columns =
        [
            new(HtmlEncode(models[0].First().Result.Unit), runs => WithRange(Spread.Of(runs, result => result.Value))),
            new("kind", runs => KindOf(runs[0].Result)),
            new("validation", runs => Number(Spread.Of(runs, result => result.ValidationValue))),
            new("nats per sequence", runs => Number(Spread.Of(runs, result => result.Bound))),
            new("NLL", runs => Number(Spread.Of(runs, result => result.Nll))),
            new("KL", runs => Channel(runs, result => result.Kl)),
            new("active units", runs => Channel(runs, result => result.ActiveUnits)),
            .. SampledScore.All.Where(score => models.Any(runs => score.IsKnown(runs)))
                .Select(score => new Column(score.Label, runs => score.IsKnown(runs) ? Number(Spread.Of(runs, result => score.Of(result) ?? double.NaN)) : "")),
            new("sizes", runs => HtmlEncode(Names.Describe(runs[0].Run.Configuration.Model))),
            new("trained parameters", runs => runs[0].Run.Parameters.ToString("N0", CultureInfo.InvariantCulture)),
            new("generative parameters", runs => runs[0].Run.GenerativeParameters.ToString("N0", CultureInfo.InvariantCulture)),
            new("runs", runs => string.Join(' ', runs.Select(run => $"<a href=\"{Address(run.Run.Folder)}/\">seed {run.Run.Seed}</a>"))),
        ];
        var html = new StringBuilder(Opening + Headings(columns));
        foreach (var model in models)
            AppendRow(html, model.Key, columns.Select(column => column.Cell([.. model])));
        return html.Append(Ending).ToString();
    }

    static string Headings(IEnumerable<Column> columns)
        => $"<tr>{string.Concat(columns.Select(column => column.Heading).Prepend("model").Select(heading => $"<th scope=\"col\">{heading}</th>"))}</tr>\n";

    static string Address(string path) => string.Join('/', path.Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString));

    // Our figure of a data set, and beside it the paper's where it has one for any model.
    static IEnumerable<Column> Columns(ComparisonDataset data, string heading, Func<IReadOnlyList<ComparedRun>, string> cell, Func<PaperFigures, double?> paper)
    {
        yield return new Column(heading, cell);
        if (Figures(data).Any(figures => paper(figures) is not null))
            yield return new Column("paper",
                runs => data.Paper.TryGetValue(runs[0].Run.Model.Name, out var figures) ? Printed(paper(figures)) : "", paper);
    }

    static IEnumerable<PaperFigures> Figures(ComparisonDataset data) => data.Paper.Values.Concat(data.Quoted.Values);

    static string Printed(double? figure) => figure?.ToString(CultureInfo.InvariantCulture) ?? "";

    static string Across(ComparisonFile comparison, IReadOnlyList<ComparedRun> runs, IReadOnlyList<ComparisonModel> models,
        Func<ComparisonDataset, string> unitOf, Func<ComparisonDataset, IEnumerable<Column>> columnsOf)
    {
        var sets = comparison.Data.Where(data => runs.Any(run => run.Run.Data.Name == data.Name))
            .Select(data => (Data: data, Columns: columnsOf(data).ToList())).ToList();
        var html = new StringBuilder($"{Opening}<tr><td></td>");
        foreach (var (data, columns) in sets)
            html.Append(CultureInfo.InvariantCulture, $"<th class=\"group\" scope=\"colgroup\" colspan=\"{columns.Count}\">{HtmlEncode(data.Name)}<br><span "
                + $"class=\"note\">{HtmlEncode(unitOf(data))}</span></th>");
        html.Append("</tr>\n").Append(Headings(sets.SelectMany(set => set.Columns)));
        foreach (var model in models)
        {
            AppendRow(html, model.Name, sets.SelectMany(set =>
            {
                var own = runs.Where(run => run.Run.Data.Name == set.Data.Name && run.Run.Model.Name == model.Name).ToList();
                return set.Columns.Select(column => own.Count > 0 ? column.Cell(own) : "");
            }));
        }

        foreach (var name in sets.SelectMany(set => set.Data.Quoted.Keys).Distinct())
        {
            var cells = sets.SelectMany(set => set.Columns.Select(column
                => column.Paper is { } paper && set.Data.Quoted.TryGetValue(name, out var figures) ? Printed(paper(figures)) : "")).ToList();
            if (cells.Any(cell => cell.Length > 0))
                AppendRow(html, $"{name} (quoted, not run)", cells);
        }

        return html.Append(Ending).ToString();
    }

    static void AppendRow(StringBuilder html, string model, IEnumerable<string> cells)
        => html.Append(CultureInfo.InvariantCulture,
            $"<tr><th scope=\"row\">{HtmlEncode(model)}</th>{string.Concat(cells.Select(cell => $"<td>{cell}</td>"))}</tr>\n");

    static string KindOf(ComparisonResult result) => result.ReadsFuture ? "reads the future: not a sequence likelihood" : result.HasChannel ? "bound" : "exact";

    // Five digits that count, as papers print them.
    static string Number(double value)
    {
        var decimals = value == 0 || !double.IsFinite(value) ? 0 : Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 4);
        return value.ToString("N" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    static string Number(Spread spread)
        => spread.Count < 2 ? Number(spread.Mean) : $"{Number(spread.Mean)} ± {spread.Deviation.ToString("G2", CultureInfo.InvariantCulture)}";

    static string WithRange(Spread spread)
        => spread.Count < 2 ? Number(spread.Mean) : $"<b>{Number(spread)}</b> ({Number(spread.Least)} to {Number(spread.Most)})";
}
