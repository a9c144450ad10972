using System.ComponentModel;
using System.Text.Json.Serialization;

namespace VBiLstm.Configuration;

/// <summary>Which of the models of model.md section 11 is trained.</summary>
public enum ModelKind
{
    /// <summary>Forward and backward LSTM joined by the variational channel (model.md section 2).</summary>
    [JsonStringEnumMemberName("variational-bilstm")] VariationalBiLstm,

    /// <summary>z feeds the LSTM, b̃ does not exist, log p_ψ is an auxiliary cost, no ξ net.</summary>
    [JsonStringEnumMemberName("z-forcing")] ZForcing,

    /// <summary>Forward LSTM and generator only.</summary>
    [JsonStringEnumMemberName("lstm")] Lstm,

    /// <summary>
    /// Forward and backward LSTM without a channel; the generator reads [h_t; β_{t+1}]: everything before the target and everything after it.
    /// </summary>
    [JsonStringEnumMemberName("bilstm")] BiLstm,

    /// <summary>Variational RNN of Chung et al. 2015 (model.md section 14).</summary>
    [JsonStringEnumMemberName("vrnn")] Vrnn,

    /// <summary>Stochastic RNN of Fraccaro et al. 2016, smoothing, posterior mean as a residual on the prior's (model.md section 15).</summary>
    [JsonStringEnumMemberName("srnn")] Srnn,

    /// <summary>Twin network of Serdyuk et al. 2017: a backward LSTM trained beside the forward one and matched by it (model.md section 16).</summary>
    [JsonStringEnumMemberName("twin-net")] TwinNet,
}

/// <summary>The output distributions of model.md section 2.3.</summary>
public enum OutputDistribution
{
    /// <summary>Binary values; o_t holds D logits.</summary>
    [JsonStringEnumMemberName("bernoulli")] Bernoulli,

    /// <summary>Token ids; o_t holds V logits.</summary>
    [JsonStringEnumMemberName("categorical")] Categorical,

    /// <summary>Real values with a diagonal covariance; o_t holds D means and D log-variances.</summary>
    [JsonStringEnumMemberName("gaussian")] Gaussian,

    /// <summary>Real values by a mixture of K diagonal Gaussians (<see cref="ModelConfiguration.MixtureComponents"/>).</summary>
    [JsonStringEnumMemberName("gaussian-mixture")] GaussianMixture,
}

/// <summary>How b̃ is obtained from p_ψ(b̃ | z).</summary>
public enum BTildeMode
{
    /// <summary>Drawn, with the gradient through the draw.</summary>
    [JsonStringEnumMemberName("sample")] Sample,

    /// <summary>The mean.</summary>
    [JsonStringEnumMemberName("mean")] Mean,
}

/// <summary>Where the skip-gradient mask acts (model.md section 2.2).</summary>
public enum SkipGradientMode
{
    /// <summary>Nowhere.</summary>
    [JsonStringEnumMemberName("off")] Off,

    /// <summary>On the gradient of the stochastic path into h.</summary>
    [JsonStringEnumMemberName("forward")] Forward,

    /// <summary>On that into b too.</summary>
    [JsonStringEnumMemberName("both")] Both,
}

/// <summary>The prior p_θ(z | h).</summary>
public enum PriorKind
{
    /// <summary>A Gaussian whose moments a net computes.</summary>
    [JsonStringEnumMemberName("learned")] Learned,

    /// <summary>N(0, I).</summary>
    [JsonStringEnumMemberName("fixed")] Fixed,
}

/// <summary>What the learned prior of a channel reads.</summary>
public enum PriorInput
{
    /// <summary>h_{t−1}.</summary>
    [JsonStringEnumMemberName("h")] H,

    /// <summary>h_{t−1} and x_t.</summary>
    [JsonStringEnumMemberName("h_x")] HX,
}

/// <summary>τ, the function on the means of the ψ and ξ nets.</summary>
public enum ReconstructionMean
{
    /// <summary>None: the means are the nets' outputs.</summary>
    [JsonStringEnumMemberName("identity")] Identity,

    /// <summary>tanh: the means lie in (−1, 1), as states of an LSTM do.</summary>
    [JsonStringEnumMemberName("tanh")] Tanh,
}

