using VBiLstm.Configuration;

namespace VBiLstm.Model;

/// <summary>Arithmetic that the products of a model need (model.md section 7); element-wise work is not counted, nor saved where projections are gathered.</summary>
public static class ModelCost
{
    /// <summary>Multiply-adds of the forward pass for one row of one time step.</summary>
    public static long ForwardMultiplyAdds(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        long e = model.InputSize, h = model.LstmUnits, z = model.LatentUnits, m = model.MlpUnits, o = model.OutputSize;
        var generator = (model.ReadsFuture ? h + h : model.GeneratorInput == GeneratorInput.HZBTilde ? h + z + h : h) * m + m * o;
        var lstm = 4 * h * h + 4 * e * h;
        var plain = (model.HasBackwardLstm ? 2 : 1) * lstm + generator;
        if (!model.HasChannel)
            return plain;
        var posterior = (h + h) * m + 2 * m * z;
        var prior = model.HasLearnedPrior ? h * m + 2 * m * z : 0;
        var psi = z * m + 2 * m * h;
        var xi = model.HasXi && model.Beta > 0 ? z * m + 2 * m * h : 0;
        var channelToGates = 4 * h * (z + (model.FeedsBTilde ? h : 0));
        return plain + posterior + prior + psi + xi + channelToGates;
    }

    /// <summary>
    /// Floating-point operations of one training step, two per multiply-add: the backward pass costs twice the forward pass, less the gradient with
    /// respect to frames, which nobody needs.
    /// </summary>
    public static double TrainingStepOperations(ModelConfiguration model, int steps, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(model);
        var inputGradient = model.IsCategorical ? 0 : (model.HasBackwardLstm ? 2L : 1L) * 4 * model.InputSize * model.LstmUnits;
        return 2.0 * steps * batchSize * (3 * ForwardMultiplyAdds(model) - inputGradient);
    }
}
