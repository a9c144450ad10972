using VBiLstm.Configuration;
using VBiLstm.Cuda.Profiling;

namespace VBiLstm.Cuda.Tests.Profiling;

public class RankPlacementTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(8, 8, 8)]
    [InlineData(64, 8, 8, 8)]
    [InlineData(12, 4, 4, 3)]
    [InlineData(12, 6, 12)]
    [InlineData(8, 1, 8)]
    public void Levels_of_a_sum(int ranks, int perNode, params int[] levels)
        => Assert.Equal(levels, new RankPlacement(ranks, perNode).Levels.Select(level => level.Ranks));

    [Theory]
    [InlineData(5, null, 5)]
    [InlineData(64, null, 8)]
    [InlineData(64, 4, 4)]
    public void Ranks_of_a_node(int ranks, int? asked, int perNode) => Assert.Equal(new RankPlacement(ranks, perNode), RankPlacement.Of(ranks, asked));

    [Theory]
    [InlineData(0, null, "--ranks is 0")]
    [InlineData(65_537, null, "--ranks is 65537")]
    [InlineData(8, 0, "--ranks-per-node is 0; use 1 to 8")]
    [InlineData(12, null, "whole nodes of 8 (the default); use --ranks-per-node 6, or --ranks 16")]
    [InlineData(4, 8, "whole nodes of 8; use --ranks-per-node 4, or --ranks 8")]
    [InlineData(7, 6, "use --ranks-per-node 1, or --ranks 12")]
    [InlineData(8, int.MaxValue, "use --ranks-per-node 8")]
    public void Others_are_refused(int ranks, int? perNode, string part)
        => Assert.Contains(part, Assert.Throws<ConfigurationException>(() => RankPlacement.Of(ranks, perNode)).Message, StringComparison.Ordinal);
}
