using VBiLstm.Checkpoints;

namespace VBiLstm.Runs;

/// <summary>Where the files of one run stand.</summary>
/// <param name="Path">The run's folder, usually <c>runs/NAME</c>.</param>
public sealed record RunFolder(string Path)
{
    /// <summary>With the system's own separators throughout.</summary>
    public string Path { get; } = InSystem(Path);

    /// <summary>The effective configuration.</summary>
    public string Configuration => At("configuration.json");

    /// <summary>One JSON object a line; the same bits for the same seed, so no times in it.</summary>
    public string Metrics => At("metrics.jsonl");

    /// <summary>One JSON object a line: seconds, samples/s and memory, beside the metrics that have none.</summary>
    public string Timing => At("timing.jsonl");

    /// <summary>Bound, NLL and KL of both splits.</summary>
    internal string Curves => At("curves.png");

    internal string Samples => At("samples.png");

    /// <summary>Checkpoint of the last saved step, for resuming.</summary>
    public string Last => At("checkpoints/last");

    /// <summary>Checkpoint with the best validation bound.</summary>
    public string Best => At("checkpoints/best");

    /// <summary>The newest whole checkpoint, by its step, for resuming; null where the run has none yet.</summary>
    /// <param name="warn">Told of damaged ones.</param>
    /// <exception cref="CheckpointException">There is one, but none is whole.</exception>
    public Checkpoint? ReadNewest(Action<string> warn)
    {
        ArgumentNullException.ThrowIfNull(warn);
        return CheckpointFolder.ReadNewest([Last, Best], warn);
    }

    string At(string name) => System.IO.Path.Combine(Path, InSystem(name));

    static string InSystem(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.Replace(System.IO.Path.AltDirectorySeparatorChar, System.IO.Path.DirectorySeparatorChar);
    }
}
