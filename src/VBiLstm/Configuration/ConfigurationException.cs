namespace VBiLstm.Configuration;

/// <summary>A configuration, a command-line value or a data file that cannot be used; the message names the place and the fix. The command exits with code 2.</summary>
public class ConfigurationException : Exception
{
    public ConfigurationException(string message) : base(message)
    {
    }

    public ConfigurationException(string message, Exception inner) : base(message, inner)
    {
    }
}
