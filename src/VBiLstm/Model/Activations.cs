using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>
/// Every buffer of a training step, in one arena, named after model.md. A [T, B, N] sequence is a tensor [T·B, N] sized for the largest T.
/// Where a comment says "then", the backward pass overwrites the forward value in place. Tensors that a model lacks are empty.
/// </summary>
sealed class Activations
{
    /// <param name="device">Owner of the memory.</param>
    /// <param name="arena">Where the tensors are taken from.</param>
    /// <param name="model">A valid configuration.</param>
    /// <param name="t">Largest number of predicted steps.</param>
    /// <param name="b">Rows of a batch.</param>
    /// <param name="training">Whether the backward pass will run.</param>
    /// <param name="inputGradient">Whether the gradient with respect to the inputs is wanted.</param>
    /// <param name="projectsVocabulary">Whether input projections are computed for each id of the vocabulary and gathered.</param>
    /// <param name="outputSteps">Time steps whose outputs exist at once.</param>
    public Activations(Device device, Arena arena, ModelConfiguration model, int t, int b, bool training, bool inputGradient, bool projectsVocabulary, int outputSteps)
    {
        var (e, h, z, m, o) = (model.InputSize, model.LstmUnits, model.LatentUnits, model.MlpUnits, model.OutputSize);
        var (rows, tokens, slots) = (checked(t * b), checked((t + 1) * b), checked((t + 2) * b));
        var samplesB = model.FeedsBTilde && model.BTilde == BTildeMode.Sample;
        var hasXi = model.HasXi && model.Beta > 0;
        var concatenates = model.GeneratorInput == GeneratorInput.HZBTilde;

        Tensor If(bool condition, int r, int c) => condition ? arena.Take(r, c) : default;

        Scalars = new StepScalars(device, arena);
        Metrics = arena.Take(StepMetrics.Count, 1);
        Halted = arena.Take(1, 1);
        RowIds = arena.TakeIds(b);
        Tokens = model.IsCategorical ? arena.TakeIds(tokens) : default;
        Embedded = If(!projectsVocabulary, tokens, e);
        TokenGates = If(projectsVocabulary, model.VocabularySize, 4 * h);
        BackwardTokenGates = If(projectsVocabulary && model.HasBackwardLstm, model.VocabularySize, 4 * h);
        Validity = arena.Take(tokens, 1);
        LossWeight = arena.Take(rows, 1);
        EpsilonZ = If(model.HasChannel, rows, z);
        EpsilonB = If(samplesB, rows, h);
        SkipMask = If(model.HasChannel && model.SkipGradient != SkipGradientMode.Off, rows, 1);

        BackwardGates = If(model.HasBackwardLstm, tokens, 4 * h);
        BackwardH = If(model.HasBackwardLstm, slots, h);
        BackwardC = If(model.HasBackwardLstm, slots, h);
        BackwardTanhC = If(model.HasBackwardLstm, tokens, h);

        Gates = arena.Take(rows, 4 * h);
        H = arena.Take(tokens, h);
        C = arena.Take(tokens, h);
        TanhC = arena.Take(rows, h);
        HiddenProduct = If(model.HasChannel, b, m + 4 * h);
        PosteriorHidden = If(model.HasChannel, rows, m);
        PosteriorOutput = If(model.HasChannel, rows, 2 * z);
        LatentInput = If(model.FeedsBTilde, rows, RoundUp(z + h)).ColumnRange(0, model.FeedsBTilde ? z + h : 0);
        Z = model.FeedsBTilde ? LatentInput.ColumnRange(0, z) : If(model.HasChannel, rows, z);
        BTilde = LatentInput.ColumnRange(z, model.FeedsBTilde ? h : 0);
        PsiHidden = If(model.HasChannel, rows, m);
        PsiOutput = If(model.HasChannel, rows, 2 * h);
        PriorHidden = If(model.HasLearnedPrior, rows, m);
        PriorOutput = If(model.HasLearnedPrior, rows, 2 * z);
        XiHidden = If(hasXi, rows, m);
        XiOutput = If(hasXi, rows, 2 * h);
        GeneratorHidden = arena.Take(rows, m);
        Output = arena.Take(checked(outputSteps * b), o);

        Nll = arena.Take(rows, 1);
        Kl = If(model.HasChannel, rows, 1);
        LogPPsi = If(model.HasChannel, rows, 1);
        LogPXi = If(hasXi, rows, 1);
        Activity = arena.Take(rows, 1);
        LogQZ = If(model.HasChannel, rows, 1);
        LogPZ = If(model.HasChannel, rows, 1);

        if (!training)
            return;
        DH = arena.Take(tokens, h);
        DHidden = arena.Take(rows, m);
        DEmbedded = If(inputGradient && !projectsVocabulary, tokens, e);
        DHRecurrent = If(!model.HasChannel, b, h);
        DC = arena.Take(b, h);
        DBackwardH = If(model.HasBackwardLstm, tokens, h);
        DBackwardHRecurrent = If(model.HasBackwardLstm, b, h);
        DBackwardC = If(model.HasBackwardLstm, b, h);
        if (!model.HasChannel)
            return;
        DZ = arena.Take(rows, z);
        DBTilde = If(concatenates, rows, h);
        DPosteriorMoments = arena.Take(rows, 2 * z);
        DPsiMoments = If(model.FeedsBTilde, rows, 2 * h);
        DPosteriorHidden = arena.Take(rows, m);
        DPsiHidden = If(model.FeedsBTilde, rows, m);
        MaskedDPosteriorHidden = If(model.SkipGradient != SkipGradientMode.Off, b, m);
        RecurrentProduct = arena.Take(b, model.FeedsBTilde ? h + z + h : h + z);
    }

