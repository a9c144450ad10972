namespace VBiLstm.Configuration;

/// <summary>A configuration, a value or a data file that cannot be used; the message names the place and the fix.</summary>
public class ConfigurationException : Exception
{
    /// <param name="message">What is wrong, where, and what to do.</param>
    public ConfigurationException(string message) : base(message)
    {
    }

    /// <param name="message">What is wrong, where, and what to do.</param>
    /// <param name="inner">What it comes from.</param>
    public ConfigurationException(string message, Exception inner) : base(message, inner)
    {
    }

    /// <summary>
    /// What else than keys of the configuration a caller can set to mend it (count, steps, data …), for whoever knows how it is spelled there.
    /// </summary>
    public IReadOnlyList<string> Settings { get; init; } = [];
}
