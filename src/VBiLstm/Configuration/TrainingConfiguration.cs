using System.ComponentModel;
using System.Text.Json.Serialization;

namespace VBiLstm.Configuration;

/// <summary>Shape of the learning rate over the steps of a run.</summary>
public enum LearningRateSchedule
{
    /// <summary>The same throughout, after the warm-up.</summary>
    [JsonStringEnumMemberName("constant")] Constant,

    /// <summary>Half a cosine from the learning rate to its final value.</summary>
    [JsonStringEnumMemberName("cosine")] Cosine,

    /// <summary>A line from the learning rate to its final value.</summary>
    [JsonStringEnumMemberName("linear")] Linear,
}

/// <summary>What happens when a loss or a gradient is not finite.</summary>
public enum OnNonFinite
{
    /// <summary>The run ends before that step's update.</summary>
    [JsonStringEnumMemberName("stop")] Stop,

    /// <summary>That step's update is left out and counted.</summary>
    [JsonStringEnumMemberName("skip")] Skip,
}

/// <summary>Optimiser, schedules and the rhythm of evaluation and checkpoints.</summary>
public sealed record TrainingConfiguration
{
    const string Count = "a whole number of at least 0", NotNegative = "a finite number of at least 0", Positive = "a positive number";
    const string BelowOne = "a number from 0 up to, not including, 1";

    /// <summary>B, sequences per training step.</summary>
    [Description("B, sequences per training step.")]
    [Expected("a whole number from 1 to 65536")]
    public int BatchSize { get; init; } = 32;

    /// <summary>
    /// S, parts of a batch that are computed one after the other and whose gradients are added; the memory for activations is that of one part.
    /// </summary>
    [Description("S, parts of a batch that are computed one after the other and whose gradients are added; the memory for activations is that of one part.")]
    [Expected("a whole number of at least 1, at most training.batch_size")]
    public int Shards { get; init; } = 1;

    /// <summary>Training steps of the whole run; 0 takes them from epochs.</summary>
    [Description("Training steps of the whole run; 0 takes them from epochs.")]
    [Expected(Count)]
    public int Steps { get; init; }

    /// <summary>Passes over the training set when steps is 0.</summary>
    [Description("Passes over the training set when steps is 0.")]
    [Expected(NotNegative)]
    public double Epochs { get; init; } = 10;

    /// <summary>Adam's learning rate after warm-up.</summary>
    [Description("Adam's learning rate after warm-up.")]
    [Expected(Positive)]
    public double LearningRate { get; init; } = 0.001;

    /// <summary>Learning-rate schedule: constant, cosine or linear (both fall to learning_rate_final over the run).</summary>
    [JsonIgnore]
    public LearningRateSchedule LearningRateSchedule { get; init; } = LearningRateSchedule.Constant;

    [JsonInclude, JsonPropertyName("learning_rate_schedule"), ValuesOf<LearningRateSchedule>]
    [Description("Learning-rate schedule: constant, cosine or linear (both fall to learning_rate_final over the run).")]
    internal string LearningRateScheduleText
    {
        get => ValueNames.Of(LearningRateSchedule);
        init => LearningRateSchedule = ValueNames.Parse(value, LearningRateSchedule);
    }

    /// <summary>Learning rate at the last step of a cosine or linear schedule.</summary>
    [Description("Learning rate at the last step of a cosine or linear schedule.")]
    [Expected(NotNegative)]
    public double LearningRateFinal { get; init; }

    /// <summary>Steps over which the learning rate rises linearly from 0.</summary>
    [Description("Steps over which the learning rate rises linearly from 0.")]
    [Expected(Count)]
    public int LearningRateWarmup { get; init; }

    /// <summary>Adam's decay of the mean of gradients.</summary>
    [Description("Adam's decay of the mean of gradients.")]
    [Expected(BelowOne)]
    public double AdamBeta1 { get; init; } = 0.9;

