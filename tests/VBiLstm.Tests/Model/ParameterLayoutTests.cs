using VBiLstm.Configuration;
using VBiLstm.Model;

namespace VBiLstm.Tests.Model;

public class ParameterLayoutTests
{
    // Checkpoints keep these shapes, and readers in other languages rely on them: four gates of H side by side, biases as vectors.
    [Theory]
    [InlineData("forward_lstm.weight_input", new[] { 3, 20 })]
    [InlineData("forward_lstm.weight_recurrent", new[] { 5, 20 })]
    [InlineData("forward_lstm.bias", new[] { 20 })]
    [InlineData("generator.hidden.bias", new[] { 4 })]
    [InlineData("generator.output.bias", new[] { 6 })]
    [InlineData("posterior.output.weight", new[] { 4, 4 })]
    public void Weights_are_matrices_and_biases_vectors(string name, int[] shape)
    {
        var layout = new ParameterLayout(new ModelConfiguration
        {
            OutputDistribution = OutputDistribution.Gaussian,
            FrameSize = 3,
            LstmUnits = 5,
            MlpUnits = 4,
            LatentUnits = 2,
        });
        Assert.Equal(shape, layout[name].Shape);
    }
}
