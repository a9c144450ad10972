using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;

namespace VBiLstm.Preparation;

/// <summary>Opens whatever <see cref="DataConfiguration.Source"/> names: the embedded digits, a prepared folder, or a folder of image files.</summary>
public static class DataSource
{
    /// <summary>Opens the three splits.</summary>
    /// <param name="data">Source, view and binarisation.</param>
    /// <param name="seed">Key of stochastic binarisation.</param>
    /// <exception cref="DataException">Names the file or folder and the fix.</exception>
    public static DataSplits Open(DataConfiguration data, long seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        return data.Source switch
        {
            DataConfiguration.EmbeddedDigits => EmbeddedDigits.Open(data, seed),
            DataConfiguration.InMemory => throw new DataException($"data.source is {DataConfiguration.InMemory}: a program gave this run its data, "
                + "no file holds them. Name a prepared folder with the same contents.")
            {
                Settings = ["data"],
            },
            _ => PreparedFolder.Is(data.Source) ? PreparedFolder.Open(data, seed) : ImageFolder.Open(data, seed),
        };
    }

    /// <summary>What a checkpoint's data were; those of older versions do not say it, and their data are read.</summary>
    /// <exception cref="DataException">The data are no longer there.</exception>
    public static DataIdentity Identify(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        if (checkpoint.Data is { } data)
            return data;
        using var splits = Open(checkpoint.State.Configuration.Data, checkpoint.State.Configuration.Seed);
        return splits.Identify();
    }
}
