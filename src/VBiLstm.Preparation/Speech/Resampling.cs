using NAudio.Dsp;
using VBiLstm.Data;

namespace VBiLstm.Preparation.Speech;

/// <summary>
/// Converts sampling rates: interpolation by a windowed sinc that ends at the lower of both Nyquist frequencies; the same bits on every processor.
/// </summary>
static class Resampling
{
    // With 256 taps, 48 to each sample that comes out of 44.1 to 8 kHz, a tone a fifth above the new Nyquist frequency loses more than 120 dB.
    const int LeastTaps = 256, TapsOfOutput = 48, MostTaps = 8192, Interpolations = 256, PieceSamples = 1 << 12;

    /// <summary>The recording at another rate, as long in time, rounded to whole samples.</summary>
    /// <exception cref="DataException">It becomes longer than a recording may be.</exception>
    public static SpeechRecording ToRate(SpeechRecording recording, int rate, string name)
    {
        if (recording.SampleRate == rate)
            return recording;
        var source = recording.Samples;
        var length = ((long)source.Length * rate + recording.SampleRate / 2) / recording.SampleRate;
        if (length > SampleReader.LargestRecording)
            throw new DataException($"{name}: {length:N0} samples at {rate} a second, more than one recording may have "
                + $"({SampleReader.LargestRecording:N0}); cut it.");
        var samples = new float[length];
        var resampler = new WdlResampler();
        var taps = Math.Clamp(TapsOfOutput * recording.SampleRate / rate, LeastTaps, MostTaps);
        resampler.SetMode(interp: true, filtercnt: 0, sinc: true, taps, Interpolations);
        resampler.SetFeedMode(false);
        resampler.SetRates(recording.SampleRate, rate);
        var (used, done) = (0, 0);
        while (done < samples.Length)
        {
            var piece = Math.Min(PieceSamples, samples.Length - done);
            var wanted = resampler.ResamplePrepare(piece, 1, out var buffer);
            var given = Math.Min(wanted, source.Length - used);
            source.AsSpan(used, given).CopyTo(buffer);
            buffer[given..wanted].Clear(); // silence behind the end
            used += given;
            done += resampler.ResampleOut(samples.AsSpan(done), wanted, piece, 1);
        }

        return recording with { Samples = samples, SampleRate = rate, Remarks = [.. recording.Remarks, $"converted_from_{recording.SampleRate}_a_second"] };
    }
}
