using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>φ and the readings of Gaussian outputs that a configuration fixes (model.md section 1).</summary>
readonly struct ModelFunctions
{
    public ModelFunctions(ModelConfiguration model)
    {
        Phi = new LeakyRelu((float)model.LeakyReluSlope, (float)(model.ActivationClip ?? double.PositiveInfinity));
        Latent = new GaussianHead((float)model.LogVarianceMin, (float)model.LogVarianceMax, TanhMean: false);
        Output = new GaussianHead((float)model.OutputLogVarianceMin, (float)model.OutputLogVarianceMax, TanhMean: false);
        Density = model.ReconstructionVariance == ReconstructionVariance.Unit ? UnitVariance : Latent;
        Reconstruction = Density with { TanhMean = model.ReconstructionMean == ReconstructionMean.Tanh };
    }

    // A clamp to 0 of which no value is inside, so that none gets a gradient; behind the exponential its upper end is 1, too.
    static GaussianHead UnitVariance => new(0, -1e-30f, TanhMean: false);

    public LeakyRelu Phi { get; }

    /// <summary>Posterior and prior: no τ.</summary>
    public GaussianHead Latent { get; }

    /// <summary>The Gaussian output and the components of a mixture: clamps of their own, no τ.</summary>
    public GaussianHead Output { get; }

    /// <summary>ψ and ξ where τ has been applied.</summary>
    public GaussianHead Density { get; }

    /// <summary>ψ and ξ: τ on the mean.</summary>
    public GaussianHead Reconstruction { get; }
}