/// <summary>The variances of p_ψ and p_ξ.</summary>
public enum ReconstructionVariance
{
    /// <summary>Outputs of the nets.</summary>
    [JsonStringEnumMemberName("learned")] Learned,

    /// <summary>1.</summary>
    [JsonStringEnumMemberName("unit")] Unit,
}

/// <summary>The first values of what an LSTM's gates read of h.</summary>
public enum RecurrentInitialisation
{
    /// <summary>In ±1/√H.</summary>
    [JsonStringEnumMemberName("uniform")] Uniform,

    /// <summary>[H, 4H] with orthonormal rows.</summary>
    [JsonStringEnumMemberName("orthogonal")] Orthogonal,
}

/// <summary>u_t, what the generator reads.</summary>
public enum GeneratorInput
{
    /// <summary>h_t.</summary>
    [JsonStringEnumMemberName("h")] H,

    /// <summary>h_t, z_t and b̃_t.</summary>
    [JsonStringEnumMemberName("h_z_b_tilde")] HZBTilde,
}

/// <summary>Sizes and switches of the model: model.md sections 1, 2, 8 and 13 to 17.</summary>
public sealed record ModelConfiguration
{
    // With the largest frame, the width of the output layer is still a whole number.
    const int MaximumMixtureComponents = 512;

    const string Size = "a whole number from 1 to 1048576", Weight = "a finite number of at least 0", Finite = "a finite number";
    const string Dropped = "a probability from 0 up to, not including, 1";

    /// <summary>
    /// The model: variational-bilstm, z-forcing, lstm, bilstm (reads past and future of each target: no sequence likelihood, cannot generate), vrnn, srnn or
    /// twin-net.
    /// </summary>
    [JsonIgnore]
    public ModelKind Kind { get; init; } = ModelKind.VariationalBiLstm;

    [JsonInclude, JsonPropertyName("kind"), ValuesOf<ModelKind>]
    [Description("The model: variational-bilstm, z-forcing, lstm, bilstm (reads past and future of each target: no sequence likelihood, cannot generate), "
        + "vrnn, srnn or twin-net.")]
    internal string KindText { get => ValueNames.Of(Kind); init => Kind = ValueNames.Parse(value, Kind); }

    /// <summary>
    /// Distribution of one step's target: bernoulli (binary values), categorical (tokens), gaussian (real values, diagonal) or gaussian-mixture
    /// (mixture_components of them).
    /// </summary>
    [JsonIgnore]
    public OutputDistribution OutputDistribution { get; init; } = OutputDistribution.Bernoulli;

    [JsonInclude, JsonPropertyName("output_distribution"), ValuesOf<OutputDistribution>]
    [Description("Distribution of one step's target: bernoulli (binary values), categorical (tokens), gaussian (real values, diagonal) or gaussian-mixture "
        + "(mixture_components of them).")]
    internal string OutputDistributionText
    {
        get => ValueNames.Of(OutputDistribution);
        init => OutputDistribution = ValueNames.Parse(value, OutputDistribution);
    }

    /// <summary>K, diagonal Gaussians of a gaussian-mixture; 20 is the number of RNN-GMM and VRNN-GMM.</summary>
    [Description("K, diagonal Gaussians of a gaussian-mixture; 20 is the number of RNN-GMM and VRNN-GMM.")]
    [Expected("a whole number from 1 to 512")]
    public int MixtureComponents { get; init; } = 20;

    /// <summary>D, values per frame for bernoulli, gaussian and gaussian-mixture data; must be what the data set delivers.</summary>
    [Description("D, values per frame for bernoulli, gaussian and gaussian-mixture data; must be what the data set delivers.")]
    [Expected(Size)]
    public int FrameSize { get; init; } = 28;

    /// <summary>V, number of token ids for categorical data; must be what the data set delivers.</summary>
    [Description("V, number of token ids for categorical data; must be what the data set delivers.")]
    [Expected(Size + "; 0 where data are not categorical")]
    public int VocabularySize { get; init; }

    /// <summary>E, width of the token embedding for categorical data. Frames are fed as they are.</summary>
    [Description("E, width of the token embedding for categorical data. Frames are fed as they are.")]
    [Expected(Size)]
    public int EmbeddingSize { get; init; } = 64;

