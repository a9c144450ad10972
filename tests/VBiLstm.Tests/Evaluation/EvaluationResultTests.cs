using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;

namespace VBiLstm.Tests.Evaluation;

public class EvaluationResultTests
{
    static readonly ModelConfiguration Frames = new(), Tokens = new() { OutputDistribution = OutputDistribution.Categorical };

    // 4 nats a sequence with the KL, 3 without; two sequences of eight predicted steps in all, so 1 nat a step.
    static EvaluationResult Of(TaskUnit unit) => new() { Nll = 3, Kl = 1, Sequences = 2, Tokens = 8, Unit = unit, IsBound = true };

    [Fact]
    public void The_bound_is_minus_nll_and_kl() => Assert.Equal(-4, Of(TaskUnit.Nats).Bound);

    [Theory]
    [InlineData(TaskUnit.Perplexity, true, Math.E, "perplexity (lower is better)")]
    [InlineData(TaskUnit.BitsPerCharacter, true, 1.4426950408889634, "bits per character (lower is better)")]
    [InlineData(TaskUnit.Nats, true, 1.4426950408889634, "bits per token (lower is better)")]
    [InlineData(TaskUnit.NatsPerImage, false, 4, "nats per image (lower is better)")]
    [InlineData(TaskUnit.Nats, false, -4, "nats per sequence (higher is better)")]
    public void The_task_s_figure_is_made_of_the_bound(TaskUnit unit, bool isTokens, double expected, string name)
    {
        var (value, unitName) = Of(unit).TaskUnit(isTokens ? Tokens : Frames);
        Assert.Equal(expected, value, 1e-12);
        Assert.Equal(name, unitName);
    }
}
