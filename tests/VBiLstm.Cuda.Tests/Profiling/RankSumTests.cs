using VBiLstm.Configuration;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Model;

namespace VBiLstm.Cuda.Tests.Profiling;

/// <summary>Volume and time of sums by hand, on links of round figures: 80 GB/s in a node and 8 GB/s between nodes at 80 % of line rate.</summary>
public class RankSumTests
{
    const double Exchange = 15e-6;

    static readonly GpuSpecification Gpu = new("round", "Round", 1000, 10, 100, 200, 50, 5000, new NodeLink("NVLink", 100), 100, 100);

    static readonly RankLinks Links = new(Gpu.Link, new NetworkLink("round", "Round", 10));

    [Fact]
    public void One_rank_sums_nothing()
    {
        var sum = RankSum.Of(new ModelConfiguration(), new RankPlacement(1, 1));
        Assert.Empty(sum.Levels);
        Assert.Equal((0, 0, 0), (sum.Bytes, sum.ExchangedBytes, sum.Seconds(Gpu, Links)));
    }

    [Fact]
    public void One_level_in_a_node()
    {
        // Slices of 100 MB: three to others and three from them, twice; three additions of 300 MB.
        var sum = RankSum.Of(400_000_000, new RankPlacement(4, 4));
        var level = Assert.Single(sum.Levels);
        Assert.Equal(600_000_000, sum.ExchangedBytes);
        Assert.Equal(2 * (Exchange + 0.3 / 80), level.ExchangeSeconds(Links), 1e-12);
        Assert.Equal(3 * 0.3e-3, level.AdditionSeconds(Gpu), 1e-12);
        Assert.Equal(level.ExchangeSeconds(Links) + level.AdditionSeconds(Gpu), sum.Seconds(Gpu, Links), 1e-12);
    }

    [Fact]
    public void Two_levels_send_a_slice_between_nodes()
    {
        var sum = RankSum.Of(800_000_000, new RankPlacement(8, 4));
        Assert.Equal([800_000_000, 200_000_000], sum.Levels.Select(level => level.Bytes));

        // Three slices of 200 MB in the node, one of 100 MB between nodes, each twice: 2 · 7/8 · 800 MB together.
        Assert.Equal(1_400_000_000, sum.ExchangedBytes);
        Assert.Equal(2 * (Exchange + 0.6 / 80), sum.Levels[0].ExchangeSeconds(Links), 1e-12);
        Assert.Equal(2 * (Exchange + 0.1 / 8), sum.Levels[1].ExchangeSeconds(Links), 1e-12);
        Assert.Equal((3 * 0.6e-3) + 0.3e-3, sum.Levels.Sum(level => level.AdditionSeconds(Gpu)), 1e-12);
    }

    [Fact]
    public void Nodes_of_three_sum_all_at_once()
    {
        // Slices of 100 MB. All-to-all: three to the other node. Ring: three come into a node over its three cards.
        var level = Assert.Single(RankSum.Of(600_000_000, new RankPlacement(6, 3)).Levels);
        Assert.Equal((2 * Exchange) + (0.3 / 8) + (0.1 / 8), level.ExchangeSeconds(Links), 1e-12);
        Assert.Equal(5 * 0.3e-3, level.AdditionSeconds(Gpu), 1e-12);

        // Where the network is fast, the node's links decide: two slices, then five.
        var fast = Links with { Network = new NetworkLink("fast", "Fast", 1e6) };
        Assert.Equal((2 * Exchange) + (0.2 / 80) + (0.5 / 80), level.ExchangeSeconds(fast), 1e-12);
    }

    [Fact]
    public void Additions_of_little_take_their_start()
        => Assert.Equal(127 * GpuSpecification.SecondsPerKernel, new SumLevel(new RankPlacement(128, 1), 128 * 4096).AdditionSeconds(Gpu), 1e-12);

    [Fact]
    public void What_is_summed_are_the_parameters_and_the_terms()
    {
        const int Terms = 8, Ranks = 6;
        var model = new ModelConfiguration { LstmUnits = 11, MlpUnits = 13, LatentUnits = 4 };
        var bytes = RankSum.Of(model, new RankPlacement(Ranks, Ranks)).Bytes;
        Assert.Equal(0, bytes % (Ranks * 4096));
        Assert.InRange(bytes - (4 * (new ParameterLayout(model).ArenaLength + Terms)), 0, (Ranks * 4096) - 1);
    }
}
