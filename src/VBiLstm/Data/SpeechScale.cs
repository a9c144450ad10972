namespace VBiLstm.Data;

/// <summary>What turns standardised frames back into sound: a sample of the 16-bit scale is mean + deviation · value.</summary>
/// <param name="SampleRate">Samples/s.</param>
/// <param name="Mean">Of the training split's samples, on the 16-bit scale.</param>
/// <param name="Deviation">Their standard deviation.</param>
public sealed record SpeechScale(int SampleRate, double Mean, double Deviation)
{
    /// <summary>Samples of the 16-bit scale, at each standardised value's place.</summary>
    /// <param name="values">Standardised.</param>
    public float[] ToSamples(ReadOnlySpan<float> values)
    {
        var samples = new float[values.Length];
        for (var i = 0; i < values.Length; i++)
            samples[i] = (float)(Mean + Deviation * values[i]);
        return samples;
    }
}
