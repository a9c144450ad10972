using ScottPlot;
using VBiLstm.Metrics;

namespace VBiLstm.Cli.Images;

/// <summary>curves.png: bound, NLL and KL of training and validation over the steps.</summary>
static class CurvesImage
{
    const int Width = 1200, Height = 420, SmoothedPoints = 150;

    static readonly (string Title, string Key)[] Panels = [("bound, nats per sequence", "bound"), ("NLL, nats per sequence", "nll"),
        ("KL, nats per sequence", "kl")];

    static readonly string[] Splits = ["train", "validation"];

    /// <summary>Reads the rows once; a long run takes no more memory than a short one.</summary>
    public static void Write(string path, IEnumerable<MetricsRow> rows)
    {
        var curves = Panels.SelectMany(panel => Splits.Select(split => (panel.Key, Split: split)))
            .ToDictionary(curve => curve, _ => new CurveMeans(SmoothedPoints));
        foreach (var row in rows)
            foreach (var (_, key) in Panels)
                if (row.Values.TryGetValue(key, out var value) && double.IsFinite(value) && curves.TryGetValue((key, row.Split), out var curve))
                    curve.Add(row.Step, value);
        if (curves.Values.All(curve => curve.Points.Count == 0))
            return;
        var figure = new Multiplot();
        figure.AddPlots(Panels.Length);
        figure.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (var i = 0; i < Panels.Length; i++)
        {
            var plot = figure.GetPlot(i);
            plot.Title(Panels[i].Title);
            plot.XLabel("step");
            Add(plot, curves[(Panels[i].Key, "train")], "train", Colors.SteelBlue, marks: false);
            Add(plot, curves[(Panels[i].Key, "validation")], "validation", Colors.DarkOrange, marks: true);
            if (i == 0)
                plot.ShowLegend(Alignment.LowerRight);
        }

        using var image = figure.Render(Width, Height);
        var bytes = image.GetImageBytes(ImageFormat.Png);
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    static void Add(Plot plot, CurveMeans curve, string split, Color color, bool marks)
    {
        var points = curve.Points;
        if (points.Count == 0)
            return;
        var line = plot.Add.Scatter(points.Select(point => point.Step).ToArray(), points.Select(point => point.Value).ToArray(), color);
        line.LegendText = split;
        line.LineWidth = 2;
        line.MarkerSize = marks ? 5 : 0;
    }
}
