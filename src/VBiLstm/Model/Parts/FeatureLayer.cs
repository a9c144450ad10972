namespace VBiLstm.Model.Parts;

/// <summary>A feature extractor of one layer, y = φ(x W + b) (model.md section 14). <see cref="FeaturePass"/> computes it.</summary>
sealed class FeatureLayer(ParameterLayout layout, string name, int inputs, int units, TrainingPhase gradients)
{
    public Parameter Weight { get; } = layout.Add($"{name}.weight", inputs, units, gradients);

    public Parameter Bias { get; } = layout.AddBias($"{name}.bias", units, gradients);

    /// <summary>Of one row, forward.</summary>
    public long MultiplyAdds => (long)Weight.Rows * Weight.Columns;
}
