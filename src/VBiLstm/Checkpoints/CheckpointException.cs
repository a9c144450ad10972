using VBiLstm.Configuration;

namespace VBiLstm.Checkpoints;

/// <summary>A checkpoint that is absent, damaged or of another model; the message names the file, the place and the fix.</summary>
public sealed class CheckpointException : ConfigurationException
{
    public CheckpointException(string message) : base(message)
    {
    }

    public CheckpointException(string message, Exception inner) : base(message, inner)
    {
    }
}
