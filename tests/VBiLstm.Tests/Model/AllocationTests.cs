using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;

namespace VBiLstm.Tests.Model;

/// <summary>Runs alone, because it counts what the whole process allocates.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
[Collection(nameof(AllocationTests))]
public class AllocationTests
{
    [Theory]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Bernoulli)]
    [InlineData(ModelKind.ZForcing, OutputDistribution.Categorical)]
    [InlineData(ModelKind.Lstm, OutputDistribution.Gaussian)]
    [InlineData(ModelKind.BiLstm, OutputDistribution.Categorical)]
    [InlineData(ModelKind.Vrnn, OutputDistribution.GaussianMixture)]
    [InlineData(ModelKind.Srnn, OutputDistribution.Categorical)]
    public void A_hundred_steps_allocate_nothing_on_any_thread(ModelKind kind, OutputDistribution distribution)
    {
        const int T = 6, B = 8;
        var model = new ModelConfiguration
        {
            Kind = kind,
            OutputDistribution = distribution,
            FrameSize = 28,
            VocabularySize = 50,
            LstmUnits = 96,
            MlpUnits = 64,
            LatentUnits = 16,
            Beta = 0.1,
            Gamma = 0.1,
        };
        using var device = new CpuDevice(2);
        using var parameters = new ModelParameters(device, model, training: true);
        parameters.Initialise(1);
        using var step = new TrainingStep(device, parameters, T, B, new TrainingConfiguration());
        var batch = new SequenceBatch(T, B, model.IsCategorical ? 0 : model.FrameSize) { Steps = T, Sequences = B };
        Array.Fill(batch.Lengths, T);
        void Steps(int count)
        {
            for (var i = 0; i < count; i++)
            {
                step.Load(batch);
                step.Run(new StepSettings(1, i, 0.001, 1, 0.1, 0.1));
                step.ReadMetrics();
            }
        }

        Steps(20);
        Assert.Equal(0, Allocation.OnEveryThread(() => Steps(100)));
    }
}