    /// <summary>H, units of each LSTM.</summary>
    [Description("H, units of each LSTM.")]
    [Expected(Size)]
    public int LstmUnits { get; init; } = 128;

    /// <summary>M, hidden units of the posterior, prior, psi, xi and generator nets, and the width of vrnn's features.</summary>
    [Description("M, hidden units of the posterior, prior, psi, xi and generator nets, and the width of vrnn's features.")]
    [Expected(Size)]
    public int MlpUnits { get; init; } = 128;

    /// <summary>Z, units of the latent z.</summary>
    [Description("Z, units of the latent z.")]
    [Expected(Size)]
    public int LatentUnits { get; init; } = 32;

    /// <summary>delta: 0 takes b_t after the backward LSTM read x_t (the paper's formula), 1 after it read y_t (Z-forcing's code).</summary>
    [Description("delta: 0 takes b_t after the backward LSTM read x_t (the paper's formula), 1 after it read y_t (Z-forcing's code).")]
    [Expected("0 or 1")]
    public int Alignment { get; init; }

    /// <summary>b̃ fed to the forward LSTM: sample (the expectation of the paper's eq. 2) or mean of p_psi.</summary>
    [JsonIgnore]
    public BTildeMode BTilde { get; init; } = BTildeMode.Sample;

    [JsonInclude, JsonPropertyName("b_tilde"), ValuesOf<BTildeMode>]
    [Description("b̃ fed to the forward LSTM: sample (the expectation of the paper's eq. 2) or mean of p_psi.")]
    internal string BTildeText { get => ValueNames.Of(BTilde); init => BTilde = ValueNames.Parse(value, BTilde); }

    /// <summary>Skip gradient: off, forward (mask the stochastic path into h only, the paper's wording) or both (into b too).</summary>
    [JsonIgnore]
    public SkipGradientMode SkipGradient { get; init; } = SkipGradientMode.Forward;

    [JsonInclude, JsonPropertyName("skip_gradient"), ValuesOf<SkipGradientMode>]
    [Description("Skip gradient: off, forward (mask the stochastic path into h only, the paper's wording) or both (into b too).")]
    internal string SkipGradientText { get => ValueNames.Of(SkipGradient); init => SkipGradient = ValueNames.Parse(value, SkipGradient); }

    /// <summary>p, probability that the skip-gradient mask lets a gradient pass; 0.5 is the value left in Z-forcing's code.</summary>
    [Description("p, probability that the skip-gradient mask lets a gradient pass; 0.5 is the value left in Z-forcing's code.")]
    [Expected("a probability from 0 to 1")]
    public double SkipProbability { get; init; } = 0.5;

    /// <summary>Prior of z: learned from h, or fixed N(0, I) (the paper's ablation 2; with vrnn the model VRNN-I). srnn has a learned one.</summary>
    [JsonIgnore]
    public PriorKind Prior { get; init; } = PriorKind.Learned;

    [JsonInclude, JsonPropertyName("prior"), ValuesOf<PriorKind>]
    [Description("Prior of z: learned from h, or fixed N(0, I) (the paper's ablation 2; with vrnn the model VRNN-I). srnn has a learned one.")]
    internal string PriorText { get => ValueNames.Of(Prior); init => Prior = ValueNames.Parse(value, Prior); }

    /// <summary>
    /// What the learned prior of variational-bilstm and z-forcing reads: h_{t-1} (the paper) or h_x, x_t beside it, as srnn's and vrnn's do: with alignment 0
    /// b_t has read x_t, and a prior that has not pays KL for what the LSTM is handed at that very step.
    /// </summary>
    [JsonIgnore]
    public PriorInput PriorInput { get; init; } = PriorInput.H;

    [JsonInclude, JsonPropertyName("prior_input"), ValuesOf<PriorInput>]
    [Description("What the learned prior of variational-bilstm and z-forcing reads: h_{t-1} (the paper) or h_x, x_t beside it, as srnn's and vrnn's do: "
        + "with alignment 0 b_t has read x_t, and a prior that has not pays KL for what the LSTM is handed at that very step.")]
    internal string PriorInputText { get => ValueNames.Of(PriorInput); init => PriorInput = ValueNames.Parse(value, PriorInput); }

