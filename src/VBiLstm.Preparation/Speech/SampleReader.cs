using VBiLstm.Data;

namespace VBiLstm.Preparation.Speech;

/// <summary>Turns the samples of a file into those of one channel, piece by piece: a header that promises much must not make us allocate it.</summary>
static class SampleReader
{
    /// <summary>Samples of a recording: nine hours at 16 kHz.</summary>
    public const int LargestRecording = 1 << 29;

    const int PieceBytes = 1 << 16, FirstSamples = 1 << 14;

    /// <summary>Reads samples.</summary>
    /// <param name="reader">Stands at the first one.</param>
    /// <param name="format">Of the samples.</param>
    /// <param name="bytes">Of all samples and channels; null for all that follow.</param>
    /// <param name="channel">The one that is taken, from 1; 0 for the mean of all.</param>
    /// <exception cref="DataException">The file ends before, there is no such channel, a sample is no number, or there are more samples than fit into
    /// memory.</exception>
    public static SpeechRecording Read(ForwardReader reader, SampleFormat format, long? bytes, int channel)
    {
        if (channel > format.Channels)
            throw new DataException($"{reader.Name}: --channel {channel} where the recording has {format.Channels}.");
        DataException TooLong()
            => new($"{reader.Name}: more than {LargestRecording:N0} samples, which is more than one recording may have; cut it, for instance: "
            + "sox FILE OUT.wav trim 0 3600 : newfile : restart.");
        var start = reader.Offset;
        var samples = new float[Math.Min(bytes / format.FrameBytes ?? FirstSamples, FirstSamples)];
        var (count, isBeyond, cut) = (0, false, 0);
        var piece = new byte[Math.Max(1, PieceBytes / format.FrameBytes) * format.FrameBytes];
        for (var left = bytes ?? long.MaxValue; left > 0;)
        {
            var wanted = (int)Math.Min(left, piece.Length);
            var read = reader.Fill(piece.AsSpan(0, wanted));
            if (read < wanted && bytes is not null)
                throw reader.Truncated(left - read, "samples");
            var frames = read / format.FrameBytes;
            if (count + frames > LargestRecording)
                throw TooLong();
            if (count + frames > samples.Length)
                Array.Resize(ref samples, (int)Math.Min(bytes / format.FrameBytes ?? LargestRecording, Math.Max(2L * samples.Length, count + frames)));
            for (var i = 0; i < frames; i++)
            {
                var value = Decode(piece.AsSpan(i * format.FrameBytes, format.FrameBytes), format, channel);
                if (!float.IsFinite(value))
                    throw new DataException($"{reader.Name}, offset {start + (long)count * format.FrameBytes}: sample {count} is {value}, which is no sound; "
                        + "the file is damaged. Make it again.");
                isBeyond |= Math.Abs(value) > 32768;
                samples[count++] = value;
            }

            left -= read;
            cut = read % format.FrameBytes;
            if (read < wanted)
                break;
        }

        Array.Resize(ref samples, count);
        var remarks = new List<string>();
        if (format.Channels > 1)
            remarks.Add(channel == 0 ? $"mixed_from_{format.Channels}_channels" : $"of_{format.Channels}_channels_with_channel_{channel}_taken");
        if (bytes is null)
            remarks.Add("without_length_read_to_the_end");
        if (cut > 0)
            remarks.Add("with_an_incomplete_last_sample_dropped");
        if (isBeyond)
            remarks.Add("beyond_full_scale");
        return new SpeechRecording(samples, format.SampleRate) { Step = format.Step, Remarks = remarks };
    }

    static float Decode(ReadOnlySpan<byte> frame, SampleFormat format, int channel)
    {
        if (format.Channels == 1 || channel > 0)
            return format.Decode(frame.Slice(Math.Max(0, channel - 1) * format.Bytes, format.Bytes));
        var sum = 0.0;
        for (var i = 0; i < format.Channels; i++)
            sum += format.Decode(frame.Slice(i * format.Bytes, format.Bytes));
        return (float)(sum / format.Channels);
    }
}
