using VBiLstm.Cuda.Profiling;

namespace VBiLstm.Cuda.Tests;

/// <summary>Which blocks keep which tiles of a loop's weights, and which of the paper's models have room on which GPU.</summary>
public class ResidentWeightsTests
{
    [Theory]
    [InlineData("seq-mnist", "h100-sxm", true)]
    [InlineData("ptb-char", "h100-sxm", true)]
    [InlineData("imdb", "h100-sxm", true)]
    [InlineData("blizzard", "h100-sxm", false)]
    [InlineData("timit", "h100-sxm", false)]
    [InlineData("ptb-char", "h100-pcie", false)]
    [InlineData("imdb", "a100-80", true)]
    [InlineData("ptb-char", "l40s", false)]
    public void The_papers_models_fit_where_their_weights_do(string preset, string gpu, bool fits)
    {
        var paper = PaperModel.All.Single(paper => paper.Name == preset);
        Assert.Equal(fits, PrecisionBudgets.Count(paper.Configuration, timeSteps: 2, GpuSpecification.Get(gpu)).Bf16Resident is not null);
    }

    [Theory]
    [InlineData(132, 211 << 10)]
    [InlineData(7, 1 << 20)]
    [InlineData(300, 100 << 10)]
    public void Every_tile_is_in_one_block_which_has_room_for_it(int multiprocessors, int bytes)
    {
        ResidentProduct[] products = [new(401, 1, 100), new(16, 2, 77), new(77, 1, 16), new(50, 2, 77), new(50, 4, 66)];
        var weights = ResidentWeights.Place(products, multiprocessors, bytes);
        Assert.NotNull(weights);
        Assert.InRange(weights.Blocks, 1, multiprocessors);
        var taken = new int[weights.Blocks];
        for (var i = 0; i < products.Length; i++)
        {
            var begins = weights.Begins.AsSpan(i * (weights.Blocks + 1), weights.Blocks + 1);
            Assert.Equal((0, (products[i].Units + 7) / 8), (begins[0], begins[^1]));
            for (var block = 0; block < weights.Blocks; block++)
            {
                var tiles = begins[block + 1] - begins[block];
                Assert.InRange(tiles * products[i].Groups, 0, 8);

                // Rounded up to fragments of 16 rows.
                taken[block] += tiles * products[i].Groups * 8 * 2 * ((products[i].Depth + 15) / 16 * 16);
            }
        }

        Assert.Equal(taken.Max(), weights.BlockBytes);
        Assert.InRange(weights.BlockBytes, 1, bytes);
        Assert.Null(ResidentWeights.Place(products, multiprocessors, (taken.Sum() / weights.Blocks) - 1));
    }
}