    static int RoundUp(int columns) => (columns + 15) / 16 * 16;

    public StepScalars Scalars { get; }

    /// <summary>[7, 1]: the values of <see cref="StepMetrics"/> in their order, side by side so that one copy brings them all to the host.</summary>
    public Tensor Metrics { get; }

    /// <summary>[5, 1]: NLL, KL, log p_ψ, log p_ξ, activity, each Σ w.</summary>
    public Tensor Terms => Metrics.RowRange(0, 5);

    /// <summary>[1, 1]: J.</summary>
    public Tensor Objective => Metrics.RowRange(5, 1);

    /// <summary>[1, 1].</summary>
    public Tensor GradientNorm => Metrics.RowRange(6, 1);

    /// <summary>[1, 1]: not 0 after a step that was not finite halted the updates.</summary>
    public Tensor Halted { get; }

    /// <summary>[B].</summary>
    public IdTensor RowIds { get; }

    /// <summary>s_k, [(T+1)·B].</summary>
    public IdTensor Tokens { get; }

    /// <summary>e_k, [T+1, B, E]; the frames themselves where the data are frames; empty where the vocabulary is projected.</summary>
    public Tensor Embedded { get; }

    /// <summary>E W_x + b_f for each id, then the sums of dA over the id's occurrences, [V, 4H]; empty unless the vocabulary is projected.</summary>
    public Tensor TokenGates { get; }

    /// <summary>The same of the backward LSTM, [V, 4H].</summary>
    public Tensor BackwardTokenGates { get; }

    /// <summary>v_k, [T+1, B, 1].</summary>
    public Tensor Validity { get; }

    /// <summary>w_t, [T, B, 1].</summary>
    public Tensor LossWeight { get; }

    /// <summary>ε_t, [T, B, Z].</summary>
    public Tensor EpsilonZ { get; }

    /// <summary>ε′_t, [T, B, H]; empty where b̃ is the mean.</summary>
    public Tensor EpsilonB { get; }

    /// <summary>m_t, [T, B, 1]; empty where skip gradient is off.</summary>
    public Tensor SkipMask { get; }

    /// <summary>[T+1, B, 4H] gates of the backward LSTM, then dA^b.</summary>
    public Tensor BackwardGates { get; }

    /// <summary>β_k by slot, [T+2, B, H]; slot T+1 is zero.</summary>
    public Tensor BackwardH { get; }

    /// <summary>κ_k by slot, [T+2, B, H]; slot T+1 is zero.</summary>
    public Tensor BackwardC { get; }

    /// <summary>[T+1, B, H].</summary>
    public Tensor BackwardTanhC { get; }

    /// <summary>[T, B, 4H]: A^x, then gates i, f, u, o, then dA.</summary>
    public Tensor Gates { get; }

    /// <summary>h_0..h_T, [T+1, B, H].</summary>
    public Tensor H { get; }

    /// <summary>c_0..c_T, [T+1, B, H].</summary>
    public Tensor C { get; }

    /// <summary>[T, B, H].</summary>
    public Tensor TanhC { get; }

    /// <summary>h_{t-1} [Q_1h | U_f], [B, M+4H], one step's scratch.</summary>
    public Tensor HiddenProduct { get; }

