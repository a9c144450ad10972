using VBiLstm.Configuration;

namespace VBiLstm.Data;

/// <summary>A data file that cannot be used; the message names the file, the place, what was expected and the fix.</summary>
public sealed class DataException : ConfigurationException
{
    public DataException(string message) : base(message)
    {
    }

    public DataException(string message, Exception inner) : base(message, inner)
    {
    }
}