    /// <summary>tau on the means of psi and xi: identity (the paper is silent) or tanh (Z-forcing: LSTM states live in (-1, 1)).</summary>
    [JsonIgnore]
    public ReconstructionMean ReconstructionMean { get; init; } = ReconstructionMean.Identity;

    [JsonInclude, JsonPropertyName("reconstruction_mean"), ValuesOf<ReconstructionMean>]
    [Description("tau on the means of psi and xi: identity (the paper is silent) or tanh (Z-forcing: LSTM states live in (-1, 1)).")]
    internal string ReconstructionMeanText
    {
        get => ValueNames.Of(ReconstructionMean);
        init => ReconstructionMean = ValueNames.Parse(value, ReconstructionMean);
    }

    /// <summary>
    /// Variances of psi and xi: learned, or fixed at 1 (unit), which makes the auxiliary costs squared distances as the paper's eq. 9 has them; learned ones
    /// grow denser without bound, which drowns the likelihood where alpha and beta are 1.
    /// </summary>
    [JsonIgnore]
    public ReconstructionVariance ReconstructionVariance { get; init; } = ReconstructionVariance.Learned;

    [JsonInclude, JsonPropertyName("reconstruction_variance"), ValuesOf<ReconstructionVariance>]
    [Description("Variances of psi and xi: learned, or fixed at 1 (unit), which makes the auxiliary costs squared distances as the paper's eq. 9 has them; "
        + "learned ones grow denser without bound, which drowns the likelihood where alpha and beta are 1.")]
    internal string ReconstructionVarianceText
    {
        get => ValueNames.Of(ReconstructionVariance);
        init => ReconstructionVariance = ValueNames.Parse(value, ReconstructionVariance);
    }

    /// <summary>
    /// z-forcing's backward LSTM learns to predict too, as in its authors' code: -log p of each target by a net of its own that reads the state after
    /// everything later, added to the training objective (never to a reported bound). Off, as in the paper.
    /// </summary>
    [Description("z-forcing's backward LSTM learns to predict too, as in its authors' code: -log p of each target by a net of its own that reads the state "
        + "after everything later, added to the training objective (never to a reported bound). Off, as in the paper.")]
    public bool BackwardPrediction { get; init; }

    /// <summary>What the generator reads: h (the paper's Figure 1b) or h_z_b_tilde (all three, concatenated).</summary>
    [JsonIgnore]
    public GeneratorInput GeneratorInput { get; init; } = GeneratorInput.H;

    [JsonInclude, JsonPropertyName("generator_input"), ValuesOf<GeneratorInput>]
    [Description("What the generator reads: h (the paper's Figure 1b) or h_z_b_tilde (all three, concatenated).")]
    internal string GeneratorInputText { get => ValueNames.Of(GeneratorInput); init => GeneratorInput = ValueNames.Parse(value, GeneratorInput); }

    /// <summary>g_b: let gradient flow into the target of log p_psi. Off, or b could be made constant and log p_psi grow without bound.</summary>
    [Description("g_b: let gradient flow into the target of log p_psi. Off, or b could be made constant and log p_psi grow without bound.")]
    public bool TargetGradientB { get; init; }

    /// <summary>g_h: let gradient flow into the target of log p_xi. On, because the paper's ablation 1 argues about that pull on h.</summary>
    [Description("g_h: let gradient flow into the target of log p_xi. On, because the paper's ablation 1 argues about that pull on h.")]
    public bool TargetGradientH { get; init; } = true;

    /// <summary>
    /// alpha, weight of the auxiliary cost -log p_psi(b | z) in the training objective (never in a reported bound). The paper mostly takes 1, which drowned the
    /// likelihood at small sizes (docs/results).
    /// </summary>
    [Description("alpha, weight of the auxiliary cost -log p_psi(b | z) in the training objective (never in a reported bound). "
        + "The paper mostly takes 1, which drowned the likelihood at small sizes (docs/results).")]
    [Expected(Weight)]
    public double Alpha { get; init; } = 0.001;

    /// <summary>beta, weight of the auxiliary cost -log p_xi(h | z) in the training objective; 0 leaves the xi net out.</summary>
    [Description("beta, weight of the auxiliary cost -log p_xi(h | z) in the training objective; 0 leaves the xi net out.")]
    [Expected(Weight)]
    public double Beta { get; init; }

