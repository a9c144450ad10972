using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>Every model learns; its exact steps and gradients have tests of their own.</summary>
public class LearningTests
{
    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Lstm)]
    [InlineData(ModelKind.BiLstm)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Every_model_learns_the_digits(ModelKind kind)
    {
        var configuration = new RunConfiguration
        {
            Seed = 5,
            Model = new ModelConfiguration { Kind = kind, LstmUnits = 64, MlpUnits = 64, LatentUnits = 16, Alpha = 0.001, Beta = 0 },
            Data = new DataConfiguration { Binarisation = Binarisation.Stochastic },
            Training = new TrainingConfiguration { Steps = 120, LearningRate = 3e-3, EvaluateEvery = 0, CheckpointEvery = 0 },
        };
        using var data = EmbeddedDigits.Open(configuration.Data, configuration.Seed);
        using var device = new CpuDevice(2);
        using var trainer = new Trainer(configuration, data, device);
        Assert.Equal(TrainingOutcome.Completed, trainer.Run(cancellation: TestContext.Current.CancellationToken));

        // 543 untrained, 206 for pixel means.
        Assert.InRange(-trainer.State.BestBound!.Value, 80, 200);
    }
}
