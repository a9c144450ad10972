using System.IO.Compression;
using System.Security.Cryptography;
using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Tests.Data;

public class IdxFileTests
{
    static byte[] Idx(params int[] sizes)
    {
        var bytes = new List<byte> { 0, 0, 8, (byte)sizes.Length };
        foreach (var size in sizes)
            bytes.AddRange([(byte)(size >> 24), (byte)(size >> 16), (byte)(size >> 8), (byte)size]);
        var count = sizes.Aggregate(1, (product, size) => product * size);
        bytes.AddRange(Enumerable.Range(0, count).Select(i => (byte)i));
        return [.. bytes];
    }

    static byte[] Zip(byte[] content)
    {
        var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.Fastest))
            gzip.Write(content);
        return target.ToArray();
    }

    // As the files of a source are read: unpacked where they are in gzip.
    static IdxFile Read(byte[] content)
        => IdxFile.Read(
            content is [0x1f, 0x8b, ..] ? new SourceStream(new GzipMembers(new MemoryStream(content)), "digits.idx") : new MemoryStream(content),
            "digits.idx");

    [Fact]
    public void Plain_and_zipped_files_give_their_values()
    {
        foreach (var content in new[] { Idx(3, 4, 5), Zip(Idx(3, 4, 5)) })
        {
            var file = Read(content);
            Assert.Equal([3, 4, 5], file.Sizes);
            Assert.Equal(Enumerable.Range(0, 60).Select(i => (byte)i), file.Values);
        }

        Assert.Equal([7], Read(Idx(7)).Sizes);
    }

    public static TheoryData<string, byte[], string> Malformed()
    {
        var good = Idx(3, 4, 5);
        byte[] With(int at, byte value)
        {
            var copy = good.ToArray();
            copy[at] = value;
            return copy;
        }

        return new TheoryData<string, byte[], string>
        {
            { "empty", [], "offset 0" },
            { "three bytes", good[..3], "offset 0" },
            { "wrong magic", With(0, 1), "offset 0" },
            { "no type", With(2, 0x0a), "offset 2" },
            { "floats of too few bytes", With(2, 0x0d), "offset 76" },
            { "no dimensions", With(3, 0), "offset 3" },
            { "five dimensions", With(3, 5), "offset 3" },
            { "sizes cut off", good[..10], "offset 8" },
            { "size zero", With(7, 0), "offset 4" },
            { "negative size", With(4, 0xff), "offset 4" },
            { "promises far too much", With(5, 0xff), "offset 76" },
            { "values cut off", good[..^1], "offset 75" },
            { "values behind", [.. good, 1], "offset 76" },
            { "zipped, cut off", Zip(good)[..30], "digits.idx" },
        };
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Malformed_files_are_refused_with_name_and_place(string what, byte[] content, string place)
    {
        _ = what;
        var e = Assert.Throws<DataException>(() => Read(content));
        Assert.Contains("digits.idx", e.Message, StringComparison.Ordinal);
        Assert.Contains(place, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_corruption_is_refused_or_harmless()
    {
        var random = new Random(1);
        var plain = Idx(3, 4, 5);
        foreach (var original in new[] { plain, Zip(plain) })
        {
            for (var i = 0; i < 3000; i++)
            {
                var content = original.ToArray();
                for (var flips = random.Next(1, 4); flips > 0; flips--)
                    content[random.Next(content.Length)] = (byte)random.Next(256);
                if (random.Next(4) == 0)
                    content = content[..random.Next(content.Length)];
                try
                {
                    var file = Read(content);
                    Assert.Equal(file.Values.Length, file.Sizes.Aggregate(1, (product, size) => product * size));
                    Assert.Equal(ReferenceEquals(original, plain) ? content[^file.Values.Length..] : plain[16..], file.Values);
                }
                catch (DataException)
                {
                }
            }
        }
    }

    // RFC 1952: the file ends with the CRC-32 and the size of the content.
    [Fact]
    public void Zipped_files_cut_anywhere_or_followed_by_anything_are_refused()
    {
        var zipped = Zip(Idx(3, 4, 5));
        for (var length = 0; length < zipped.Length; length++)
            Assert.Throws<DataException>(() => Read(zipped[..length]));
        foreach (byte[] behind in (byte[][])[[1], [0, 0, 1], [0x1f, 0x8b], zipped])
            Assert.Throws<DataException>(() => Read([.. zipped, .. behind]));
        for (var at = zipped.Length - 8; at < zipped.Length; at++)
        {
            var wrong = zipped.ToArray();
            wrong[at] ^= 1;
            Assert.Throws<DataException>(() => Read(wrong));
        }
    }

    [Fact]
    public void Zipped_files_of_several_members_or_padded_with_zeros_are_whole()
    {
        var plain = Idx(3, 4, 5);
        foreach (byte[] content in (byte[][])[
            [.. Zip(plain[..30]), .. Zip(plain[30..])],
            [.. Zip(plain[..30]), .. Zip([]), .. Zip(plain[30..]), .. new byte[512]],
            [.. Zip(plain), 0]])
        {
            Assert.Equal(plain[16..], Read(content).Values);
        }
    }

    // The format's types: 09 signed bytes, 0b shorts, 0c integers, 0d and 0e reals, all big-endian.
    [Theory]
    [InlineData("00000901 00000003 00017f", "0,1,127")]
    [InlineData("00000b01 00000002 0000 00ff", "0,255")]
    [InlineData("00000c01 00000002 00000007 000000fe", "7,254")]
    [InlineData("00000d01 00000002 3f800000 437f0000", "1,255")]
    [InlineData("00000e01 00000001 4060000000000000", "128")]
    [InlineData("00000901 00000001 ff", null)]
    [InlineData("00000b01 00000001 0100", null)]
    [InlineData("00000d01 00000001 3f000000", null)]
    [InlineData("00000d01 00000001 7fc00000", null)]
    public void Other_types_are_read_where_they_hold_whole_numbers_of_0_to_255(string hex, string? expected)
    {
        var content = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        if (expected is not null)
            Assert.Equal(expected, string.Join(',', Read(content).Values));
        else
            Assert.Contains("digits.idx, value 0", Assert.Throws<DataException>(() => Read(content)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bomb_is_not_unpacked()
    {
        var content = new byte[64 << 20];
        Idx(3, 4, 5).CopyTo(content, 0);
        var zipped = Zip(content);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<DataException>(() => Read(zipped));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    // As published beside the data.
    [Theory]
    [InlineData("mini-bin-train", "274cbfb83f0603166893ba34a091a13e0973f0198931167d6a7dd47ef5477d54")]
    [InlineData("mini-bin-valid", "2757d9e97d4d5627c6a37aad502ba1b1eccd8d5d7be613e1695d35e28cb6b899")]
    [InlineData("mini-bin-test", "ad3c69c5484c6e25835d320c48a280f048c8ee846c7600ea3e5ae41ed0e39f62")]
    [InlineData("mini-gray-train", "e0909efaa95d26b2d599861e4cbe22eb32b67aa319c18adcb70d62f9268436ce")]
    public void Embedded_digits_are_the_published_files(string name, string sha256)
    {
        using var stream = typeof(DataSplits).Assembly.GetManifestResourceStream(name + "-images-idx3-ubyte.gz");
        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(stream!)));
    }
}