    /// <summary>gamma, weight of the activity regularisation |h|^2 (the paper's Table 5; use with beta = 0).</summary>
    [Description("gamma, weight of the activity regularisation |h|^2 (the paper's Table 5; use with beta = 0).")]
    [Expected(Weight)]
    public double Gamma { get; init; }

    /// <summary>Weight of twin-net's distance |g(h) - b| in the training objective (never in a reported likelihood).</summary>
    [Description("Weight of twin-net's distance |g(h) - b| in the training objective (never in a reported likelihood).")]
    [Expected(Weight)]
    public double TwinWeight { get; init; } = 1;

    /// <summary>Zoneout of the forward LSTM's cells: probability that a cell keeps its previous value for a step; its expectation in evaluation.</summary>
    [Description("Zoneout of the forward LSTM's cells: probability that a cell keeps its previous value for a step; its expectation in evaluation.")]
    [Expected(Dropped)]
    public double ZoneoutCell { get; init; }

    /// <summary>Zoneout of the forward LSTM's outputs h: probability that one keeps its previous value for a step; its expectation in evaluation.</summary>
    [Description("Zoneout of the forward LSTM's outputs h: probability that one keeps its previous value for a step; its expectation in evaluation.")]
    [Expected(Dropped)]
    public double ZoneoutHidden { get; init; }

    /// <summary>
    /// Recurrent dropout: probability that a cell of the forward LSTM receives nothing new (its candidate u is dropped) for a step of training.
    /// </summary>
    [Description("Recurrent dropout: probability that a cell of the forward LSTM receives nothing new (its candidate u is dropped) for a step of training.")]
    [Expected(Dropped)]
    public double RecurrentDropout { get; init; }

    /// <summary>Variational dropout of the forward LSTM's inputs: probability that an input is dropped, one mask for a whole window.</summary>
    [Description("Variational dropout of the forward LSTM's inputs: probability that an input is dropped, one mask for a whole window.")]
    [Expected(Dropped)]
    public double InputDropout { get; init; }

    /// <summary>
    /// Variational dropout of the forward LSTM's outputs h as the generator reads them: probability that one is dropped, one mask for a whole window.
    /// </summary>
    [Description("Variational dropout of the forward LSTM's outputs h as the generator reads them: "
        + "probability that one is dropped, one mask for a whole window.")]
    [Expected(Dropped)]
    public double OutputDropout { get; init; }

    /// <summary>sigma, deviation of the noise added to the forward LSTM's weights, drawn anew each training step.</summary>
    [Description("sigma, deviation of the noise added to the forward LSTM's weights, drawn anew each training step.")]
    [Expected(Weight)]
    public double WeightNoise { get; init; }

    /// <summary>Weight of the norm stabiliser (|h_t| - |h_{t-1}|)^2 in the training objective.</summary>
    [Description("Weight of the norm stabiliser (|h_t| - |h_{t-1}|)^2 in the training objective.")]
    [Expected(Weight)]
    public double NormStabiliser { get; init; }

    /// <summary>omega, final weight of the KL in the training objective; 1 makes the objective the bound, reports always use 1.</summary>
    [Description("omega, final weight of the KL in the training objective; 1 makes the objective the bound, reports always use 1.")]
    [Expected(Weight)]
    public double KlWeight { get; init; } = 1;

    /// <summary>
    /// lambda, free bits: nats of KL of each time step that cost as much as none, max(KL_t, lambda) in the training objective, so that closing the channel
    /// gains nothing (Kingma et al. 2016); 0 for none.
    /// </summary>
    [Description("lambda, free bits: nats of KL of each time step that cost as much as none, max(KL_t, lambda) in the training objective, so that closing the "
        + "channel gains nothing (Kingma et al. 2016); 0 for none.")]
    [Expected(Weight)]
    public double FreeBits { get; init; }

    /// <summary>r, slope of the leaky ReLU below zero in every hidden layer; 1/3 is the value of SRNN and Z-forcing.</summary>
    [Description("r, slope of the leaky ReLU below zero in every hidden layer; 1/3 is the value of SRNN and Z-forcing.")]
    [Expected("a number from 0 up to, not including, 1")]
    public double LeakyReluSlope { get; init; } = 1.0 / 3;

