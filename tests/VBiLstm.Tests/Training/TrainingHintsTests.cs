using VBiLstm.Configuration;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>What courses of training that everyone knows are called.</summary>
public class TrainingHintsTests
{
    static readonly ModelConfiguration Model = new() { LatentUnits = 32 };

    // Bounds of training and validation at each evaluation.
    static string Told(ModelConfiguration model, int activeUnits, params (double Training, double Validation)[] course)
    {
        var hints = new TrainingHints(model);
        var best = double.NegativeInfinity;
        foreach (var (number, (training, validation)) in course.Index())
        {
            hints.Add(new StepReport(number + 1, course.Length, 0, new StepMetrics((float)-training, 0, 0, 0, 0, (float)training, 1), 0.001, 8, 0));
            var result = new EvaluationResult { Nll = -validation, Kl = 0, Sequences = 8, Tokens = 80, IsBound = true, ActiveUnits = activeUnits };
            hints.Add(new EvaluationReport(number + 1, result, validation > best));
            best = Math.Max(best, validation);
        }

        return string.Join('\n', hints.Tell());
    }

    [Fact]
    public void A_training_that_gets_better_needs_no_hint()
        => Assert.Empty(Told(Model, 12, (-200, -201), (-150, -152), (-120, -124), (-110, -116), (-105, -114)));

    [Fact]
    public void Validation_that_falls_while_training_rises_overfits()
    {
        var told = Told(Model, 12, (-200, -201), (-150, -152), (-120, -160), (-110, -170), (-100, -180));
        Assert.StartsWith("it overfits: the validation bound was best at step 2 (-152.00, now -180.00)", told, StringComparison.Ordinal);
        Assert.Contains("training.early_stop", told, StringComparison.Ordinal);
    }

    [Fact]
    public void Training_that_falls_diverges()
    {
        var told = Told(Model, 12, (-200, -201), (-150, -152), (-180, -190), (-250, -260), (-400, -420));
        Assert.StartsWith("it diverges: the training bound was -150.00 around step 2 and is -400.00", told, StringComparison.Ordinal);
        Assert.Contains("training.learning_rate", told, StringComparison.Ordinal);
    }

    [Fact]
    public void One_worse_evaluation_is_noise() => Assert.Empty(Told(Model, 12, (-200, -201), (-150, -152), (-120, -160)));

    [Theory]
    [InlineData(0, true)]
    [InlineData(3, true)]
    [InlineData(4, false)]
    public void Latents_that_carry_nothing_are_told_of(int activeUnits, bool isTold)
        => Assert.Equal(isTold, Told(Model, activeUnits, (-200, -201), (-150, -152)).Contains($"{activeUnits} of 32 latent units", StringComparison.Ordinal));

    [Fact]
    public void A_model_without_latents_has_none_that_sleep() => Assert.Empty(Told(Model with { Kind = ModelKind.Lstm }, 0, (-200, -201), (-150, -152)));
}
