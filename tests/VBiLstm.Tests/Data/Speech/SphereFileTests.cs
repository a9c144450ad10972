using System.Text;
using VBiLstm.Data;
using static VBiLstm.Tests.Data.Speech.Sound;

namespace VBiLstm.Tests.Data.Speech;

public class SphereFileTests
{
    const string Plain = "sample_count -i 2\nsample_n_bytes -i 2\nchannel_count -i 1\nsample_byte_format -s2 01\n"
        + "sample_rate -i 16000\nsample_coding -s3 pcm\nend_head\n";
    static readonly byte[] TwoSamples = [0x34, 0x12, 0xfe, 0xff];

    public static TheoryData<string, string> Headers => new()
    {
        { "as TIMIT has them", Plain },
        {
            "real numbers",
            Plain.Replace("-i 16000", "-r 16000.000000", StringComparison.Ordinal)
                .Replace("sample_count -i 2", "sample_count -r 2.0", StringComparison.Ordinal)
        },
        { "upper case", Plain.ToUpperInvariant() },
        { "tabs and blanks", Plain.Replace(' ', '\t').Replace("\n", " \t \n", StringComparison.Ordinal) },
        { "several blanks", Plain.Replace(" ", "   ", StringComparison.Ordinal) },
        { "empty strings", "database_id -s0 \nutterance_id -s0\n" + Plain },
        { "blank lines and comments", "\n; made by hand\n" + Plain.Replace("-i 16000", "-i 16000 ; a second", StringComparison.Ordinal) },
        { "no coding", Plain.Replace("sample_coding -s3 pcm\n", "", StringComparison.Ordinal) },
        { "strings with blanks", "speaker -s9 anna  lena\n" + Plain },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void Headers_are_read_as_programs_write_them(string kind, string header)
    {
        var recording = Read(Sphere(header, TwoSamples));
        Assert.True(recording.Samples is [0x1234, -2] && recording.SampleRate == Rate, kind);
        Assert.Empty(recording.Remarks);
        Assert.Equal([0x1234, -2], Read(Sphere(header, TwoSamples, size: 2048)).Samples);
        Assert.Equal([0x1234, -2], Read(Sphere(header, TwoSamples, size: header.Length + 16)).Samples);
    }

    [Fact]
    public void Without_a_count_the_samples_go_to_the_end_of_the_file()
    {
        var header = Plain.Replace("sample_count -i 2\n", "", StringComparison.Ordinal);
        var recording = Read(Sphere(header, TwoSamples));
        Assert.Equal([0x1234, -2], recording.Samples);
        Assert.Equal(["without_length_read_to_the_end"], recording.Remarks);
        Assert.Equal([0x1234], Read(Sphere(header, TwoSamples[..3])).Samples);
    }

    [Theory]
    [InlineData(1, "pcm", "1", new byte[] { 0x12, 0xff }, new[] { 4608f, -256 }, 256)]
    [InlineData(2, "pcm", "10", new byte[] { 0x12, 0x34, 0xff, 0xfe }, new[] { 4660f, -2 }, 1)]
    [InlineData(3, "pcm", "01", new byte[] { 0, 1, 0, 0, 0xff, 0xff }, new[] { 1f, -1 }, 1 / 256.0)]
    [InlineData(3, "pcm", "210", new byte[] { 0, 1, 0, 0xff, 0xff, 0 }, new[] { 1f, -1 }, 1 / 256.0)]
    [InlineData(4, "pcm", "3210", new byte[] { 0, 1, 0, 0, 0xff, 0xff, 0x80, 0 }, new[] { 1f, -0.5f }, 1 / 65536.0)]
    [InlineData(1, "ulaw", "1", new byte[] { 0xff, 0x80 }, new[] { 0f, 32124 }, 8)]
    [InlineData(1, "mu-law", "1", new byte[] { 0xfe, 0x00 }, new[] { 8f, -32124 }, 8)]
    [InlineData(1, "ALAW", "1", new byte[] { 0xd5, 0x2a }, new[] { 8f, -32256 }, 16)]
    public void Every_coding_gives_its_samples(int bytes, string coding, string order, byte[] data, float[] expected, double step)
    {
        var recording = Read(Sphere($"channel_count -i 1\nsample_count -i 2\nsample_rate -i 8000\nsample_n_bytes -i {bytes}\n"
            + $"sample_byte_format -s{order.Length} {order}\nsample_coding -s{coding.Length} {coding}\nend_head\n", data));
        Assert.Equal(expected, recording.Samples);
        Assert.Equal((8000, step), (recording.SampleRate, recording.Step));
    }

    [Fact]
    public void Several_channels_become_their_mean_or_one_of_them()
    {
        var header = Plain.Replace("channel_count -i 1", "channel_count -i 2", StringComparison.Ordinal);
        byte[] data = [.. Half(100), .. Half(300), .. Half(200), .. Half(-400)];
        Assert.Equal([200, -100], Read(Sphere(header, data)).Samples);
        Assert.Equal([300, -400], Read(Sphere(header, data), 2).Samples);
        Assert.Contains("--channel 3 where the recording has 2",
            Assert.Throws<DataException>(() => Read(Sphere(header, data), 3)).Message, StringComparison.Ordinal);
        Assert.Contains("channels_interleaved",
            Assert.Throws<DataException>(() => Read(Sphere("channels_interleaved -s5 FALSE\n" + header, data))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sample_count -i 2", "sample_count -i 3", "2 more bytes of samples")]
    [InlineData("sample_count -i 2", "sample_count -i 1", "sample_count is 1, of 1 channels and 2 bytes, but 2 more bytes follow")]
    [InlineData("sample_count -i 2", "sample_count -i 0", "4 more bytes follow")]
    [InlineData("sample_count -i 2", "sample_count -r 1.5", "sample_count is '1.5'")]
    [InlineData("sample_count -i 2", "sample_count", "name, type and value")]
    [InlineData("sample_count -i 2", "sample_count 2", "name, type and value")]
    [InlineData("-i 16000", "-i many", "sample_rate is 'many'")]
    [InlineData("-i 16000", "-r 1e300", "sample_rate is '1e300'")]
    [InlineData("sample_n_bytes -i 2", "sample_n_bytes -i 5", "1 to 4")]
    [InlineData("sample_byte_format -s2 01\n", "", "sample_byte_format is ''")]
    [InlineData("-s3 pcm", "-s26 pcm,embedded-shorten-v2.00", "sph2pipe -p")]
    [InlineData("-s3 pcm", "-s5 adpcm", "sample_coding is 'adpcm'")]
    [InlineData("sample_n_bytes -i 2\n", "", "no field sample_n_bytes")]
    [InlineData("end_head", "", "end_head")]
    public void What_contradicts_itself_or_cannot_be_read_is_refused_by_name(string from, string to, string expected)
    {
        var error = Assert.Throws<DataException>(() => Read(Sphere(Plain.Replace(from, to, StringComparison.Ordinal), TwoSamples)));
        Assert.StartsWith("x.wav", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shorten_is_known_by_its_body_and_a_transfer_in_text_mode_by_its_carriage_returns()
    {
        Assert.Contains("shorten", Assert.Throws<DataException>(() => Read(Sphere(Plain, "ajkg\u0002\u00b1"u8.ToArray()))).Message, StringComparison.Ordinal);
        var damaged = Encoding.Latin1.GetBytes("NIST_1A\r\n   1024\r\n" + Plain.Replace("\n", "\r\n", StringComparison.Ordinal));
        Assert.Contains("text mode", Assert.Throws<DataException>(() => Read(damaged)).Message, StringComparison.Ordinal);
    }
}
