namespace VBiLstm.Devices;

/// <summary>
/// Buffers of the variational Bi-LSTM's loops over T time steps of B rows (model.md F3 and B5), for a device that runs a whole loop as one operation.
/// Disposing it gives back what the device keeps for it. Where only the forward pass runs, what is of the backward one is empty.
/// </summary>
sealed record VariationalLoop : IDisposable
{
    /// <summary>T, at most what the buffers hold.</summary>
    public required int Steps { get; set; }

    /// <summary>B, rows of one time step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Whether zoneout mixes the states or cells of two time steps.</summary>
    public bool Mixes { get; init; }

    /// <summary>[Q_1h | U_f], [H, M + 4H].</summary>
    public required Weight HiddenStack { get; init; }

    /// <summary>Q₂, [M, 2Z].</summary>
    public required Weight PosteriorWeight { get; init; }

    /// <summary>S₁, [Z, M].</summary>
    public required Weight PsiHiddenWeight { get; init; }

    /// <summary>S₂, [M, 2H].</summary>
    public required Weight PsiWeight { get; init; }

    /// <summary>[W_z; W_b̃], [Z + H, 4H].</summary>
    public required Weight LatentStack { get; init; }

    /// <summary>[U_f; W_z; W_b̃], [H + Z + H, 4H], of the backward pass.</summary>
    public required Weight RecurrentStack { get; init; }

    /// <summary>Q_1h, [H, M], of the backward pass.</summary>
    public required Weight PosteriorHiddenWeight { get; init; }

    /// <summary>[1, 2Z].</summary>
    public required Tensor PosteriorBias { get; init; }

    /// <summary>[1, M].</summary>
    public required Tensor PsiHiddenBias { get; init; }

    /// <summary>[1, 2H].</summary>
    public required Tensor PsiBias { get; init; }

    /// <summary>h by slot, [(T+1)·B, H]; the first is given.</summary>
    public required Tensor H { get; init; }

    /// <summary>c by slot, [(T+1)·B, H]; the first is given.</summary>
    public required Tensor C { get; init; }

    /// <summary>[T·B, 4H]: input projections plus bias, then activations, then dA; going backward begins with the last time step's dA.</summary>
    public required Tensor Gates { get; init; }

    /// <summary>[T·B, H]; where only the forward pass runs, [B, H] will do.</summary>
    public required Tensor TanhC { get; init; }

    /// <summary>[T·B, H], or empty.</summary>
    public required Tensor UpdateMask { get; init; }

    /// <summary>h [Q_1h | U_f], [B, M + 4H], one time step's scratch.</summary>
    public required Tensor HiddenProduct { get; init; }

    /// <summary>[T·B, M]: what the posterior reads of b_t, then its hidden layer.</summary>
    public required Tensor PosteriorHidden { get; init; }

    /// <summary>[T·B, 2Z]: moments, then their gradient.</summary>
    public required Tensor PosteriorOutput { get; init; }

    /// <summary>ε_t, [T·B, Z].</summary>
    public required Tensor EpsilonZ { get; init; }

    /// <summary>z_t, [T·B, Z].</summary>
    public required Tensor Z { get; init; }

    /// <summary>[T·B, M]; where only the forward pass runs, [B, M] will do.</summary>
    public required Tensor PsiHidden { get; init; }

    /// <summary>[T·B, 2H]: moments, then their gradient; where only the forward pass runs, [B, 2H] will do.</summary>
    public required Tensor PsiOutput { get; init; }

    /// <summary>ε′_t, [T·B, H]; empty where b̃_t is its mean.</summary>
    public required Tensor EpsilonB { get; init; }

    /// <summary>b̃_t, [T·B, H].</summary>
    public required Tensor BTilde { get; init; }

    public required LeakyRelu Phi { get; init; }

    public required GaussianHead LatentHead { get; init; }

    public required GaussianHead ReconstructionHead { get; init; }

    /// <summary>What reaches h but through the recurrence, by slot, [(T+1)·B, H].</summary>
    public Tensor DH { get; init; }

    /// <summary>[B, H]: the gradient of the last cell but one, then of the first.</summary>
    public Tensor DC { get; init; }

    /// <summary>dA [U_f; W_z; W_b̃]ᵀ, [B, H + Z + H], one time step's scratch; in its first columns the gradient of the first h at last.</summary>
    public Tensor RecurrentProduct { get; init; }

    /// <summary>What reaches b̃_t but through the LSTM, [T·B, H], or empty.</summary>
    public Tensor DBTilde { get; init; }

    /// <summary>[T·B, 2H].</summary>
    public Tensor DPsiMoments { get; init; }

    /// <summary>[T·B, M].</summary>
    public Tensor DPsiHidden { get; init; }

    /// <summary>What reaches z_t but through the LSTM and ψ, [T·B, Z].</summary>
    public Tensor DZ { get; init; }

    /// <summary>[T·B, 2Z].</summary>
    public Tensor DPosteriorMoments { get; init; }

    /// <summary>[T·B, M].</summary>
    public Tensor DPosteriorHidden { get; init; }

    /// <summary>m_t, [T·B, 1], or empty.</summary>
    public Tensor SkipMask { get; init; }

    /// <summary>What the device keeps for these loops beside the tensors; the device sets it.</summary>
    public IDisposable? KeptByDevice { get; set; }

    public void Dispose()
    {
        KeptByDevice?.Dispose();
        KeptByDevice = null;
    }
}
