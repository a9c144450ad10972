using VBiLstm.Configuration;
using VBiLstm.Distributed;

namespace VBiLstm.Tests.Distributed;

public class CommunicatorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void All_ranks_come_to_the_same(int ranks)
    {
        var gathered = ThreadRanks.Run(ranks, of => of.AllGather<int>([of.Rank, 10 * of.Rank]));
        Assert.All(gathered, values => Assert.Equal(Enumerable.Range(0, ranks).SelectMany(rank => new[] { rank, 10 * rank }), values));
        Assert.All(ThreadRanks.Run(ranks, of => of.Any(of.Rank == ranks - 1)), Assert.True);
        Assert.All(ThreadRanks.Run(ranks, of => of.Any(false)), Assert.False);
        Assert.All(ThreadRanks.Run(ranks, of => of.First(of.Rank == ranks - 1 ? "gradient of ψ.W" : null)), text => Assert.Equal("gradient of ψ.W", text));
        Assert.All(ThreadRanks.Run(ranks, of => of.First(null)), Assert.Null);
        Assert.All(ThreadRanks.Run(ranks, of => of.Texts($"rank {of.Rank}")),
            texts => Assert.Equal(Enumerable.Range(0, ranks).Select(rank => $"rank {rank}"), texts));
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(3, 0)]
    [InlineData(3, 1)]
    [InlineData(3, 8)]
    [InlineData(4, 1000)]
    public void All_ranks_get_the_first_one_s_values(int ranks, int length)
    {
        var expected = Enumerable.Range(0, length).Select(i => 0.5f * i).ToArray();
        Assert.All(ThreadRanks.Run(ranks, of => of.FromFirst(of.Rank == 0 ? expected : [7])), values => Assert.Equal(expected, values));
    }

    [Fact]
    public void What_differs_is_named_with_its_ranks()
    {
        string? Difference(Func<int, string> text) => Assert.Single(
            ThreadRanks.Run(3, of => RankAgreement.Difference(of, [("data", "same"), ("program", text(of.Rank))])).Distinct());
        Assert.Null(Difference(_ => "x"));
        Assert.Equal($"The ranks do not agree with rank 0 ({Environment.MachineName}): other program on rank 1 ({Environment.MachineName}).",
            Difference(rank => rank == 1 ? "y" : "x"));
        var values = ThreadRanks.Run(3, of => RankAgreement.Difference(of, [("weights", [[1f, of.Rank == 2 ? -0f : 0f], [3f]])]));
        Assert.All(values, text => Assert.Contains("other weights on rank 2", text, StringComparison.Ordinal));
    }

    [Fact]
    public void The_first_rank_s_text_counts_and_a_long_one_is_cut()
    {
        var text = Assert.Single(ThreadRanks.Run(3, of => of.First(of.Rank == 0 ? null : $"{of.Rank} {new string('é', 3000)}")).Distinct());
        Assert.StartsWith("1 éé", text, StringComparison.Ordinal);
        Assert.InRange(text!.Length, 2000, 2100);
        Assert.DoesNotContain('\ufffd', text);
    }

    [Theory]
    [InlineData("n n n", "0 1 2", null)]
    [InlineData("n n m", "0 0 0", "ranks 0 and 1 share 0 of n")]
    [InlineData("n m n m", "0 1 0 1", "ranks 0 and 2 share 0 of n; ranks 1 and 3 share 1 of m")]
    public void Ranks_of_one_machine_that_share_something_are_named(string nodes, string values, string? expected)
        => Assert.All(ThreadRanks.Run(nodes.Split(' ').Length, of => RankAgreement.Shared(new OnNodes(of, nodes.Split(' ')), values.Split(' ')[of.Rank])),
            text => Assert.Equal(expected, text));

    [Fact]
    public void What_one_rank_throws_ends_all()
        => Assert.Equal("no more", Assert.Throws<InvalidOperationException>(
            () => ThreadRanks.Run(3, of => of.Rank == 1 ? throw new InvalidOperationException("no more") : of.Any(true))).Message);

    [Theory]
    [InlineData(8, 4, 2, 4, 2)]
    [InlineData(6, 3, 2, 4, 2)]
    [InlineData(6, 6, 5, 5, 1)]
    [InlineData(5, 1, 0, 0, 5)]
    public void A_rank_has_consecutive_shards(int shards, int ranks, int rank, int first, int count)
        => Assert.Equal(new OwnShards(first, count), ThreadRanks.Run(ranks, of => OwnShards.Of(shards, of))[rank]);

    [Theory]
    [InlineData(6, 2, "1, 3, 6")]
    [InlineData(6, 4, "1, 3, 6")]
    [InlineData(1, 2, "1")]
    [InlineData(12, 5, "1, 3, 6, 12")]
    [InlineData(8, 16, "1, 2, 4, 8")]
    public void Numbers_of_ranks_that_do_not_suit_are_refused_with_those_that_do(int shards, int ranks, string allowed)
    {
        var message = Assert.Throws<ConfigurationException>(() => ThreadRanks.Run(ranks, of => OwnShards.Of(shards, of))).Message;
        Assert.Contains($"training.shards is {shards}", message, StringComparison.Ordinal);
        Assert.Contains($"use {allowed} ranks", message, StringComparison.Ordinal);
    }

    sealed class OnNodes(Communicator ranks, string[] nodes) : RelayedRanks(ranks)
    {
        public override IReadOnlyList<string> Nodes => nodes;
    }
}
