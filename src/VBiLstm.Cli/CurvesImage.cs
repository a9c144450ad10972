using ScottPlot;
using VBiLstm.Metrics;

namespace VBiLstm.Cli;

/// <summary>curves.png: bound, NLL and KL of training and validation over the steps.</summary>
static class CurvesImage
{
    const int Width = 1200, Height = 420, SmoothedPoints = 150;

    static readonly (string Title, string Key)[] Panels = [("bound, nats per sequence", "bound"), ("NLL, nats per sequence", "nll"), ("KL, nats per sequence", "kl")];

    public static void Write(string path, IReadOnlyList<MetricsRow> rows)
    {
        var figure = new Multiplot();
        figure.AddPlots(Panels.Length);
        figure.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (var i = 0; i < Panels.Length; i++)
        {
            var plot = figure.GetPlot(i);
            plot.Title(Panels[i].Title);
            plot.XLabel("step");
            Add(plot, rows, "train", Panels[i].Key, Colors.SteelBlue, marks: false);
            Add(plot, rows, "validation", Panels[i].Key, Colors.DarkOrange, marks: true);
            if (i == 0)
                plot.ShowLegend(Alignment.LowerRight);
        }

        using var image = figure.Render(Width, Height);
        var bytes = image.GetImageBytes(ImageFormat.Png);
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    static void Add(Plot plot, IReadOnlyList<MetricsRow> rows, string split, string key, Color color, bool marks)
    {
        var points = rows.Where(row => row.Split == split && row.Values.TryGetValue(key, out var value) && double.IsFinite(value)).Select(row => (Step: (double)row.Step, Value: row.Values[key])).ToList();
        if (points.Count == 0)
            return;
        if (!marks)
            points = Averaged(points);
        var line = plot.Add.Scatter(points.Select(point => point.Step).ToArray(), points.Select(point => point.Value).ToArray(), color);
        line.LegendText = split;
        line.LineWidth = 2;
        line.MarkerSize = marks ? 5 : 0;
    }

    // Means over stretches of steps: single training batches are too noisy to see a curve.
    static List<(double Step, double Value)> Averaged(List<(double Step, double Value)> points)
    {
        var stretch = Math.Max(1, points.Count / SmoothedPoints);
        return [.. points.Chunk(stretch).Select(part => (part.Average(point => point.Step), part.Average(point => point.Value)))];
    }
}
