using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace VBiLstm.Distributed;

/// <summary>What must be the same on all ranks, compared before anything is computed and at every checkpoint.</summary>
static class RankAgreement
{
    const int HashBytes = 16;

    /// <summary>
    /// Compares each rank's values with those of rank 0; all ranks call it with the same items. Null where they agree, else what differs where, the same text
    /// on all ranks.
    /// </summary>
    /// <param name="ranks">Those that compare.</param>
    /// <param name="items">What is compared, as people call it, and its value.</param>
    public static string? Difference(Communicator ranks, IReadOnlyList<(string Item, string Value)> items)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentNullException.ThrowIfNull(items);
        return Difference(ranks, [.. items.Select(item => item.Item)],
            [.. items.SelectMany(item => XxHash128.Hash(MemoryMarshal.AsBytes(item.Value.AsSpan())))]);
    }

    /// <inheritdoc cref="Difference(Communicator, IReadOnlyList{ValueTuple{string, string}})"/>
    public static string? Difference(Communicator ranks, IReadOnlyList<(string Item, IEnumerable<float[]> Values)> items)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentNullException.ThrowIfNull(items);
        return Difference(ranks, [.. items.Select(item => item.Item)], [.. items.SelectMany(item => Hash(item.Values))]);
    }

    static byte[] Hash(IEnumerable<float[]> arrays)
    {
        var hash = new XxHash128();
        foreach (var values in arrays)
            hash.Append(MemoryMarshal.AsBytes(values.AsSpan()));
        return hash.GetCurrentHash();
    }

    static string? Difference(Communicator ranks, string[] items, byte[] own)
    {
        var hashes = ranks.AllGather<byte>(own).Chunk(HashBytes).Select(Convert.ToHexString).ToArray();
        var differences = new List<string>();
        for (var i = 0; i < items.Length; i++)
        {
            var others = Enumerable.Range(1, ranks.Size - 1).Where(rank => hashes[rank * items.Length + i] != hashes[i]).ToList();
            if (others.Count > 0)
                differences.Add($"other {items[i]} on {string.Join(", ", others.Select(rank => $"rank {rank} ({ranks.Nodes[rank]})"))}");
        }

        return differences.Count == 0 ? null : $"The ranks do not agree with rank 0 ({ranks.Nodes[0]}): {string.Join("; ", differences)}.";
    }

    /// <summary>Which ranks of one machine have the same of something, the same text on all; null where each has its own.</summary>
    /// <param name="ranks">Those that compare.</param>
    /// <param name="own">What this rank has, for instance a GPU's place.</param>
    public static string? Shared(Communicator ranks, string own)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentNullException.ThrowIfNull(own);
        var all = ranks.Texts(own);
        var shared = Enumerable.Range(0, ranks.Size).GroupBy(rank => (Node: ranks.Nodes[rank], Value: all[rank])).Where(group => group.Count() > 1)
            .Select(group => $"ranks {string.Join(" and ", group)} share {group.Key.Value} of {group.Key.Node}").ToList();
        return shared.Count == 0 ? null : string.Join("; ", shared);
    }
}
