using ScottPlot;
using VBiLstm.Comparisons;
using static System.Net.WebUtility;

namespace VBiLstm.Cli.Comparisons;

/// <summary>The figures of one data set of a comparison.</summary>
static class ComparisonFigures
{
    const int Width = 900, Height = 420;
    static readonly Color[] Palette = [Colors.SteelBlue, Colors.DarkOrange, Colors.SeaGreen, Colors.Crimson, Colors.MediumPurple, Colors.SaddleBrown,
        Colors.DeepPink, Colors.Gray, Colors.Olive, Colors.DarkCyan];

    /// <summary>Writes NAME.svg and NAME.png for each figure and returns the SVG texts with their captions.</summary>
    public static IReadOnlyList<(string Caption, string Svg)> Write(string folder, ComparisonDataset data, IReadOnlyList<IGrouping<string, ComparedRun>> models)
    {
        var figures = new List<(string Caption, string Svg)>();
        void Add(string name, string caption, Func<Plot?> draw)
        {
            using var plot = draw();
            if (plot is null)
                return;
            var svg = Scalable(plot.GetSvgXml(Width, Height), caption);
            var png = plot.GetImageBytes(Width, Height, ImageFormat.Png);
            AtomicFile.WriteText(Path.Combine(folder, $"{data.Name}-{name}.svg"), svg);
            AtomicFile.Write(Path.Combine(folder, $"{data.Name}-{name}.png"), stream => stream.Write(png));
            figures.Add((caption, svg));
        }

        Add("curves", "Validation bound over training: mean of the seeds, the band from the lowest to the highest of them (the paper's Figure 2).",
            () => Curves(models));
        Add("kl", "KL of each latent dimension on test, largest first, mean of the seeds (dimensions sorted within each run).", () => KlPerLatent(models));
        Add("prior-mode", "log p of test, nats per sequence, by the posterior and by the prior alone. All but the last are lower bounds of the same "
            + "log-likelihood, of which the highest is the nearest; with the latents at the prior's means it is another model's and no bound.",
            () => PriorModes(models));
        return figures;
    }

    // ScottPlot's have a fixed size and say nothing to those who do not see them.
    static string Scalable(string svg, string caption)
        => svg.Replace("<svg ", $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{HtmlEncode(caption)}\" ", StringComparison.Ordinal);

    static Plot Curves(IReadOnlyList<IGrouping<string, ComparedRun>> models)
    {
        var plot = new Plot();
        var values = new List<double>();
        foreach (var (number, model) in models.Index())
        {
            // Steps that every seed has: one that stopped early would bend the band.
            var byStep = model.SelectMany(run => run.Curve).GroupBy(point => point.Step).Where(group => group.Count() == model.Count())
                .OrderBy(group => group.Key).Select(group => (Step: group.Key, Spread: Spread.Of(group.Select(point => point.Bound)))).ToList();
            if (byStep.Count == 0)
                continue;
            var steps = byStep.Select(point => point.Step).ToArray();
            var color = Palette[number % Palette.Length];
            var band = plot.Add.FillY(steps, byStep.Select(point => point.Spread.Least).ToArray(), byStep.Select(point => point.Spread.Most).ToArray());
            band.FillColor = color.WithAlpha(0.2);
            band.LineWidth = 0;
            var line = plot.Add.Scatter(steps, byStep.Select(point => point.Spread.Mean).ToArray(), color);
            (line.LegendText, line.LineWidth, line.MarkerSize, line.LinePattern) = (model.Key, 2, 0, PatternOf(number));
            values.AddRange(byStep.SelectMany(point => new[] { point.Spread.Least, point.Spread.Most }));
        }

        // The first evaluations are far below the rest: what matters is the upper part.
        values.Sort();
        if (values.Count > 0 && values[^1] > values[values.Count / 5])
            plot.Axes.SetLimitsY(values[values.Count / 5], values[^1] + 0.05 * (values[^1] - values[values.Count / 5]));
        plot.XLabel("step");
        plot.YLabel("validation bound, nats per sequence");
        plot.ShowLegend(Edge.Right);
        return plot;
    }

    // Where the colours begin again.
    static LinePattern PatternOf(int number) => number < Palette.Length ? LinePattern.Solid : LinePattern.Dashed;

    static Plot? KlPerLatent(IReadOnlyList<IGrouping<string, ComparedRun>> models)
    {
        var plot = new Plot();
        var any = false;
        foreach (var (number, model) in models.Index())
        {
            var sorted = model.Where(run => run.Result.KlPerLatent.Count > 0).Select(run => run.Result.KlPerLatent.OrderDescending().ToArray()).ToList();
            if (sorted.Count == 0)
                continue;
            any = true;
            var line = plot.Add.Scatter(Enumerable.Range(1, sorted[0].Length).Select(j => (double)j).ToArray(),
                Enumerable.Range(0, sorted[0].Length).Select(j => sorted.Average(run => run[j])).ToArray(), Palette[number % Palette.Length]);
            (line.LegendText, line.LineWidth, line.MarkerSize, line.LinePattern) = (model.Key, 2, 4, PatternOf(number));
        }

        plot.XLabel("latent dimension, sorted");
        plot.YLabel("KL, nats per step");
        plot.ShowLegend(Edge.Right);
        return any ? plot : null;
    }

    static Plot? PriorModes(IReadOnlyList<IGrouping<string, ComparedRun>> models)
    {
        var channels = models.Where(model => model.Any(run => run.Result.HasChannel)).ToList();
        if (channels.Count == 0)
            return null;
        var plot = new Plot();
        List<SampledScore> kinds = [new("posterior (bound)", result => result.Bound), .. SampledScore.All.Where(score => channels.Any(score.IsKnown))];
        foreach (var (kind, score) in kinds.Index())
        {
            var known = channels.Index().Where(model => score.IsKnown(model.Item)).ToList();
            foreach (var (number, model) in known)
            {
                var spread = Spread.Of(model, result => score.Of(result) ?? double.NaN);
                var x = number + 0.7 / kinds.Count * (kind - (kinds.Count - 1) / 2.0);
                var point = plot.Add.Scatter(new[] { x }, new[] { spread.Mean }, Palette[kind]);
                (point.MarkerSize, point.LegendText) = (9, number == known[0].Index ? score.Label : "");
                var range = plot.Add.Line(x, spread.Least, x, spread.Most);
                (range.LineColor, range.LineWidth) = (Palette[kind], 2);
            }
        }

        plot.Axes.Bottom.SetTicks([.. Enumerable.Range(0, channels.Count).Select(i => (double)i)], [.. channels.Select(model => model.Key)]);
        plot.Axes.SetLimitsX(-0.6, channels.Count - 0.4);
        plot.YLabel("test, nats per sequence");
        plot.ShowLegend(Edge.Right);
        return plot;
    }
}