    /// <summary>C, clips hidden activations to [-C, C]; null for no clipping (Z-forcing clips at 3, the paper does not say).</summary>
    [Description("C, clips hidden activations to [-C, C]; null for no clipping (Z-forcing clips at 3, the paper does not say).")]
    [Expected("a positive number")]
    public double? ActivationClip { get; init; }

    /// <summary>
    /// Lower clamp of the log-variances of latents and of psi and xi; -8 is Z-forcing's value, beneficial to stability according to its author.
    /// </summary>
    [Description("Lower clamp of the log-variances of latents and of psi and xi; -8 is Z-forcing's value, beneficial to stability according to its author.")]
    [Expected("a number below log_variance_max")]
    public double LogVarianceMin { get; init; } = -8;

    /// <summary>Upper clamp of the log-variances of latents and of psi and xi; 8 is Z-forcing's value.</summary>
    [Description("Upper clamp of the log-variances of latents and of psi and xi; 8 is Z-forcing's value.")]
    [Expected(Finite)]
    public double LogVarianceMax { get; init; } = 8;

    /// <summary>
    /// Lower clamp of the log-variances of a gaussian or gaussian-mixture output; -16 is about the rounding to 16 bits of standardised speech (-14 to -18). -8
    /// cuts off 8 % of the frames of a TIMIT sentence, 390 nats of it by an AR(8) model; -12 none.
    /// </summary>
    [Description("Lower clamp of the log-variances of a gaussian or gaussian-mixture output; -16 is about the rounding to 16 bits of standardised speech "
        + "(-14 to -18). -8 cuts off 8 % of the frames of a TIMIT sentence, 390 nats of it by an AR(8) model; -12 none.")]
    [Expected("a number below output_log_variance_max")]
    public double OutputLogVarianceMin { get; init; } = -16;

    /// <summary>Upper clamp of the log-variances of a gaussian or gaussian-mixture output; standardised data stay far below.</summary>
    [Description("Upper clamp of the log-variances of a gaussian or gaussian-mixture output; standardised data stay far below.")]
    [Expected(Finite)]
    public double OutputLogVarianceMax { get; init; } = 8;

    /// <summary>Half-width of the uniform initialisation of every output layer; small, so that all Gaussians start near N(0, I) (SRNN).</summary>
    [Description("Half-width of the uniform initialisation of every output layer; small, so that all Gaussians start near N(0, I) (SRNN).")]
    [Expected(Weight)]
    public double OutputInitialisation { get; init; } = 0.001;

    /// <summary>
    /// Standard deviation of the embedding's initial values, which are normal; 0.1 instead of 1 costs 0.36 to 0.45 bits a character after 400 steps of
    /// ptb-char-small.
    /// </summary>
    [Description("Standard deviation of the embedding's initial values, which are normal; 0.1 instead of 1 costs 0.36 to 0.45 bits a character after "
        + "400 steps of ptb-char-small.")]
    [Expected(Weight)]
    public double EmbeddingInitialisation { get; init; } = 1;

    /// <summary>
    /// Initial recurrent weights U of every LSTM: uniform in ±1/√H, or orthogonal (the 4H gates' columns of a random matrix whose rows are orthonormal), as in
    /// Z-forcing's code; the paper is silent.
    /// </summary>
    [JsonIgnore]
    public RecurrentInitialisation RecurrentInitialisation { get; init; } = RecurrentInitialisation.Uniform;

    [JsonInclude, JsonPropertyName("recurrent_initialisation"), ValuesOf<RecurrentInitialisation>]
    [Description("Initial recurrent weights U of every LSTM: uniform in ±1/√H, or orthogonal (the 4H gates' columns of a random matrix whose rows are "
        + "orthonormal), as in Z-forcing's code; the paper is silent.")]
    internal string RecurrentInitialisationText
    {
        get => ValueNames.Of(RecurrentInitialisation);
        init => RecurrentInitialisation = ValueNames.Parse(value, RecurrentInitialisation);
    }

    /// <summary>Initial bias of the forget gates; the paper is silent, 0 is plain, 1 remembers longer from the start.</summary>
    [Description("Initial bias of the forget gates; the paper is silent, 0 is plain, 1 remembers longer from the start.")]
    [Expected(Finite)]
    public double ForgetGateBias { get; init; }

