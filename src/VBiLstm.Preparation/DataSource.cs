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
}
