namespace VBiLstm.Training;

/// <summary>Where the files of one run stand.</summary>
/// <param name="Path">The run's folder, usually <c>runs/NAME</c>.</param>
public sealed record RunFolder(string Path)
{
    /// <summary>The effective configuration.</summary>
    public string Configuration => At("configuration.json");

    /// <summary>One JSON object a line; the same bits for the same seed, so no times in it.</summary>
    public string Metrics => At("metrics.jsonl");

    /// <summary>Bound, NLL and KL of both splits.</summary>
    public string Curves => At("curves.png");

    public string Samples => At("samples.png");

    /// <summary>Checkpoint of the last saved step, for resuming.</summary>
    public string Last => At("checkpoints/last");

    /// <summary>Checkpoint with the best validation bound.</summary>
    public string Best => At("checkpoints/best");

    string At(string name) => System.IO.Path.Combine(Path, name);
}