    /// <summary>Adam's decay of the mean of squared gradients.</summary>
    [Description("Adam's decay of the mean of squared gradients.")]
    [Expected(BelowOne)]
    public double AdamBeta2 { get; init; } = 0.999;

    /// <summary>Adam's epsilon, added to the root of the second moment; 1e-5 is what the peers of the paper use.</summary>
    [Description("Adam's epsilon, added to the root of the second moment; 1e-5 is what the peers of the paper use.")]
    [Expected(Positive)]
    public double AdamEpsilon { get; init; } = 1e-5;

    /// <summary>Clips the global norm of the gradient to this; 0 does not clip. Peers use 100 for speech.</summary>
    [Description("Clips the global norm of the gradient to this; 0 does not clip. Peers use 100 for speech.")]
    [Expected(NotNegative)]
    public double ClipNorm { get; init; } = 100;

    /// <summary>Steps for which the KL weight stays at kl_weight_initial before it rises: with 0 the channel is learned before it costs.</summary>
    [Description("Steps for which the KL weight stays at kl_weight_initial before it rises: with 0 the channel is learned before it costs.")]
    [Expected(Count)]
    public int KlHold { get; init; }

    /// <summary>Steps over which the KL weight rises linearly from kl_weight_initial to model.kl_weight; the paper mentions none.</summary>
    [Description("Steps over which the KL weight rises linearly from kl_weight_initial to model.kl_weight; the paper mentions none.")]
    [Expected(Count)]
    public int KlWarmup { get; init; }

    /// <summary>KL weight of the hold and at step 0 of the warm-up, as a share of model.kl_weight; peers begin at 0.2, 0 warms up from nothing.</summary>
    [Description("KL weight of the hold and at step 0 of the warm-up, as a share of model.kl_weight; peers begin at 0.2, 0 warms up from nothing.")]
    [Expected("a number from 0 to 1")]
    public double KlWeightInitial { get; init; } = 0.2;

    /// <summary>Steps over which alpha and beta rise linearly from 0.</summary>
    [Description("Steps over which alpha and beta rise linearly from 0.")]
    [Expected(Count)]
    public int AuxiliaryWarmup { get; init; }

    /// <summary>Evaluates on the validation split each N steps; 0 only at the end.</summary>
    [Description("Evaluates on the validation split each N steps; 0 only at the end.")]
    [Expected(Count)]
    public int EvaluateEvery { get; init; } = 100;

    /// <summary>
    /// Each evaluation scores the validation split in prior mode too, with the latents sampled, at the prior's means, and all at the posterior's mean over
    /// training (the paper's Figure 3): into metrics.jsonl, TensorBoard and curves.png. It takes several times as long.
    /// </summary>
    [Description("Each evaluation scores the validation split in prior mode too, with the latents sampled, at the prior's means, and all at the posterior's "
        + "mean over training (the paper's Figure 3): into metrics.jsonl, TensorBoard and curves.png. It takes several times as long.")]
    public bool EvaluatePriorMode { get; init; }

    /// <summary>Saves the last checkpoint each N steps; 0 only at the end, on Ctrl-C and when stopped.</summary>
    [Description("Saves the last checkpoint each N steps; 0 only at the end, on Ctrl-C and when stopped.")]
    [Expected(Count)]
    public int CheckpointEvery { get; init; } = 200;

    /// <summary>Stops after N evaluations without a better validation bound; 0 never.</summary>
    [Description("Stops after N evaluations without a better validation bound; 0 never.")]
    [Expected(Count)]
    public int EarlyStop { get; init; }

    /// <summary>A non-finite loss or gradient: stop the run before the step's update, or skip that update and count it.</summary>
    [JsonIgnore]
    public OnNonFinite OnNonFinite { get; init; } = OnNonFinite.Stop;

