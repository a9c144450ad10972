using VBiLstm.Configuration;

namespace VBiLstm.Checkpoints;

/// <summary>A checkpoint that is absent, damaged or of another model; the message names the file, the place and the fix.</summary>
public sealed class CheckpointException : ConfigurationException
{
    /// <param name="message">What is wrong, where, and what to do.</param>
    public CheckpointException(string message) : base(message)
    {
    }

    /// <param name="message">What is wrong, where, and what to do.</param>
    /// <param name="inner">What it comes from.</param>
    public CheckpointException(string message, Exception inner) : base(message, inner)
    {
    }
}
