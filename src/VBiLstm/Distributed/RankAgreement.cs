using System.IO.Hashing;
using System.Text;

namespace VBiLstm.Distributed;

/// <summary>What must be the same on all ranks, compared before anything is computed.</summary>
public static class RankAgreement
{
    const int HashBytes = 16, SharedBytes = 64;

    /// <summary>
    /// Compares each rank's values with those of rank 0; all ranks call it with the same items. Null where they agree, else what differs where, the same text
    /// on all ranks.
    /// </summary>
    /// <param name="ranks">Those that compare.</param>
    /// <param name="nodes">The machine of each rank.</param>
    /// <param name="items">What is compared, as people call it, and its value.</param>
    public static string? Difference(Communicator ranks, IReadOnlyList<string> nodes, IReadOnlyList<(string Item, string Value)> items)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentNullException.ThrowIfNull(nodes);
        ArgumentNullException.ThrowIfNull(items);
        if (items.Count == 0)
            return null;
        var own = items.SelectMany(item => XxHash128.Hash(Encoding.UTF8.GetBytes(item.Value))).ToArray();
        var hashes = ranks.AllGather<byte>(own).Chunk(HashBytes).Select(Convert.ToHexString).ToArray();
        var differences = new List<string>();
        for (var i = 0; i < items.Count; i++)
        {
            var others = Enumerable.Range(1, ranks.Size - 1).Where(rank => hashes[rank * items.Count + i] != hashes[i]).ToList();
            if (others.Count > 0)
                differences.Add($"other {items[i].Item} on {string.Join(", ", others.Select(rank => $"rank {rank} ({nodes[rank]})"))}");
        }

        return differences.Count == 0 ? null : $"The ranks do not agree with rank 0 ({nodes[0]}): {string.Join("; ", differences)}.";
    }

    /// <summary>Which ranks of one machine have the same of something, the same text on all; null where each has its own.</summary>
    /// <param name="ranks">Those that compare.</param>
    /// <param name="nodes">The machine of each rank.</param>
    /// <param name="own">What this rank has, for instance a GPU's place.</param>
    public static string? Shared(Communicator ranks, IReadOnlyList<string> nodes, string own)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentNullException.ThrowIfNull(nodes);
        ArgumentNullException.ThrowIfNull(own);
        var part = new byte[SharedBytes];
        Encoding.UTF8.GetEncoder().Convert(own, part, flush: true, out _, out _, out _);
        var all = ranks.AllGather<byte>(part).Chunk(SharedBytes).Select(of => Encoding.UTF8.GetString(of).TrimEnd('\0')).ToList();
        var shared = Enumerable.Range(0, ranks.Size).GroupBy(rank => (Node: nodes[rank], Value: all[rank])).Where(group => group.Count() > 1)
            .Select(group => $"ranks {string.Join(" and ", group)} share {group.Key.Value} of {group.Key.Node}").ToList();
        return shared.Count == 0 ? null : string.Join("; ", shared);
    }
}
