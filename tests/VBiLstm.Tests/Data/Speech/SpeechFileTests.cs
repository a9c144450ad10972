using System.Text;
using VBiLstm.Data;
using VBiLstm.Preparation.Speech;

namespace VBiLstm.Tests.Data.Speech;

public class SpeechFileTests
{
    public static TheoryData<string, string> Others => new()
    {
        { "fLaC\0\0\0\"", "flac -d FILE" }, { "OggS\0\u0002", "Ogg" }, { "ID3\u0004\0", "MP3" }, { "ÿû\u0090d", "MP3" },
        { "FORM\0\0\0\u0010AIFFCOMM", "AIFF" }, { "FORM\0\0\0\u0010AIFCFVER", "AIFF" }, { "caff\0\u0001\0\0", "CAF" }, { ".snd\0\0\0\u0018", "AU" },
        { "riff.\u0091Ï\u0011", "Wave64" }, { "wvpk1234", "WavPack" }, { "ajkg\u0002", "shorten" }, { "\0\0\0 ftypM4A ", "MPEG-4" },
        { "", "the file is empty" }, { "<html>403 Forbidden</html>", "a web page" }, { "\n<!DOCTYPE HTML>", "a web page" },
        { "version https://git-lfs.github.com/spec/v1", "git lfs pull" }, { "DDDDDDDDDDDDDDDD", "in spite of its name" },
        { "\0\0\0\0", "in spite of its name" },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void What_is_named_like_a_recording_and_is_none_is_refused_by_what_it_is(string content, string expected)
    {
        foreach (var name in new[] { "a/x.WAV", "x.flac", "x.sph", "x.wv1", "x.mp3", "x.wav.gz", "x.snd" })
        {
            var error = Assert.Throws<DataException>(() => SpeechFile.TryRead(new MemoryStream(Encoding.Latin1.GetBytes(content)), name));
            Assert.StartsWith(name, error.Message, StringComparison.Ordinal);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Sound_of_another_format_is_refused_under_any_name_and_other_files_are_no_recordings()
    {
        Assert.Throws<DataException>(() => SpeechFile.TryRead(new MemoryStream("fLaC\0\0\0\0"u8.ToArray()), "sound"));
        foreach (var content in new[] { "", "0 2345 She had", "<html>", "RIFF\0\0\0\0WEBPVP8 ", "ÿû" })
            Assert.Null(SpeechFile.TryRead(new MemoryStream(Encoding.Latin1.GetBytes(content)), "SA1.TXT"));
        Assert.Equal([7], SpeechFile.TryRead(new MemoryStream(Sound.Of(Sound.Format(1, 16), [7, 0])), "SA1.PHN")!.Samples);
    }
}
