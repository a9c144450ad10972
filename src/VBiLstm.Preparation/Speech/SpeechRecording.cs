namespace VBiLstm.Preparation.Speech;

/// <summary>One recording of one channel.</summary>
/// <param name="Samples">On the 16-bit scale, -32768 to 32767; floats may lie beyond.</param>
/// <param name="SampleRate">Samples a second.</param>
public sealed record SpeechRecording(float[] Samples, int SampleRate)
{
    /// <summary>
    /// The smallest step of the file's coding on the 16-bit scale: 256 for 8 bits, 1 for 16, 1/256 for 24. It stays that of the file where channels were
    /// mixed or the rate was converted: between such steps lies nothing that was recorded.
    /// </summary>
    public double Step { get; init; } = 1;

    /// <summary>What was done to get the samples and is not plain from the file, in words joined by underscores.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];
}