    internal bool IsCategorical => OutputDistribution == OutputDistribution.Categorical;

    /// <summary>E: width of one step's input.</summary>
    internal int InputSize => IsCategorical ? EmbeddingSize : FrameSize;

    /// <summary>Checks every field. Throws <see cref="ConfigurationException"/> naming the field, its value and the fix.</summary>
    public void Validate()
    {
        Positive("lstm_units", LstmUnits);
        Positive("mlp_units", MlpUnits);
        if (Kind is not (ModelKind.Lstm or ModelKind.BiLstm or ModelKind.TwinNet))
            Positive("latent_units", LatentUnits);
        if (IsCategorical)
        {
            Positive("vocabulary_size", VocabularySize);
            Positive("embedding_size", EmbeddingSize);
        }
        else
        {
            Positive("frame_size", FrameSize);
        }

        if (OutputDistribution == OutputDistribution.GaussianMixture)
            Check(MixtureComponents is > 0 and <= MaximumMixtureComponents, "mixture_components", MixtureComponents);

        Check(Alignment is 0 or 1, "alignment", Alignment);
        Check(SkipProbability is >= 0 and <= 1, "skip_probability", SkipProbability);
        Check(LeakyReluSlope is >= 0 and < 1, "leaky_relu_slope", LeakyReluSlope);
        Check(ActivationClip is null || (double.IsFinite(ActivationClip.Value) && ActivationClip > 0), "activation_clip", ActivationClip ?? 0);
        Clamp("log_variance", LogVarianceMin, LogVarianceMax);
        Clamp("output_log_variance", OutputLogVarianceMin, OutputLogVarianceMax);
        NonNegative("alpha", Alpha);
        NonNegative("beta", Beta);
        NonNegative("gamma", Gamma);
        NonNegative("kl_weight", KlWeight);
        NonNegative("free_bits", FreeBits);
        NonNegative("twin_weight", TwinWeight);
        NonNegative("weight_noise", WeightNoise);
        NonNegative("norm_stabiliser", NormStabiliser);
        BelowOne("zoneout_cell", ZoneoutCell);
        BelowOne("zoneout_hidden", ZoneoutHidden);
        BelowOne("recurrent_dropout", RecurrentDropout);
        BelowOne("input_dropout", InputDropout);
        BelowOne("output_dropout", OutputDropout);
        NonNegative("output_initialisation", OutputInitialisation);
        NonNegative("embedding_initialisation", EmbeddingInitialisation);
        Check(double.IsFinite(ForgetGateBias), "forget_gate_bias", ForgetGateBias);
        Check(GeneratorInput == GeneratorInput.H || Kind == ModelKind.VariationalBiLstm, "generator_input", "h_z_b_tilde",
            "h: only variational-bilstm has a b̃ to concatenate");
        Check(PriorInput == PriorInput.H || (Kind is ModelKind.VariationalBiLstm or ModelKind.ZForcing && Prior == PriorKind.Learned), "prior_input", "h_x",
            "h: only a learned prior of variational-bilstm or z-forcing has the choice");
        Check(!BackwardPrediction || Kind == ModelKind.ZForcing, "backward_prediction", "true",
            "false: only z-forcing's backward LSTM has a prediction to switch on, and twin-net's always predicts");
        Check(Kind != ModelKind.Srnn || Prior == PriorKind.Learned, "prior", "fixed", "learned: srnn's latents depend on each other through their prior");
    }

    static void Positive(string field, int value) => Check(value is > 0 and <= 1 << 20, field, value);

    static void NonNegative(string field, double value) => Check(double.IsFinite(value) && value >= 0, field, value);

    static void Clamp(string fields, double low, double high)
    {
        Check(double.IsFinite(low) && low < high, fields + "_min", low);
        Check(double.IsFinite(high), fields + "_max", high);
    }

    static void BelowOne(string field, double value) => Check(value is >= 0 and < 1, field, value);

    static void Check(bool holds, string field, object value, string? expected = null)
    {
        if (!holds)
            throw new ConfigurationException($"model.{field} is {value}; use {expected ?? ConfigurationKey.Find($"model.{field}").Expected}.");
    }
}