    [JsonInclude, JsonPropertyName("on_non_finite"), ValuesOf<OnNonFinite>]
    [Description("A non-finite loss or gradient: stop the run before the step's update, or skip that update and count it.")]
    internal string OnNonFiniteText { get => ValueNames.Of(OnNonFinite); init => OnNonFinite = ValueNames.Parse(value, OnNonFinite); }

    /// <summary>b = ⌈B/S⌉, the rows of a shard; the last one may have fewer.</summary>
    internal int ShardSize => (int)(((long)BatchSize + Shards - 1) / Shards);

    /// <summary>Whether shards of that size leave the last one without a sequence.</summary>
    internal bool HasEmptyShards => (Shards - 1L) * ShardSize >= BatchSize;

    /// <summary>As ranks that share out a batch take it: a shard each, unless it is in several already.</summary>
    /// <exception cref="ConfigurationException">A rank would be without a sequence.</exception>
    internal TrainingConfiguration SharedOut(int ranks)
    {
        if (Shards > 1 || ranks == 1)
            return this;
        var shared = this with { Shards = ranks };
        return !shared.HasEmptyShards
            ? shared
            : throw new ConfigurationException($"training.batch_size is {BatchSize}, which {ranks} ranks cannot share out so that none is without a "
                + $"sequence; use a batch of {(long)shared.ShardSize * ranks}, or another number of ranks.");
    }

    /// <summary>Checks every field. Throws <see cref="ConfigurationException"/> naming the field, its value and the fix.</summary>
    public void Validate()
    {
        Check(BatchSize is > 0 and <= 1 << 16, "batch_size", BatchSize);
        Check(Shards > 0 && !HasEmptyShards, "shards", Shards,
            $"a number of parts of the batch of {BatchSize} of which none is empty, for instance {MostShards(Shards)}");
        Check(Steps >= 0, "steps", Steps);
        Check(double.IsFinite(Epochs) && Epochs >= 0, "epochs", Epochs);
        Check(Steps > 0 || Epochs > 0, "epochs", Epochs, "more than 0, or set training.steps");
        Check(double.IsFinite(LearningRate) && LearningRate > 0, "learning_rate", LearningRate);
        Check(double.IsFinite(LearningRateFinal) && LearningRateFinal >= 0, "learning_rate_final", LearningRateFinal);
        Check(AdamBeta1 is >= 0 and < 1, "adam_beta1", AdamBeta1);
        Check(AdamBeta2 is >= 0 and < 1, "adam_beta2", AdamBeta2);
        Check(double.IsFinite(AdamEpsilon) && AdamEpsilon > 0, "adam_epsilon", AdamEpsilon);
        Check(double.IsFinite(ClipNorm) && ClipNorm >= 0, "clip_norm", ClipNorm);
        Check(KlWeightInitial is >= 0 and <= 1, "kl_weight_initial", KlWeightInitial);
        NonNegative("learning_rate_warmup", LearningRateWarmup);
        NonNegative("kl_hold", KlHold);
        NonNegative("kl_warmup", KlWarmup);
        NonNegative("auxiliary_warmup", AuxiliaryWarmup);
        NonNegative("evaluate_every", EvaluateEvery);
        NonNegative("checkpoint_every", CheckpointEvery);
        NonNegative("early_stop", EarlyStop);
        Check(EarlyStop == 0 || EvaluateEvery > 0, "early_stop", EarlyStop, "0, or set training.evaluate_every");
    }

    // The largest number of shards up to that many of which none is empty.
    int MostShards(int shards)
    {
        var size = (int)(((long)BatchSize + Math.Clamp(shards, 1, BatchSize) - 1) / Math.Clamp(shards, 1, BatchSize));
        return (BatchSize + size - 1) / size;
    }

    static void NonNegative(string field, int value) => Check(value >= 0, field, value);

    static void Check(bool holds, string field, object value, string? expected = null)
    {
        if (!holds)
            throw new ConfigurationException($"training.{field} is {value}; use {expected ?? ConfigurationKey.Find($"training.{field}").Expected}.");
    }
}
