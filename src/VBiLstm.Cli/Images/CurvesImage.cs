using ScottPlot;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Training;

namespace VBiLstm.Cli.Images;

/// <summary>curves.png: bound, NLL and KL of training and validation over the steps, and validation's NLL in prior mode where that was scored.</summary>
static class CurvesImage
{
    const int PanelWidth = 400, Height = 460, SmoothedPoints = 150;

    // The same around every panel, whether a legend stands there or not.
    const float Left = 70, Right = 15, Bottom = 105, Top = 40;

    // What the first steps do is far from the rest and would flatten it.
    const double FirstSteps = 0.1, Margin = 0.05;

    static readonly (string Split, string Label, Color Color)[] Splits
        = [("train", "train", Colors.SteelBlue), ("validation", "validation", Colors.DarkOrange)];

    static readonly (string Split, string Label, Color Color)[] PriorModes =
    [
        (RunLogs.PriorModeSplit(LatentMode.Sampled), "sample", Colors.SteelBlue), (RunLogs.PriorModeSplit(LatentMode.Mean), "mean", Colors.DarkOrange),
        (RunLogs.PriorModeSplit(LatentMode.EmpiricalMean), "empirical", Colors.SeaGreen),
    ];

    static readonly (string Title, string Key, (string Split, string Label, Color Color)[] Splits)[] Panels =
    [
        ("bound, nats per sequence", "bound", Splits), ("NLL, nats per sequence", "nll", Splits), ("KL, nats per sequence", "kl", Splits),
        ("validation NLL in prior mode, nats", "nll", PriorModes),
    ];

    /// <summary>Reads the rows once; a long run takes no more memory than a short one.</summary>
    public static void Write(string path, IEnumerable<MetricsRow> rows)
    {
        var curves = Panels.SelectMany(panel => panel.Splits.Select(split => (panel.Key, split.Split)))
            .ToDictionary(curve => curve, _ => new CurveMeans(SmoothedPoints));
        foreach (var row in rows)
            foreach (var key in Panels.Select(panel => panel.Key).Distinct())
                if (row.Values.TryGetValue(key, out var value) && double.IsFinite(value) && curves.TryGetValue((key, row.Split), out var curve))
                    curve.Add(row.Step, value);
        if (curves.Values.All(curve => curve.Points.Count == 0))
            return;
        var figure = new Multiplot();
        var panels = Panels.Where(panel => panel.Splits == Splits || panel.Splits.Any(split => curves[(panel.Key, split.Split)].Points.Count > 0)).ToArray();
        figure.AddPlots(panels.Length);
        figure.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (var i = 0; i < panels.Length; i++)
        {
            var (title, key, splits) = panels[i];
            var plot = figure.GetPlot(i);
            plot.Title(title);
            plot.XLabel("step");
            foreach (var (split, label, color) in splits)
                Add(plot, curves[(key, split)], label, color, marks: split != "train");
            plot.Layout.Fixed(new PixelPadding(Left, Right, Bottom, Top));
            plot.HideLegend();
            if (i == 0 || splits != Splits)
                plot.ShowLegend(Edge.Bottom);
            ShowTheCourse(plot, splits.Select(split => curves[(key, split.Split)].Points));
        }

        using var image = figure.Render(PanelWidth * panels.Length, Height);
        var bytes = image.GetImageBytes(ImageFormat.Png);
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    // The axis is that of the values behind the first steps; where those reach further, it says so.
    static void ShowTheCourse(Plot plot, IEnumerable<IReadOnlyList<(double Step, double Value)>> curves)
    {
        var points = curves.SelectMany(curve => curve).ToList();
        if (points.Count == 0)
            return; // nothing finite
        var begin = FirstSteps * points.Max(point => point.Step);
        var course = points.Where(point => point.Step >= begin).ToList();
        var (low, high) = (course.Min(point => point.Value), course.Max(point => point.Value));
        var margin = Margin * Math.Max(high - low, 1e-9);
        plot.Axes.SetLimitsY(low - margin, high + margin);
        var beyond = points.Where(point => point.Value < low - margin || point.Value > high + margin).ToList();
        if (beyond.Count == 0)
            return;
        var (least, most) = (beyond.Min(point => point.Value), beyond.Max(point => point.Value));
        plot.YLabel(least < low ? most > high ? $"first steps from {least:G4} to {most:G4}" : $"first steps from {least:G4}" : $"first steps to {most:G4}");
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
