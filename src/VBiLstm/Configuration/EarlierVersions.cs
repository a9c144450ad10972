using System.Text.Json;

namespace VBiLstm.Configuration;

/// <summary>What runs of earlier versions did where a key was not known yet, and whose default for new runs is another value.</summary>
static class EarlierVersions
{
    // Nobody but a run writes them all.
    static readonly string[] KeysOfWholeFiles = ["log_variance_min", "log_variance_max", "output_initialisation", "forget_gate_bias", "leaky_relu_slope"];

    /// <summary>
    /// A run's configuration with the values of its own version in place of today's defaults; what a person wrote, with some keys only, as it was read.
    /// </summary>
    /// <param name="read">As read, with today's default of every key that is not in the file.</param>
    /// <param name="written">The configuration as it stands in the file.</param>
    public static RunConfiguration Restore(RunConfiguration read, JsonElement written)
    {
        if (written.ValueKind != JsonValueKind.Object || !written.TryGetProperty("model", out var keys) || keys.ValueKind != JsonValueKind.Object)
            return read;
        bool Lacks(string key) => !keys.TryGetProperty(key, out _);
        if (KeysOfWholeFiles.Any(Lacks))
            return read;
        var model = read.Model;
        return read with
        {
            Model = model with
            {
                OutputLogVarianceMin = Lacks("output_log_variance_min") ? model.LogVarianceMin : model.OutputLogVarianceMin,
                OutputLogVarianceMax = Lacks("output_log_variance_max") ? model.LogVarianceMax : model.OutputLogVarianceMax,
                EmbeddingInitialisation = Lacks("embedding_initialisation") ? 0.1 : model.EmbeddingInitialisation,
            },
        };
    }
}
