using VBiLstm.Data.Prepared;

namespace VBiLstm.Preparation.Sources;

/// <summary>The account of what a preparation did not read, and why.</summary>
sealed class LeftOutFiles
{
    readonly Dictionary<string, List<string>> _names = [];
    readonly HashSet<(string, string)> _known = [];

    /// <summary>Adds a file, folder or archive; one that is known stays once.</summary>
    public void Add(string name, string reason)
    {
        if (!_known.Add((name, reason)))
            return;
        if (!_names.TryGetValue(reason, out var names))
            _names[reason] = names = [];
        names.Add(name);
    }

    /// <summary>What the manifest says of them.</summary>
    public IReadOnlyList<PreparedLeftOut> Describe() => [.. _names.Select(reason => new PreparedLeftOut { Reason = reason.Key, Names = reason.Value })];
}
