namespace VBiLstm.Data;

/// <summary>What turns standardised frames back into sound: a sample of the 16-bit scale is mean + deviation · value.</summary>
public sealed record SpeechScale(int SampleRate, double Mean, double Deviation)
{
    /// <summary>Samples of the 16-bit scale, at each standardised value's place.</summary>
    public float[] ToSamples(ReadOnlySpan<float> values)
    {
        var samples = new float[values.Length];
        for (var i = 0; i < values.Length; i++)
            samples[i] = (float)(Mean + Deviation * values[i]);
        return samples;
    }
}
