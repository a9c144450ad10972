using VBiLstm.Data;
using VBiLstm.Preparation.Speech;

namespace VBiLstm.Tests.Data.Speech;

public class ResamplingTests
{
    const double Amplitude = 10_000;

    static SpeechRecording Tone(double frequency, int rate)
        => new([.. Enumerable.Range(0, rate).Select(i => (float)(Amplitude * Math.Sin(2 * Math.PI * frequency * i / rate)))], rate);

    [Theory]
    [InlineData(44100, 16000)]
    [InlineData(48000, 16000)]
    [InlineData(22050, 16000)]
    [InlineData(44100, 8000)]
    [InlineData(192000, 8000)]
    [InlineData(16000, 8000)]
    [InlineData(8000, 16000)]
    [InlineData(11025, 44100)]
    public void A_tone_stays_what_and_where_it_was_and_one_beyond_the_new_limit_is_gone(int from, int to)
    {
        foreach (var frequency in new[] { 100, 1000, 0.35 * Math.Min(from, to) })
        {
            var recording = Resampling.ToRate(Tone(frequency, from), to, "x");
            Assert.Equal((to, to), (recording.Samples.Length, recording.SampleRate)); // a second
            Assert.Equal([$"converted_from_{from}_a_second"], recording.Remarks);
            for (var i = to / 4; i < 3 * to / 4; i++) // less the ends, where the tone begins and stops
                Assert.Equal(Amplitude * Math.Sin(2 * Math.PI * frequency * i / to), recording.Samples[i], 0.01 * Amplitude);
        }

        if (0.6 * to < 0.5 * from)
            Assert.All(Resampling.ToRate(Tone(0.6 * to, from), to, "x").Samples[(to / 4)..(3 * to / 4)], sample => Assert.InRange(sample, -1, 1));
    }

    [Fact]
    public void The_same_rate_changes_nothing_and_short_or_overlong_recordings_are_no_trouble()
    {
        var tone = Tone(440, 16000);
        Assert.Same(tone, Resampling.ToRate(tone, 16000, "x"));
        Assert.Empty(Resampling.ToRate(new SpeechRecording([], 44100), 16000, "x").Samples);
        Assert.Single(Resampling.ToRate(new SpeechRecording([1, 2, 3], 44100), 16000, "x").Samples);
        Assert.Contains("x: ",
            Assert.Throws<DataException>(() => Resampling.ToRate(new SpeechRecording(new float[100_000], 1), 16000, "x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_recording_is_stays_with_it()
    {
        var recording = Resampling.ToRate(Tone(440, 8000) with { Step = 256, Remarks = ["mixed_from_2_channels"] }, 16000, "x");
        Assert.Equal(256, recording.Step);
        Assert.Equal(["mixed_from_2_channels", "converted_from_8000_a_second"], recording.Remarks);
    }
}
