using System.Runtime.InteropServices;
using SkiaSharp;
using VBiLstm.Cli.Images;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Tests;

/// <summary>GIF files, read by Skia's decoder.</summary>
public sealed class GifFileTests : IDisposable
{
    readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("vbilstm-gif-").FullName, "a.gif");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    // One pixel; all widths of a code; noise, which fills the table of 4,096 codes many times; long runs, which make long entries.
    [Theory]
    [InlineData(1, 1, 256)]
    [InlineData(1, 3, 2)]
    [InlineData(300, 1, 256)]
    [InlineData(640, 400, 256)]
    [InlineData(640, 400, 2)]
    [InlineData(2000, 1500, 1)]
    public void Every_pixel_and_duration_comes_back(int width, int height, int greys)
    {
        var random = new Random(width + greys);
        SampleSheet Noise() => new([.. Enumerable.Range(0, width * height).Select(_ => (byte)random.Next(greys))], height, width);
        (SampleSheet Image, int Centiseconds)[] frames = [(Noise(), 8), (Noise(), 1), (Noise(), 200)];
        GifFile.Write(_path, frames);
        AssertShows(frames);
    }

    // Where the last code stands just when codes grow, or the table is full, a reader must find the end all the same.
    [Fact]
    public void Images_of_every_length_end()
    {
        var random = new Random(1);
        var pixels = new byte[4200];
        random.NextBytes(pixels);
        int[] lengths =
        [
            .. Enumerable.Range(1, 4), .. Enumerable.Range(252, 8), .. Enumerable.Range(762, 16), .. Enumerable.Range(1785, 30), .. Enumerable.Range(3835, 90),
        ];
        foreach (var length in lengths)
        {
            (SampleSheet Image, int Centiseconds)[] frames = [(new SampleSheet(pixels[..length], 1, length), 10)];
            GifFile.Write(_path, frames);
            AssertShows(frames);
        }
    }

    [Fact]
    public void A_side_that_the_format_cannot_say_is_refused()
    {
        var error = Assert.Throws<ConfigurationException>(() => GifFile.Write(_path, [(new SampleSheet(new byte[65536], 65536, 1), 8)]));
        Assert.Contains("at most 65,535 pixels a side, and this sheet 1×65,536; draw fewer (--count)", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(_path)!));
    }

    void AssertShows((SampleSheet Image, int Centiseconds)[] frames)
    {
        using var codec = SKCodec.Create(_path);
        Assert.Equal((frames[0].Image.Width, frames[0].Image.Height), (codec.Info.Width, codec.Info.Height));
        Assert.Equal(-1, codec.RepetitionCount); // for ever
        var info = codec.FrameInfo;
        Assert.Equal(frames.Select(frame => 10 * frame.Centiseconds), info.Select(frame => frame.Duration));
        using var bitmap = new SKBitmap(new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        for (var i = 0; i < frames.Length; i++)
        {
            Assert.Equal(SKCodecResult.Success, codec.GetPixels(bitmap.Info, bitmap.GetPixels(), new SKCodecOptions(i)));
            uint[] expected = [.. frames[i].Image.Grey.Select(grey => 0xFF000000u | grey * 0x010101u)];
            Assert.True(MemoryMarshal.Cast<byte, uint>(bitmap.GetPixelSpan()).SequenceEqual(expected),
                $"frame {i} of {codec.Info.Width}×{codec.Info.Height} differs");
        }
    }
}