    /// <summary>Q^b, then φ(q_a), [T, B, M].</summary>
    public Tensor PosteriorHidden { get; }

    /// <summary>[μ_q; ℓ_q], then dq_o, [T, B, 2Z].</summary>
    public Tensor PosteriorOutput { get; }

    /// <summary>[z_t | b̃_t], [T, B, Z+H], rows on cache lines; empty where b̃ does not feed the LSTM.</summary>
    public Tensor LatentInput { get; }

    /// <summary>z_t, [T, B, Z].</summary>
    public Tensor Z { get; }

    /// <summary>φ(s_a), [T, B, M].</summary>
    public Tensor PsiHidden { get; }

    /// <summary>[μ_b; ℓ_b], then ds_o, [T, B, 2H].</summary>
    public Tensor PsiOutput { get; }

    /// <summary>b̃_t, [T, B, H].</summary>
    public Tensor BTilde { get; }

    /// <summary>φ(p_a), [T, B, M].</summary>
    public Tensor PriorHidden { get; }

    /// <summary>[μ_p; ℓ_p], then dp_o, [T, B, 2Z].</summary>
    public Tensor PriorOutput { get; }

    /// <summary>φ(x_a), [T, B, M].</summary>
    public Tensor XiHidden { get; }

    /// <summary>[μ_h; ℓ_h], then dx_o, [T, B, 2H].</summary>
    public Tensor XiOutput { get; }

    /// <summary>φ(g_a), [T, B, M].</summary>
    public Tensor GeneratorHidden { get; }

    /// <summary>o_t, then do, [T, B, O]; of some time steps at once where T·B·O is large.</summary>
    public Tensor Output { get; }

    /// <summary>−log p_η(y_t), [T, B, 1].</summary>
    public Tensor Nll { get; }

    /// <summary>[T, B, 1].</summary>
    public Tensor Kl { get; }

    /// <summary>[T, B, 1].</summary>
    public Tensor LogPPsi { get; }

    /// <summary>[T, B, 1].</summary>
    public Tensor LogPXi { get; }

    /// <summary>|h_t|², [T, B, 1].</summary>
    public Tensor Activity { get; }

    /// <summary>log q(z_t), [T, B, 1], for importance weights.</summary>
    public Tensor LogQZ { get; }

    /// <summary>log p_θ(z_t), [T, B, 1], for importance weights.</summary>
    public Tensor LogPZ { get; }

    /// <summary>dh^G_t + dh^S_t by state slot, [T+1, B, H]: everything that reaches h but through the recurrence.</summary>
    public Tensor DH { get; }

    /// <summary>[T, B, M] gradient at the hidden layer of the batched net at hand.</summary>
    public Tensor DHidden { get; }

    /// <summary>de, [T+1, B, E].</summary>
    public Tensor DEmbedded { get; }

    /// <summary>[B, H], only where there is no channel.</summary>
    public Tensor DHRecurrent { get; }

    /// <summary>[B, H].</summary>
    public Tensor DC { get; }

    /// <summary>dz⁰_t, [T, B, Z].</summary>
    public Tensor DZ { get; }

    /// <summary>db̃⁰_t, [T, B, H]; empty unless concatenated.</summary>
    public Tensor DBTilde { get; }

    /// <summary>[dμ_q⁰; dλ_q⁰], [T, B, 2Z].</summary>
    public Tensor DPosteriorMoments { get; }

    /// <summary>[dμ_b⁰; dλ_b⁰], [T, B, 2H].</summary>
    public Tensor DPsiMoments { get; }

    /// <summary>dq_a, [T, B, M].</summary>
    public Tensor DPosteriorHidden { get; }

    /// <summary>ds_a, [T, B, M].</summary>
    public Tensor DPsiHidden { get; }

    /// <summary>m_t dq_a, [B, M], one step's scratch.</summary>
    public Tensor MaskedDPosteriorHidden { get; }

    /// <summary>[dh^rec | dz^lstm | db̃], [B, H+Z(+H)], one step's scratch.</summary>
    public Tensor RecurrentProduct { get; }

    /// <summary>dβ_k, [T+1, B, H].</summary>
    public Tensor DBackwardH { get; }

    /// <summary>[B, H].</summary>
    public Tensor DBackwardHRecurrent { get; }

    /// <summary>[B, H].</summary>
    public Tensor DBackwardC { get; }
}
