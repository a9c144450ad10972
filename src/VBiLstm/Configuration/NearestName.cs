namespace VBiLstm.Configuration;

/// <summary>What somebody probably meant.</summary>
static class NearestName
{
    /// <summary>The name with the smallest edit distance; a dotted name is also compared by its last part.</summary>
    public static string Of(string given, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(given);
        ArgumentNullException.ThrowIfNull(names);
        return names.MinBy(name => Math.Min(Distance(given, name), Distance(Last(given), Last(name)))) ?? "";
    }

    /// <summary>The item of that name. Throws <see cref="ConfigurationException"/> naming the nearest one and all of them.</summary>
    /// <param name="kind">What the items are, in the singular and lower case.</param>
    /// <param name="given">The name that was asked for.</param>
    /// <param name="items">All there are.</param>
    /// <param name="name">An item's name.</param>
    public static T Find<T>(string kind, string given, IReadOnlyList<T> items, Func<T, string> name) where T : class
    {
        ArgumentException.ThrowIfNullOrEmpty(kind);
        ArgumentNullException.ThrowIfNull(items);
        var names = items.Select(name).ToList();
        var index = names.IndexOf(given);
        return index >= 0 ? items[index]
            : throw new ConfigurationException($"There is no {kind} {given}; did you mean {Of(given, names)}? {char.ToUpperInvariant(kind[0])}{kind[1..]}s: "
                + $"{string.Join(", ", names)}.");
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
