using System.Buffers.Binary;
using System.Text;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Tests.Data.Preparation;

/// <summary>Raw files of each format, written by their specifications, and preparations of them.</summary>
static class Raw
{
    public static PreparedManifest Prepare(string task, string from, string folder, PreparationOptions? options = null,
        Action<string, double>? progress = null, CancellationTokenSource? stop = null)
        => PreparationTask.Get(task).Run([new SourcePath(from)], folder, options ?? new PreparationOptions(), progress ?? ((_, _) => { }),
            stop?.Token ?? TestContext.Current.CancellationToken);

    public static DataSplits Open(string folder, DataConfiguration? data = null)
        => DataSource.Open((data ?? new DataConfiguration()) with { Source = folder }, 1);

    public static string Write(this TemporaryFolder folder, string name, string text) => folder.Write(name, Encoding.UTF8.GetBytes(text));

    public static string Write(this TemporaryFolder folder, string name, byte[] content)
    {
        var path = folder.At(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>The tokens s_0..s_T of a sequence.</summary>
    public static int[] Tokens(SequenceDataset data, int index)
    {
        var batch = new SequenceBatch(data.MaximumLength, 1, 0) { Steps = data.MaximumLength };
        data.Fill(index, 0, batch, 0);
        return batch.Tokens[..(data.Length(index) + 1)];
    }

    /// <summary>The frames s_0..s_T of a sequence, one behind the other.</summary>
    public static float[] Frames(SequenceDataset data, int index)
    {
        var batch = new SequenceBatch(data.MaximumLength, 1, data.FrameSize) { Steps = data.MaximumLength };
        data.Fill(index, 0, batch, 0);
        return batch.Frames[..((data.Length(index) + 1) * data.FrameSize)];
    }

    public static byte[] Sphere(short[] samples, int rate = 16000, bool bigEndian = false, string extra = "sample_coding -s3 pcm", int? count = null)
    {
        var text = $"NIST_1A\n   1024\nsample_count -i {count ?? samples.Length}\nsample_n_bytes -i 2\nchannel_count -i 1\n"
            + $"sample_byte_format -s2 {(bigEndian ? "10" : "01")}\nsample_rate -i {rate}\n{extra}\nend_head\n";
        var bytes = new byte[1024 + 2 * samples.Length];
        Encoding.ASCII.GetBytes(text).CopyTo(bytes, 0);
        for (var i = 0; i < samples.Length; i++)
        {
            if (bigEndian)
                BinaryPrimitives.WriteInt16BigEndian(bytes.AsSpan(1024 + 2 * i), samples[i]);
            else
                BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(1024 + 2 * i), samples[i]);
        }

        return bytes;
    }

    public static byte[] Riff(byte[] data, int bits = 16, int rate = 16000, int tag = 1, int channels = 1, int? dataSize = null, bool extensible = false)
    {
        var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        var formatSize = extensible ? 40 : 16;
        writer.Write("RIFF"u8);
        writer.Write(4 + 8 + formatSize + 8 + 6 + 8 + data.Length);
        writer.Write("WAVELIST"u8);
        writer.Write(5);
        writer.Write("INFOx\0"u8);
        writer.Write("fmt "u8);
        writer.Write(formatSize);
        writer.Write((short)(extensible ? -2 : tag));
        writer.Write((short)channels);
        writer.Write(rate);
        writer.Write(rate * channels * bits / 8);
        writer.Write((short)(channels * bits / 8));
        writer.Write((short)bits);
        if (extensible)
        {
            writer.Write([22, 0, 16, 0, 4, 0, 0, 0]);
            writer.Write((short)tag);
            writer.Write([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
        }

        writer.Write("data"u8);
        writer.Write(dataSize ?? data.Length);
        writer.Write(data);
        return stream.ToArray();
    }

    public static byte[] Bytes(short[] samples) => [.. samples.SelectMany(sample => new[] { (byte)sample, (byte)(sample >> 8) })];
}
