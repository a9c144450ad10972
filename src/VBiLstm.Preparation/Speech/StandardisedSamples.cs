using VBiLstm.Noise;

namespace VBiLstm.Preparation.Speech;

/// <summary>The samples of a recording as a model reads them, one after the other: dithered, less the mean, by the deviation.</summary>
/// <param name="recording">The recording.</param>
/// <param name="number">Of the recording, which decides its dither.</param>
/// <param name="mean">Of all training samples.</param>
/// <param name="deviation">Of all training samples.</param>
/// <param name="dithers">Whether a random part of the coding's step is added: densities of values that are whole numbers have no bound otherwise.</param>
struct StandardisedSamples(SpeechRecording recording, uint number, double mean, double deviation, bool dithers)
{
    const long Seed = 0;

    CounterRandom _random = new(Seed, NoiseStream.Dither, number, 0);
    int _next;

    public float Next()
    {
        var dither = dithers ? (_random.NextSingle() - 0.5) * recording.Step : 0;
        return (float)((recording.Samples[_next++] + dither - mean) / deviation);
    }
}
