using System.Numerics;
using VBiLstm.Configuration;

namespace VBiLstm.Distributed;

/// <summary>The shards of a batch that a rank computes: consecutive ones, a subtree of the sum over all.</summary>
/// <param name="First">Number of the first.</param>
/// <param name="Count">How many.</param>
readonly record struct OwnShards(int First, int Count)
{
    /// <summary>One rank takes all; several take S/R each, a power of two.</summary>
    /// <exception cref="ConfigurationException">So many ranks do not suit the shards; the message lists those that do.</exception>
    public static OwnShards Of(int shards, Communicator ranks)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        return Of(shards, ranks.Rank, ranks.Size);
    }

    /// <summary>As the other, for a rank that need not be there.</summary>
    /// <inheritdoc cref="Of(int, Communicator)"/>
    public static OwnShards Of(int shards, int rank, int ranks)
    {
        if (!Suits(shards, ranks))
        {
            var allowed = Enumerable.Range(1, shards).Where(size => Suits(shards, size));
            throw new ConfigurationException($"training.shards is {shards}, which does not suit {ranks} ranks: "
                + $"use {string.Join(", ", allowed)} ranks, or another number of shards.");
        }

        var count = shards / ranks;
        return new OwnShards(rank * count, count);
    }

    static bool Suits(int shards, int ranks) => ranks == 1 || (shards % ranks == 0 && BitOperations.IsPow2(shards / ranks));
}
