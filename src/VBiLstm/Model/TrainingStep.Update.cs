using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

public sealed partial class TrainingStep
{
    AdamArguments _adam;

    /// <summary>Sets Adam's constants for the run and the values of one step.</summary>
    /// <param name="training">β₁, β₂, ε, the clip norm, and what happens when something is not finite.</param>
    /// <param name="learningRate">This step's rate.</param>
    /// <param name="t">Adam's t: steps done, this one and skipped ones included, so that it is known before the last step has ended.</param>
    public void SetOptimiser(TrainingConfiguration training, double learningRate, long t)
    {
        ArgumentNullException.ThrowIfNull(training);
        var scalars = _a.Scalars;
        scalars.SetOptimiser((float)learningRate, (float)(1 - Math.Pow(training.AdamBeta1, t)), (float)(1 - Math.Pow(training.AdamBeta2, t)));
        _adam = new AdamArguments(_a.GradientNorm, _a.Objective, scalars.LearningRate, scalars.Correction1, scalars.Correction2, _a.Halted,
            (float)training.AdamBeta1, (float)training.AdamBeta2, (float)training.AdamEpsilon, (float)training.ClipNorm, training.OnNonFinite == OnNonFinite.Stop);
    }

    /// <summary>
    /// Gradient norm, clipping and Adam; changes nothing where the objective or the norm is not finite, and nothing from then on where the run is to stop.
    /// </summary>
    public void Update()
    {
        EnterPhase?.Invoke(TrainingPhase.Adam);
        _device.GradientNorm(_parameters.Gradients, _a.GradientNorm);
        _device.AdamStep(_parameters.Values, _parameters.Gradients, _parameters.FirstMoments, _parameters.SecondMoments, _adam);
        RefreshWeights();
    }
}
