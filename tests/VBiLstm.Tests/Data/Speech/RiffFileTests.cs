using System.Buffers.Binary;
using VBiLstm.Data;
using static VBiLstm.Tests.Data.Speech.Sound;

namespace VBiLstm.Tests.Data.Speech;

public class RiffFileTests
{
    static readonly byte[] TwoSamples = [0x34, 0x12, 0xfe, 0xff];
    static readonly float[] TwoValues = [0x1234, -2];

    static byte[] Single(float value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return bytes;
    }

    static byte[] Double(double value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return bytes;
    }

    static void Refused(byte[] content, params string[] expected)
    {
        var error = Assert.Throws<DataException>(() => Read(content));
        Assert.StartsWith("x.wav", error.Message, StringComparison.Ordinal);
        Assert.All(expected, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
    }

    // The bytes of each coding, what they are on the 16-bit scale, and the smallest step of the coding there.
    public static TheoryData<string, byte[], byte[], float[], double> Codings => new()
    {
        { "8 bits", Format(1, 8), [0, 127, 128, 255], [-32768, -256, 0, 32512], 256 },
        { "16 bits", Format(1, 16), [0, 0x80, 0xff, 0x7f, 1, 0], [-32768, 32767, 1], 1 },
        { "24 bits", Format(1, 24), [0, 0, 0x80, 0xff, 0xff, 0x7f, 1, 0, 0], [-32768, 32767 + 255 / 256f, 1 / 256f], 1 / 256.0 },
        { "32 bits", Format(1, 32), [0, 0, 0, 0x80, 0, 0, 1, 0, 0, 0x80, 0, 0], [-32768, 1, 0.5f], 1 / 65536.0 },
        { "24 bits in 4 bytes", Format(1, 24, block: 4), [0, 0, 1, 0, 0, 0x80, 0, 0], [1, 0.5f], 1 / 256.0 },
        { "12 bits in 2 bytes", Format(1, 12, block: 2), [0x10, 0, 0xf0, 0xff], [16, -16], 16 },
        { "extensible, 20 valid bits of 24", Extensible(1, 24, 20), [0, 1, 0], [1], 1 / 16.0 },
        { "extensible, 8 bits", Extensible(1, 8, 8), [129], [256], 256 },
        { "extensible, valid bits left out", Extensible(1, 16, 0), [7, 0], [7], 1 },
        { "float32", Format(3, 32), [.. Single(1), .. Single(-0.5f), .. Single(1 / 32768f)], [32768, -16384, 1], 1 },
        { "float64", Format(3, 64), [.. Double(-1), .. Double(0.25)], [-32768, 8192], 1 },
        { "extensible float32", Extensible(3, 32, 32), Single(0.5f), [16384], 1 },
        { "A-law", Format(6, 8), [0xd5, 0x55, 0xd4, 0xaa, 0x2a], [8, -8, 24, 32256, -32256], 16 }, // G.711's decoder, on 16 bits
        { "mu-law", Format(7, 8), [0xff, 0x7f, 0xfe, 0x80, 0x00], [0, 0, 8, 32124, -32124], 8 },
        { "extensible mu-law", Extensible(7, 8, 8), [0x80], [32124], 8 },
        { "14 bytes of format", Format(1, 16)[..14], [7, 0], [7], 1 },
        { "18 bytes of format", [.. Format(1, 16), 0, 0], [7, 0], [7], 1 },
        { "blocks of 0 bytes", Format(1, 16, block: 0), [7, 0], [7], 1 },
    };

    [Theory]
    [MemberData(nameof(Codings))]
    public void Every_coding_gives_its_samples_on_the_16_bit_scale(string coding, byte[] format, byte[] data, float[] expected, double step)
    {
        var recording = Read(Of(format, data));
        Assert.Equal(expected, recording.Samples);
        Assert.True(recording.Step == step, coding);
        Assert.Equal(Rate, recording.SampleRate);
        Assert.Empty(recording.Remarks);
    }

    [Fact]
    public void Big_endian_files_have_big_endian_sizes_and_samples()
    {
        var content = Form("RIFX",
            [Chunk("fmt ", Format(1, 16, isBigEndian: true), isBigEndian: true), Chunk("data", [0x12, 0x34, 0xff, 0xfe], isBigEndian: true)]);
        Assert.Equal(TwoValues, Read(content).Samples);
        Refused(Form("RIFX", [Chunk("fmt ", Format(1, 16)), Chunk("data", TwoSamples)]), "offset 16");
    }

    [Theory]
    [InlineData(0, new[] { 200f, -100 }, "mixed_from_2_channels")]
    [InlineData(1, new[] { 100f, 200 }, "of_2_channels_with_channel_1_taken")]
    [InlineData(2, new[] { 300f, -400 }, "of_2_channels_with_channel_2_taken")]
    public void Several_channels_become_their_mean_or_one_of_them(int channel, float[] expected, string remark)
    {
        byte[] data = [.. Half(100), .. Half(300), .. Half(200), .. Half(-400)];
        var recording = Read(Of(Format(1, 16, channels: 2), data), channel);
        Assert.Equal(expected, recording.Samples);
        Assert.Equal([remark], recording.Remarks);
        Assert.Contains("x.wav: --channel 3 where the recording has 2",
            Assert.Throws<DataException>(() => Read(Of(Format(1, 16, channels: 2), data), 3)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(0x7ffff000u)]
    [InlineData(0x7fffffffu)]
    [InlineData(0x80000000u)]
    [InlineData(0x80000024u)]
    [InlineData(0xffffffdbu)]
    [InlineData(0xfffffffeu)]
    [InlineData(0xffffffffu)]
    public void A_size_that_was_never_filled_in_means_to_the_end_of_the_file(uint size)
    {
        var recording = Read(Of(Format(1, 16), TwoSamples, size));
        Assert.Equal(TwoValues, recording.Samples);
        Assert.Equal(["without_length_read_to_the_end"], recording.Remarks);
        recording = Read(Of(Format(1, 16), [.. TwoSamples, 9], size));
        Assert.Equal(TwoValues, recording.Samples);
        Assert.Contains("with_an_incomplete_last_sample_dropped", recording.Remarks);
    }

    [Fact]
    public void More_than_one_piece_is_read_to_the_end()
    {
        byte[] data = [.. Enumerable.Range(0, 100_001).SelectMany(i => Half(i % 30_000))];
        Assert.Equal(Enumerable.Range(0, 100_001).Select(i => (float)(i % 30_000)), Read(Of(Format(1, 16), data, 0xffffffff)).Samples);
        Assert.Equal(Enumerable.Range(0, 100_001).Select(i => (float)(i % 30_000)), Read(Of(Format(1, 16), data)).Samples);
    }

    [Fact]
    public void An_empty_recording_is_empty_and_a_chunk_behind_it_is_no_sound()
    {
        Assert.Empty(Read(Of(Format(1, 16), [])).Samples);
        Assert.Empty(Read(File(Chunk("fmt ", Format(1, 16)), Chunk("data", []), Chunk("LIST", [1, 2, 3, 4]))).Samples);
    }

    [Fact]
    public void Sizes_beyond_32_bits_stand_in_ds64()
    {
        byte[] Sizes(ulong data) => [.. new byte[8], .. BitConverter.GetBytes(data), .. new byte[12]];
        byte[] Large(string form, ulong size, uint small = 0xffffffff) => Form(form,
            [Chunk("ds64", Sizes(size)), Chunk("fmt ", Format(1, 16)), Chunk("data", [.. TwoSamples, .. "LIST"u8, 0, 0, 0, 0], small)]);
        Assert.Equal(TwoValues, Read(Large("RF64", 4)).Samples);
        Assert.Equal(TwoValues, Read(Large("BW64", 4)).Samples);
        Assert.Equal(TwoValues, Read(Large("RF64", 99, small: 4)).Samples);
        Assert.Equal(6, Read(Large("RF64", ulong.MaxValue)).Samples.Length);
        Refused(Large("RF64", 1UL << 40), "truncated");
        Refused(Large("RF64", 1UL << 63), "damaged");
        Refused(Form("RF64", [Chunk("fmt ", Format(1, 16)), Chunk("data", TwoSamples)]), "offset 36", "ds64");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(' ')]
    [InlineData('x')]
    public void A_chunk_of_odd_length_may_have_its_padding_or_lack_it(int padding)
    {
        byte[] odd = Chunk("LIST", "INFOx"u8.ToArray());
        foreach (var rest in new byte[][] { [], [(byte)padding] })
        {
            Assert.Equal(TwoValues, Read(File([.. odd, .. rest], Chunk("fmt ", Format(1, 16)), Chunk("data", TwoSamples))).Samples);
            Assert.Equal(TwoValues, Read(File(Chunk("fmt ", Format(1, 16)), [.. odd, .. rest], Chunk("data", TwoSamples))).Samples);
            Assert.Equal(TwoValues, Read(File(Chunk("fmt ", [.. Format(1, 16), 0]), rest, [.. odd, .. rest], Chunk("data", TwoSamples))).Samples);
        }
    }

    [Fact]
    public void Chunks_that_nobody_knows_and_what_stands_behind_the_samples_are_left_out()
        => Assert.Equal(TwoValues,
            Read(File(Chunk("bext", new byte[602]), Chunk("fmt ", Format(1, 16)), Chunk("what", new byte[6]), Chunk("data", TwoSamples), [1, 2, 3])).Samples);

    [Fact]
    public void Floats_beyond_full_scale_are_said_and_what_is_no_number_is_refused_by_place()
    {
        var loud = Read(Of(Format(3, 32), [.. Single(0), .. Single(2)]));
        Assert.Equal([0, 65536], loud.Samples);
        Assert.Equal(["beyond_full_scale"], loud.Remarks);
        Refused(Of(Format(3, 32), [.. Single(0), .. Single(float.NaN)]), "offset 48", "sample 1 is NaN");
        Refused(Of(Format(3, 32), Single(float.PositiveInfinity)), "sample 0");
        Refused(Of(Format(3, 64), Double(1e300)), "sample 0");
    }

    [Fact]
    public void What_contradicts_itself_or_cannot_be_read_is_refused_by_name()
    {
        Refused(Of(Format(1, 16), TwoSamples, 3), "offset 40", "whole number of samples of 2 bytes");
        Refused(Of(Format(1, 16), TwoSamples, 6), "offset 48", "2 more bytes of samples");
        Refused(Of(Format(1, 16), TwoSamples, 0x70000000), "truncated");
        Refused(Of(Format(1, 16, channels: 0, block: 2), TwoSamples), "offset 22", "0 channels");
        Refused(Of(Format(1, 16, channels: 2, block: 3), TwoSamples), "offset 32", "3 bytes for 2 samples");
        Refused(Of(Format(1, 40), TwoSamples), "40 bits in 5 bytes");
        Refused(Of(Format(3, 16), TwoSamples), "16 bits in 2 bytes");
        Refused(Of(Format(1, 16, rate: 2_000_000), TwoSamples), "offset 24", "2000000 samples a second");
        Refused(Of(Format(0x11, 4, block: 256), TwoSamples), "offset 20", "17, IMA ADPCM", "ffmpeg -i FILE");
        Refused(Of(Format(0x55, 0, block: 1), TwoSamples), "MP3", "sox FILE");
        Refused(Of(Format(0x1234, 16), TwoSamples), "sample format 4660;");
        Refused(Of([.. Extensible(1, 16, 16)[..26], .. new byte[14]], TwoSamples), "offset 44", "sub-format");
        Refused(Of(Extensible(1, 16, 16)[..20], TwoSamples), "40 are expected");
        Refused(Of(Format(1, 16)[..12], TwoSamples), "offset 16", "14 to 1024");
        Refused(File(Chunk("data", TwoSamples), Chunk("fmt ", Format(1, 16))), "offset 12", "before the fmt chunk");
        Refused(File(Chunk("fmt ", Format(1, 16))), "offset 36", "without a data chunk");
        Refused([.. "RIFF"u8, 4, 0, 0, 0, .. "AVI "u8], "offset 8", "not WAVE");
    }
}
