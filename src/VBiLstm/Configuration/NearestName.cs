namespace VBiLstm.Configuration;

/// <summary>What somebody probably meant.</summary>
public static class NearestName
{
    /// <summary>The name with the smallest edit distance; a dotted name is also compared by its last part.</summary>
    public static string Of(string given, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(given);
        ArgumentNullException.ThrowIfNull(names);
        return names.MinBy(name => Math.Min(Distance(given, name), Distance(Last(given), Last(name)))) ?? "";
    }

    static string Last(string name) => name[(name.LastIndexOf('.') + 1)..];

    static int Distance(string a, string b)
    {
        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var current = new int[b.Length + 1];
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
                current[j] = Math.Min(Math.Min(current[j - 1], previous[j]) + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
            previous = current;
        }

        return previous[^1];
    }
}
