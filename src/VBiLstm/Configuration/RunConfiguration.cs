using System.ComponentModel;

namespace VBiLstm.Configuration;

/// <summary>Everything that decides the bits of a run; saved with it as the effective configuration.</summary>
public sealed record RunConfiguration
{
    /// <summary>The value of <see cref="Preset"/> of a configuration that started from the defaults of each key.</summary>
    public const string NoPreset = "none";

    /// <summary>Name of the preset this configuration started from; none where it started from the defaults below.</summary>
    [Description("Name of the preset this configuration started from; none where it started from the defaults below.")]
    public string Preset { get; init; } = NoPreset;

    /// <summary>Seed of initialisation, noise, masks and shuffling: the same seed gives the same bits.</summary>
    [Description("Seed of initialisation, noise, masks and shuffling: the same seed gives the same bits.")]
    public long Seed { get; init; } = 1;

    /// <summary>The model: sizes and switches.</summary>
    [Description("The model: sizes and switches.")]
    public ModelConfiguration Model { get; init; } = new();

    /// <summary>The data set.</summary>
    [Description("The data set.")]
    public DataConfiguration Data { get; init; } = new();

    /// <summary>Optimiser, schedules, evaluation and checkpoints.</summary>
    [Description("Optimiser, schedules, evaluation and checkpoints.")]
    public TrainingConfiguration Training { get; init; } = new();

    /// <summary>Checks every section. Throws <see cref="ConfigurationException"/> naming the field, its value and the fix.</summary>
    public void Validate()
    {
        if (Preset != NoPreset)
            Configuration.Preset.Get(Preset);
        Model.Validate();
        Data.Validate();
        Training.Validate();
        if (Training.EvaluatePriorMode && Model.Kind == ModelKind.BiLstm)
            throw new ConfigurationException("training.evaluate_prior_mode is true; use false: model.kind bilstm reads the future and has no prior mode.");
    }
}
