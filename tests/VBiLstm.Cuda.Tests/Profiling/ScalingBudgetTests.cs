using VBiLstm.Configuration;
using VBiLstm.Cuda.Profiling;

namespace VBiLstm.Cuda.Tests.Profiling;

/// <summary>What ranks compute and gain, on links of round figures.</summary>
public class ScalingBudgetTests
{
    const int T = 5;

    static readonly GpuSpecification Gpu = new("round", "Round", 1000, 10, 100, 200, 50, 5000, new NodeLink("NVLink", 100), 100, 100);

    static readonly NetworkLink Network = new("round", "Round", 10);

    static RunConfiguration Configuration(int batch, int shards = 1) => new()
    {
        Model = new ModelConfiguration { LstmUnits = 11, MlpUnits = 13, LatentUnits = 4 },
        Training = new TrainingConfiguration { BatchSize = batch, Shards = shards },
    };

    static double Seconds(RunConfiguration configuration)
        => StepBudget.Count(configuration, T, CudaPrecision.Tf32, CudaProducts.Library).Seconds(Gpu, CudaPrecision.Tf32);

    [Fact]
    public void A_rank_computes_its_part_and_waits_for_the_sum()
    {
        var budget = ScalingBudget.Count(Configuration(24), T, new RankPlacement(8, 4), Gpu, Network);
        var (whole, step, sum) = (Seconds(Configuration(24)), Seconds(Configuration(3)), budget.Sum.Seconds(Gpu, budget.Links));
        Assert.Equal((24, 3), (budget.Sequences, budget.Step.Configuration.Training.BatchSize));
        Assert.Equal((whole, step, sum, sum), (budget.WholeSeconds, budget.StepSeconds, budget.SumSeconds, budget.ExposedSeconds));
        Assert.Equal(step / (step + sum), budget.WeakScaling, 1e-12);
        Assert.Equal(whole / (8 * (step + sum)), budget.StrongScaling, 1e-12);

        // The three sequences of a rank, over as many GPUs of its node.
        var instead = budget.Instead!;
        Assert.Equal((3, new RankPlacement(3, 3)), (instead.Sequences, instead.Placement));
        Assert.Equal((step, Seconds(Configuration(1))), (instead.WholeSeconds, instead.StepSeconds));
        Assert.Equal(new RankPlacement(3, 3), Assert.Single(instead.Sum.Levels).Placement);
    }

    [Fact]
    public void One_rank_gains_and_loses_nothing()
    {
        var budget = ScalingBudget.Count(Configuration(4), T, new RankPlacement(1, 1), Gpu, network: null);
        Assert.Same(budget.Whole, budget.Step);
        Assert.Equal((0, 1, 1), (budget.SumSeconds, budget.WeakScaling, budget.StrongScaling));
        Assert.Null(budget.Instead);
    }

    [Fact]
    public void Shards_are_dealt_out_as_in_training()
    {
        var budget = ScalingBudget.Count(Configuration(16, shards: 8), T, new RankPlacement(4, 1), Gpu, Network);
        var training = budget.Step.Configuration.Training;
        Assert.Equal((4, 2), (training.BatchSize, training.Shards));
        Assert.Equal((4, new RankPlacement(4, 1)), (budget.Instead!.Sequences, budget.Instead.Placement));
    }

    [Theory]
    [InlineData(9, 1, 7, 7, "which 7 ranks cannot share out")]
    [InlineData(8, 4, 3, 3, "does not suit 3 ranks: use 1, 2, 4 ranks")]
    [InlineData(16, 1, 16, 8, "16 ranks on 2 nodes need --network")]
    public void Ranks_without_work_or_network_are_refused(int batch, int shards, int ranks, int perNode, string part)
    {
        var placement = new RankPlacement(ranks, perNode);
        var message = Assert.Throws<ConfigurationException>(() => ScalingBudget.Count(Configuration(batch, shards), T, placement, Gpu, network: null)).Message;
        Assert.Contains(part, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Networks_are_found_or_the_nearest_is_named()
    {
        Assert.All(NetworkLink.All, network => Assert.Same(network, NetworkLink.Get(network.Name)));
        Assert.Contains("did you mean ib-400", Assert.Throws<ConfigurationException>(() => NetworkLink.Get("ib-401")).Message, StringComparison.Ordinal);
    }
}
