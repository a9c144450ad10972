using VBiLstm.Data;

namespace VBiLstm.Tests.Data;

public class EvaluationBatchSizeTests
{
    static TokenStream Of(int steps) => new(new int[steps + 1], 1, steps, carriesState: false, TaskUnit.Nats, "text");

    [Theory]
    [InlineData(40, 128)]
    [InlineData(10, 128)]
    [InlineData(80, 64)]
    [InlineData(620, 8)]
    [InlineData(100_000, 1)]
    public void Longer_test_sequences_come_in_batches_of_no_more_steps_and_at_least_one_row(int testSteps, int expected)
    {
        var splits = new DataSplits(Of(40), Of(30), Of(testSteps), "");
        Assert.Equal(40, splits.TrainingLength);
        Assert.Equal(expected, splits.EvaluationBatchSize(splits.Test, 128));
    }
}
