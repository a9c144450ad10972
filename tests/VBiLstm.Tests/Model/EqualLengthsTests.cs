using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;

namespace VBiLstm.Tests.Model;

/// <summary>A step that was made for sequences of equal lengths takes no others.</summary>
public class EqualLengthsTests
{
    static readonly ModelConfiguration Model = new() { Kind = ModelKind.BiLstm, FrameSize = 3, LstmUnits = 4, MlpUnits = 4 };

    static void With(Action<TrainingStep> act)
    {
        using var device = new CpuDevice(1);
        using var parameters = new ModelParameters(device, Model, training: true);
        parameters.Initialise(1);
        using var step = new TrainingStep(device, parameters, 5, 3, new TrainingConfiguration(), equalLengths: true);
        act(step);
    }

    [Fact]
    public void Batches_of_any_one_length_with_padding_are_taken() => With(step =>
    {
        foreach (var steps in new[] { 5, 2 })
        {
            var batch = RandomSequences.Batch(Model, steps, 3, 1);
            (batch.Sequences, batch.Lengths[1], batch.Lengths[2]) = (2, 0, 0);
            step.Load(batch);
            Assert.Equal(steps, step.Steps);
        }
    });

    [Fact]
    public void A_shorter_row_is_refused_by_its_number() => With(step =>
    {
        var batch = RandomSequences.Batch(Model, 5, 3, 1);
        batch.Lengths[1] = 4;
        Assert.Equal("Row 1 has 4 steps in a batch of 5; this step takes sequences of equal lengths.",
            Assert.Throws<ArgumentException>(() => step.Load(batch)).Message);
    });

    [Fact]
    public void A_state_that_goes_on_is_refused() => With(step =>
    {
        var batch = RandomSequences.Batch(Model, 5, 3, 1);
        step.Load(batch);
        batch.Continues = true;
        Assert.Contains("begin anew", Assert.Throws<ArgumentException>(() => step.Load(batch)).Message, StringComparison.Ordinal);
        Assert.Contains("carries no state", Assert.Throws<InvalidOperationException>(step.CarryState).Message, StringComparison.Ordinal);
    });
}
