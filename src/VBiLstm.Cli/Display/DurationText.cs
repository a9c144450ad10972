using System.Globalization;
using System.Text.RegularExpressions;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Display;

/// <summary>Times as people write and read them.</summary>
static partial class DurationText
{
    static readonly TimeSpan Longest = TimeSpan.FromDays(365);

    /// <summary>Reads 3h50m, 90m, 1d2h, 45s or 2.5h.</summary>
    /// <exception cref="ConfigurationException">Not such a text, nothing, or more than a year.</exception>
    public static TimeSpan Parse(string option, string text)
    {
        var match = Pattern().Match(text);
        double Part(string name) => match.Groups[name].Success
            ? double.Parse(match.Groups[name].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture)
            : 0;
        var seconds = match.Success && text.Length > 0 ? ((Part("d") * 24 + Part("h")) * 60 + Part("m")) * 60 + Part("s") : 0;
        return seconds > 0 && seconds <= Longest.TotalSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw new ConfigurationException($"{option} is '{text}'; expected a time such as 3h50m, 90m, 45s or 1d2h, up to {Longest.TotalDays:F0} days.");
    }

    /// <summary>hh:mm:ss, with days before it where there are any; a number that no clock shows as what it is.</summary>
    public static string Of(double seconds)
    {
        if (!(seconds < TimeSpan.MaxValue.TotalSeconds / 2))
            return "for ever";
        var time = TimeSpan.FromSeconds(Math.Max(0, seconds));
        var clock = time.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture);
        return time.Days == 0 ? clock : string.Create(CultureInfo.InvariantCulture, $"{time.Days:N0} {(time.Days == 1 ? "day" : "days")} {clock}");
    }

    [GeneratedRegex(@"^(?:(?<d>\d{1,9}(?:\.\d{1,9})?)d)?(?:(?<h>\d{1,9}(?:\.\d{1,9})?)h)?(?:(?<m>\d{1,9}(?:\.\d{1,9})?)m)?(?:(?<s>\d{1,9}(?:\.\d{1,9})?)s)?$")]
    private static partial Regex Pattern();
}
