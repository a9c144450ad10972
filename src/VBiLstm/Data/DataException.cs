using VBiLstm.Configuration;

namespace VBiLstm.Data;

/// <summary>A data file that cannot be used; the message names the file, the place, what was expected and the fix.</summary>
public sealed class DataException : ConfigurationException
{
    /// <param name="message">What is wrong, where, and what to do.</param>
    public DataException(string message) : base(message)
    {
    }

    /// <param name="message">What is wrong, where, and what to do.</param>
    /// <param name="inner">What it comes from.</param>
    public DataException(string message, Exception inner) : base(message, inner)
    {
    }
}
