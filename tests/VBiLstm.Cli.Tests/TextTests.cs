using VBiLstm.Cli.Display;
using VBiLstm.Cli.Images;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Tests;

public class TextTests
{
    [Theory]
    [InlineData("3h50m", 13800)]
    [InlineData("90m", 5400)]
    [InlineData("45s", 45)]
    [InlineData("1d2h3m4s", 93784)]
    [InlineData("0.5h", 1800)]
    public void Times_are_read(string text, double seconds) => Assert.Equal(seconds, DurationText.Parse("--stop-after", text).TotalSeconds);

    [Theory]
    [InlineData("3")]
    [InlineData("")]
    [InlineData("m3")]
    [InlineData("3m1h")]
    [InlineData("400d")]
    [InlineData("0m")]
    [InlineData("3,5h")]
    public void Other_texts_are_no_times(string text) => Assert.Throws<ConfigurationException>(() => DurationText.Parse("--stop-after", text));

    [Theory]
    [InlineData(0, "00:00:00")]
    [InlineData(59.6, "00:00:59")]
    [InlineData(86399, "23:59:59")]
    [InlineData(86400 + 61, "1 day 00:01:01")]
    [InlineData(86400.0 * 1157 + 3600, "1,157 days 01:00:00")]
    [InlineData(1e300, "for ever")]
    [InlineData(double.NaN, "for ever")]
    public void Times_are_shown_with_their_days(double seconds, string text) => Assert.Equal(text, DurationText.Of(seconds));

    [Theory]
    [InlineData("runs/digits-1", "runs/digits-1")]
    [InlineData("runs/a b", "'runs/a b'")]
    [InlineData("it's", "'it'\\''s'")]
    [InlineData("$HOME", "'$HOME'")]
    [InlineData("", "''")]
    public void Paths_in_advice_can_be_pasted(string path, string quoted)
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("Its shells quote otherwise.");
        Assert.Equal(quoted, ShellText.Quote(path));
    }

    [Fact]
    public void A_curve_of_any_length_becomes_a_few_hundred_means()
    {
        var curve = new CurveMeans(150);
        for (var step = 1; step <= 100_000; step++)
            curve.Add(step, 2 * step);
        Assert.InRange(curve.Points.Count, 150, 300);
        Assert.All(curve.Points, point => Assert.Equal(2 * point.Step, point.Value, 1e-6));
        Assert.Equal(curve.Points.OrderBy(point => point.Step), curve.Points);
        var few = new CurveMeans(150);
        few.Add(3, 1);
        few.Add(4, 5);
        Assert.Equal([(3.0, 1.0), (4.0, 5.0)], few.Points);
    }
}
