using System.Buffers.Binary;
using System.Text;
using VBiLstm.Data;

namespace VBiLstm.Tests.Data;

public class WaveFileTests
{
    [Fact]
    public void Samples_stand_behind_a_header_of_the_RIFF_specification_rounded_and_clipped()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("sound.wav");
        WaveFile.Write(path, [0, 1.6f, -1.6f, 40_000, -40_000], 8000);
        var bytes = File.ReadAllBytes(path);
        int Word(int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
        int Half(int at) => BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(at));
        string Text(int at) => Encoding.ASCII.GetString(bytes, at, 4);

        Assert.Equal(["RIFF", "WAVE", "fmt ", "data"], [Text(0), Text(8), Text(12), Text(36)]);
        Assert.Equal([bytes.Length - 8, 16, 8000, 16000, 10], [Word(4), Word(16), Word(24), Word(28), Word(40)]);
        Assert.Equal([1, 1, 2, 16], [Half(20), Half(22), Half(32), Half(34)]);
        Assert.Equal([0, 2, -2, 32767, -32768], Enumerable.Range(0, 5).Select(i => Half(44 + 2 * i)));
    }

    [Fact]
    public void Standardised_values_become_sound_again()
        => Assert.Equal([7, -3, 27], new SpeechScale(16000, 7, 10).ToSamples([0, -1, 2]));
}
