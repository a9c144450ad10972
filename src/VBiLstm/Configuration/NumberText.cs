using System.Globalization;
using System.Numerics;

namespace VBiLstm.Configuration;

/// <summary>
/// Numbers as keys and options take them: digits, sign, point and exponent of English; no group separators, whatever the user's language writes.
/// </summary>
static class NumberText
{
    /// <summary>Parses a finite number of type int, long or double.</summary>
    public static bool TryParse<T>(string text, out T value) where T : struct, INumber<T>
        => T.TryParse(text, typeof(T) == typeof(double) ? NumberStyles.Float : NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)
            && T.IsFinite(value);

    /// <summary>What such a text may be, for people.</summary>
    public static string Expected(Type type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return type == typeof(double) ? "a number" : "a whole number";
    }
}
