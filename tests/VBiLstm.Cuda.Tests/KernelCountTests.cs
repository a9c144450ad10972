using VBiLstm.Configuration;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Data;
using VBiLstm.Model;

namespace VBiLstm.Cuda.Tests;

/// <summary>The budget's count of kernels against the nodes of a captured step.</summary>
[Trait("Runs", "over ManagedCuda")]
public class KernelCountTests
{
    const int B = 4;

    // Than a kernel of the project's for products of few rows takes.
    const int MoreRows = 129;

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian, 1, 8)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian, 1, 8, 130)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian, 1, 136)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Categorical, 0, 8)]
    [InlineData(ModelKind.ZForcing, OutputDistribution.Bernoulli, 0, 8)]
    [InlineData(ModelKind.Lstm, OutputDistribution.Categorical, 0, 8)]
    [InlineData(ModelKind.BiLstm, OutputDistribution.Categorical, 0, 8)]
    [InlineData(ModelKind.Vrnn, OutputDistribution.GaussianMixture, 1, 8)]
    [InlineData(ModelKind.Srnn, OutputDistribution.Categorical, 1, 8)]
    public void A_captured_step_has_the_counted_nodes(ModelKind kind, OutputDistribution distribution, double beta, int latentUnits, int steps = 7)
        => Check(kind, distribution, beta, latentUnits, steps, B, CudaPrecision.Fp32, CudaProducts.Automatic);

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian, 1, 8)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian, 1, 8, B, CudaProducts.Library)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian, 1, 8, MoreRows)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian, 0, 136)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Categorical, 0, 8)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Categorical, 0, 8, MoreRows)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.GaussianMixture, 1, 8)]
    [InlineData(ModelKind.ZForcing, OutputDistribution.Bernoulli, 0, 8)]
    [InlineData(ModelKind.Lstm, OutputDistribution.Categorical, 0, 8)]
    [InlineData(ModelKind.BiLstm, OutputDistribution.Categorical, 0, 8)]
    [InlineData(ModelKind.TwinNet, OutputDistribution.Categorical, 0, 8)]
    [InlineData(ModelKind.Vrnn, OutputDistribution.GaussianMixture, 1, 8)]
    [InlineData(ModelKind.Srnn, OutputDistribution.Categorical, 1, 8)]
    [InlineData(ModelKind.Srnn, OutputDistribution.Categorical, 1, 8, B, CudaProducts.Library)]
    public void A_captured_step_of_thin_products_has_the_counted_nodes(ModelKind kind, OutputDistribution distribution, double beta, int latentUnits,
        int rows = B, CudaProducts products = CudaProducts.Kernels)
    {
        foreach (var precision in new[] { CudaPrecision.Bf16, CudaPrecision.Tf32 })
            Check(kind, distribution, beta, latentUnits, steps: 5, rows, precision, products);
    }

    // As many blocks as there are multiprocessors here, each with the room that the software GPU gives it.
    [Theory]
    [InlineData(OutputDistribution.Gaussian, 1, 8)]
    [InlineData(OutputDistribution.Categorical, 0, 16)]
    public void A_captured_step_of_resident_loops_has_the_counted_nodes(OutputDistribution distribution, double beta, int latentUnits)
        => Check(ModelKind.VariationalBiLstm, distribution, beta, latentUnits, steps: 5, B, CudaPrecision.Bf16, CudaProducts.Kernels,
            GpuSpecification.Get("h100-sxm"));

    static void Check(ModelKind kind, OutputDistribution distribution, double beta, int latentUnits, int steps, int rows, CudaPrecision precision,
        CudaProducts products, GpuSpecification? residentOn = null)
    {
        var configuration = new RunConfiguration
        {
            Model = new ModelConfiguration
            {
                Kind = kind,
                OutputDistribution = distribution,
                FrameSize = 8,
                VocabularySize = 40,
                EmbeddingSize = 8,
                LstmUnits = 16,
                MlpUnits = 16,
                LatentUnits = latentUnits,
                Beta = beta,
                Gamma = beta,
            },
            Training = new TrainingConfiguration { BatchSize = rows },
        };
        var model = configuration.Model;
        using var device = new CudaDevice(Gpu.Options(CudaRecurrence.Kernels, precision) with
        {
            Products = products,
            Loop = residentOn is null ? CudaLoop.Steps : CudaLoop.Resident,
        });
        using var parameters = new ModelParameters(device, model, training: true);
        parameters.Initialise(1);
        using var step = new TrainingStep(device, parameters, steps, rows, new TrainingConfiguration());
        step.Load(RandomSequences.Batch(model, steps, rows, 1));
        var earlyStarts = device.EarlyStarts;
        step.Run(StepSettings.Of(configuration, 0));
        earlyStarts = device.EarlyStarts - earlyStarts;
        step.Run(StepSettings.Of(configuration, 1));
        device.Synchronise();
        var budget = StepBudget.Count(configuration, steps, precision, products, residentOn);
        Assert.Equal(residentOn is not null, budget.HasResidentLoop);
        var (counted, nodes) = (budget.Kernels, device.GraphNodes.Single().Nodes);
        if (device.NoEarlyStarts is null)
            Assert.Equal(budget.EarlyStarts, earlyStarts);

        // NVIDIA's libraries may take two kernels for a product, split over its inner dimension: up to 45 % more nodes on an H100.
        Assert.InRange(nodes, counted, Gpu.IsSoftware ? counted : 2 * counted);
    }
}
