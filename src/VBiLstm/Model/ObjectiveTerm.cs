namespace VBiLstm.Model;

/// <summary>The terms of the objective (model.md section 2.4), in the order of their sums in device memory and of <see cref="StepMetrics"/>.</summary>
enum ObjectiveTerm
{
    /// <summary>−log p_η, coefficient 1.</summary>
    Nll,

    /// <summary>KL(q ‖ p), coefficient ω; 0 with free bits.</summary>
    Kl,

    /// <summary>log p_ψ, coefficient −α.</summary>
    LogPPsi,

    /// <summary>log p_ξ, coefficient −β.</summary>
    LogPXi,

    /// <summary>|h|², coefficient γ.</summary>
    Activity,

    /// <summary>(|h_t| − |h_{t-1}|)², coefficient η of the norm stabiliser.</summary>
    NormStabiliser,

    /// <summary>−log p of the backward path's own generator (twin-net, and z-forcing with backward_prediction), coefficient 1.</summary>
    BackwardNll,

    /// <summary>|g(h_t) − b_t| (twin-net), coefficient twin_weight.</summary>
    TwinDistance,

    /// <summary>max(KL(q ‖ p), λ) of each time step, coefficient ω; the model lacks it without free bits.</summary>
    FreeBitsKl,
}
