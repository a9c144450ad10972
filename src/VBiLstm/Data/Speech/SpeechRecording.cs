namespace VBiLstm.Data.Speech;

/// <summary>One recording of one channel.</summary>
/// <param name="Samples">On the 16-bit scale, -32768 to 32767.</param>
/// <param name="SampleRate">Samples a second.</param>
public sealed record SpeechRecording(float[] Samples, int SampleRate);
