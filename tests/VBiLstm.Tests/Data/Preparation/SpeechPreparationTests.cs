using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation;
using VBiLstm.Preparation.Sources;
using VBiLstm.Preparation.Speech;

namespace VBiLstm.Tests.Data.Preparation;

public class SpeechPreparationTests
{
    static readonly short[] Some = [0, 1, -1, 32767, -32768, 1234, -4321];

    static short[] Noise(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (short)random.Next(-3000, 3100))];
    }

    static SpeechRecording Read(byte[] content) => SpeechFile.Read(new MemoryStream(content), "x.wav");

    [Fact]
    public void Riff_and_sphere_files_of_any_width_and_order_give_their_samples()
    {
        var expected = Some.Select(sample => (float)sample);
        foreach (var content in new[]
        {
            Raw.Riff(Raw.Bytes(Some)), Raw.Riff(Raw.Bytes(Some), extensible: true), Raw.Sphere(Some), Raw.Sphere(Some, bigEndian: true),
            Raw.Riff([.. Some.SelectMany(sample => new[] { (byte)0, (byte)sample, (byte)(sample >> 8) })], bits: 24),
        })
        {
            var recording = Read(content);
            Assert.Equal(expected, recording.Samples);
            Assert.Equal(16000, recording.SampleRate);
        }

        Assert.Equal([-32768, 0, 32512], Read(Raw.Riff([0, 128, 255], bits: 8)).Samples);
        Assert.Equal(-1 / 256f, Read(Raw.Riff([255, 255, 255], bits: 24)).Samples[0]);
    }

    public static TheoryData<byte[], string> Malformed => new()
    {
        { [], "empty" },
        { "RIFX0000WAVE"u8.ToArray(), "without a data chunk" },
        { "RIFF0000AVI "u8.ToArray(), "offset 8" },
        { Raw.Riff(Raw.Bytes(Some))[..30], "offset 30" },
        { Raw.Riff(Raw.Bytes(Some))[..^1], "1 more bytes of samples" },
        { Raw.Riff(Raw.Bytes(Some), dataSize: 13), "whole number of samples" },
        { Raw.Riff(Raw.Bytes(Some), dataSize: 0x7fffe000), "truncated" },
        { Raw.Riff(Raw.Bytes(Some), tag: 3), "16 bits in 2 bytes" },
        { Raw.Riff(Raw.Bytes(Some), tag: 2, extensible: true), "Microsoft ADPCM" },
        { Raw.Riff(Raw.Bytes(Some), channels: 2), "whole number of samples of 4 bytes" },
        { Raw.Riff(Raw.Bytes(Some), bits: 12), "12 bits" },
        { Raw.Riff(Raw.Bytes(Some), rate: 0), "0 samples a second" },
        { Raw.Sphere(Some)[..^2], "2 more bytes" },
        { Raw.Sphere(Some)[..1000], "the header" },
        { Raw.Sphere(Some, extra: "sample_coding -s26 pcm,embedded-shorten-v2.00"), "sph2pipe" },
        { Raw.Sphere(Some, extra: "sample_coding -s4 ulaw"), "sample_n_bytes is '2'" },
        { Raw.Sphere(Some, extra: "channel_count -i 2"), "truncated" },
        { Raw.Sphere(Some, extra: "sample_n_bytes -i 1\nsample_coding -s3 pcm"), "7 more bytes follow" },
        { Raw.Sphere(Some, extra: "sample_byte_format -s1 1"), "sample_byte_format is '1'" },
        { Raw.Sphere(Some, rate: 0), "sample_rate is '0'" },
        { Raw.Sphere(Some, count: -7), "sample_count is '-7'" },
        { Raw.Sphere(Some, count: 1_000_000_000), "truncated" },
        { "NIST_1A\n  1O24\nend_head\n"u8.ToArray(), "1O24" },
        { "NIST_1A\n99999999"u8.ToArray(), "99999999" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Malformed_recordings_are_errors_that_name_the_file_and_what_was_expected(byte[] content, string expected)
    {
        var error = Assert.Throws<DataException>(() => Read(content));
        Assert.StartsWith("x.wav", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sentence_of_Timit_has_the_same_samples_as_Riff_and_as_Sphere()
    {
        var (riff, sphere) = (SharedData.Find("LDC93S1.wav"), SharedData.Find("LDC93S1_sphere_le.sph"));
        Assert.SkipWhen(riff is null, "Needs LDC93S1.wav: set VBILSTM_DATA to its folder. The first test covers both formats with samples of its own.");
        var (a, b) = (SpeechFile.Read(riff!), SpeechFile.Read(sphere!));
        Assert.Equal((16000, 16000, 46797), (a.SampleRate, b.SampleRate, b.Samples.Length));
        Assert.Equal(a.Samples, b.Samples);
    }

    [Fact]
    public void Timit_keeps_its_test_folder_cuts_training_into_rows_and_leaves_test_sentences_whole()
    {
        using var folder = new TemporaryFolder();
        var recordings = new Dictionary<string, short[]>();
        for (var speaker = 0; speaker < 60; speaker++)
        {
            var name = $"raw/TRAIN/DR{speaker % 8 + 1}/FSPK{speaker}/SA1.WAV";
            folder.Write(name, Raw.Sphere(recordings[name] = Noise(310 + speaker, speaker)));
            folder.Write(name + ".wav", Raw.Riff(Raw.Bytes(recordings[name]))); // the same sentence again
            folder.Write(name[..^3] + "TXT", "0 310 She had your dark suit.");
        }

        folder.Write("raw/TEST/DR1/MTST0/SX1.WAV", Raw.Sphere(recordings["a"] = Noise(2345, 100)));
        folder.Write("raw/TEST/DR1/MTST0/SX2.WAV", Raw.Sphere(recordings["b"] = Noise(99, 101)));
        folder.Write("raw/TEST/DR1/MTST0/SX3.WAV", Raw.Sphere(recordings["c"] = Noise(100, 102)));
        var options = new PreparationOptions { FrameSize = 100, RowFrames = 8 };
        var manifest = Raw.Prepare("timit", folder.At("raw"), folder.At("out"), options);
        var splits = Raw.Open(folder.At("out"));
        Assert.Equal((60, 3), (manifest.Statistics["recordings_train"] + manifest.Statistics["recordings_validation"], manifest.Statistics["recordings_test"]));
        Assert.InRange(manifest.Statistics["recordings_validation"], 1, 9);
        Assert.Equal(60, manifest.LeftOut!.Single(reason => reason.Reason == "recordings that are there already").Names.Count);

        var samples = manifest.Statistics["samples_train"];
        Assert.Equal(samples / 100, manifest.Splits["train"].Values);
        Assert.Equal((samples / 100 + 7) / 8, splits.Train.Count);
        Assert.Equal((2, 23, 1), (splits.Test.Count, splits.Test.Length(0), splits.Test.Length(1))); // 2345 and 100 samples; 99 are less than a frame

        // Frames are the samples with less than half a least significant bit of noise.
        var test = splits.Speech!.ToSamples(Raw.Frames(splits.Test, 0).AsSpan(100));
        Assert.All(Enumerable.Range(0, 2300), i => Assert.InRange(test[i] - recordings["a"][i], -0.51, 0.51));
        Assert.True(Enumerable.Range(0, 2300).Select(i => (double)Math.Abs(test[i] - recordings["a"][i])).Average() is > 0.2 and < 0.3);
        Assert.All(Raw.Frames(splits.Test, 0).Take(100), value => Assert.Equal(0, value));

        var (sum, squares, count) = (0.0, 0.0, 0);
        for (var i = 0; i < splits.Train.Count; i++)
            foreach (var value in Raw.Frames(splits.Train, i)[100..])
                (sum, squares, count) = (sum + value, squares + (double)value * value, count + 1);
        Assert.InRange(sum / count, -0.01, 0.01);
        Assert.InRange(squares / count, 0.99, 1.01);
        Assert.Equal(16000, splits.Speech.SampleRate);

        Raw.Prepare("timit", folder.At("raw"), folder.At("plain"), options with { Dither = false });
        splits = Raw.Open(folder.At("plain"));
        test = splits.Speech!.ToSamples(Raw.Frames(splits.Test, 0).AsSpan(100));
        Assert.All(Enumerable.Range(0, 2300), i => Assert.InRange(test[i] - recordings["a"][i], -0.01, 0.01));

        folder.Write("raw/TEST/DR1/MTST0/SX1.WAV.wav", Raw.Riff(Raw.Bytes(Noise(2345, 200))));
        var error = Assert.Throws<DataException>(() => Raw.Prepare("timit", folder.At("raw"), folder.At("other"), options));
        Assert.Contains("SX1.WAV.wav and ", error.Message, StringComparison.Ordinal);
        Assert.Contains("SX1.WAV have", error.Message, StringComparison.Ordinal);
    }

    /// <summary>What SRNN's public preparation makes of a corpus: inputs are the true frames before, from the second frame on, everywhere.</summary>
    [Fact]
    public void By_SRNNs_protocol_windows_begin_with_the_frame_before_them_and_first_frames_are_only_read()
    {
        using var folder = new TemporaryFolder();
        var recordings = new SortedDictionary<string, short[]>(StringComparer.Ordinal);
        for (var speaker = 0; speaker < 4; speaker++)
            for (var sentence = 0; sentence < 15; sentence++)
            {
                var name = $"raw/TRAIN/DR1/FSPK{speaker}/SX{sentence:D2}.WAV";
                folder.Write(name, Raw.Sphere(recordings[name] = Noise(31 + sentence, 100 * speaker + sentence)));
            }

        var test = Noise(57, 1000);
        folder.Write("raw/TEST/DR1/MTST0/SX1.WAV", Raw.Sphere(test));
        folder.Write("raw/TEST/DR1/MTST0/SX2.WAV", Raw.Sphere(Noise(19, 1001)));
        var options = new PreparationOptions { FrameSize = 10, Protocol = SequenceProtocol.Srnn, Dither = false };
        var manifest = Raw.Prepare("timit", folder.At("raw"), folder.At("out"), options);
        var held = (int)manifest.Statistics["recordings_validation"];
        Assert.InRange(held, 1, 12);
        Assert.Equal((60, 1), (held + manifest.Statistics["recordings_train"], manifest.Statistics["recordings_test_too_short"]));

        foreach (var carry in new[] { true, false })
        {
            using var splits = PreparedFolder.Open(new DataConfiguration { Source = folder.At("out"), Window = 4, CarryState = carry }, seed: 1);
            Assert.Equal((carry, false, false), (splits.Train.CarriesState, splits.Validation.CarriesState, splits.Test.CarriesState));

            // The stream is the recordings one after the other, and every window the frames from the last one of the window before on.
            foreach (var (data, split) in new[] { (splits.Train, "train"), (splits.Validation, "validation") })
            {
                var frames = manifest.Statistics[$"samples_{split}"] / 10;
                Assert.Equal((frames - 2) / 4 + 1, data.Count);
                Assert.Equal(frames - 1, Enumerable.Range(0, data.Count).Sum(data.Length));
                for (var i = 1; i < data.Count; i++)
                    Assert.Equal(Raw.Frames(data, i - 1)[^10..], Raw.Frames(data, i)[..10]);
            }

            var stream = Enumerable.Range(0, splits.Train.Count).SelectMany(i => Raw.Frames(splits.Train, i)[(i == 0 ? 0 : 10)..]).ToArray();
            Assert.Equal(0, stream.Average(), 1e-1);
            var told = splits.Speech!.ToSamples(stream);
            var remaining = recordings.Values.Select(recording => recording.Select(sample => (double)sample).ToArray()).ToList();
            for (var at = 0; at < told.Length;)
            {
                var next = remaining.FindIndex(
                    recording => recording.Take(told.Length - at).Index().All(entry => Math.Abs(entry.Item - told[at + entry.Index]) < 0.01));
                Assert.InRange(next, 0, remaining.Count - 1);
                at += remaining[next].Length;
                remaining.RemoveRange(0, next + 1); // in the order of the paths
            }

            // 57 samples are five whole frames, of which the first is only read.
            Assert.Equal((1, 4), (splits.Test.Count, splits.Test.Length(0)));
            Assert.All(splits.Speech.ToSamples(Raw.Frames(splits.Test, 0)).Zip(test), pair => Assert.Equal(pair.Second, pair.First, 0.01));
            Assert.Equal(50, Raw.Frames(splits.Test, 0).Length);
        }
    }

    [Fact]
    public void Blizzard_is_full_rows_and_other_speech_keeps_the_rest()
    {
        using var folder = new TemporaryFolder();
        for (var i = 0; i < 200; i++)
            folder.Write($"raw/{i}.wav", Raw.Riff(Raw.Bytes(Noise(2 * 40 + 25, i))));
        var options = new PreparationOptions { FrameSize = 10, RowFrames = 4 };
        var blizzard = Raw.Prepare("blizzard", folder.At("raw"), folder.At("blizzard"), options);
        Assert.Equal(400, blizzard.Splits.Values.Sum(split => split.Sequences));
        Assert.All(blizzard.Splits.Values, split => Assert.Equal(4 * split.Sequences, split.Values));
        var speech = Raw.Prepare("speech", folder.At("raw"), folder.At("speech"), options);
        Assert.Equal(600, speech.Splits.Values.Sum(split => split.Sequences));
        Assert.Equal(200 * 10, speech.Splits.Values.Sum(split => split.Values));
        Assert.InRange(speech.Splits["test"].Sequences, 30, 96);

        folder.Write("raw/other.wav", Raw.Riff(Raw.Bytes(Noise(100, 1)), rate: 8000));
        var error = Assert.Throws<DataException>(() => Raw.Prepare("speech", folder.At("raw"), folder.At("mixed"), options));
        Assert.Contains("other.wav: 8000 samples a second where 16000", error.Message, StringComparison.Ordinal);
    }

    static void WriteDigits(TemporaryFolder folder, string name, byte[] test)
    {
        folder.Write($"{name}/0_a_0.wav", test);
        folder.Write($"{name}/0_a_5.wav", Raw.Riff(Raw.Bytes(Noise(300, 2)), rate: 8000));
        folder.Write($"{name}/0_a_10.wav", Raw.Riff(Raw.Bytes(Noise(500, 3)), rate: 8000));
    }

    // The test samples as they were prepared, on the 16-bit scale.
    static float[] Prepared(TemporaryFolder folder, string name, PreparationOptions options)
    {
        Raw.Prepare("fsdd", folder.At("raw"), folder.At(name), options);
        var splits = Raw.Open(folder.At(name));
        return splits.Speech!.ToSamples(Raw.Frames(splits.Test, 0).AsSpan(options.FrameSize!.Value));
    }

    [Theory]
    [InlineData(8, 256)]
    [InlineData(16, 1)]
    [InlineData(24, 1 / 256.0)]
    public void Dither_is_as_wide_as_the_smallest_step_of_the_files_own_depth(int bits, double step)
    {
        using var folder = new TemporaryFolder();
        var data = new byte[2000 * bits / 8];
        new Random(1).NextBytes(data);
        WriteDigits(folder, "raw", Raw.Riff(data, bits, rate: 8000));
        var options = new PreparationOptions { FrameSize = 10 };
        var with = Prepared(folder, "with", options);
        var without = Prepared(folder, "without", options with { Dither = false });
        var noise = with.Zip(without, (a, b) => (double)a - b).ToArray();
        var rounding = 0.02; // of standardised values, in single precision
        Assert.All(noise, value => Assert.InRange(value, -step / 2 - rounding, step / 2 + rounding));
        Assert.True(noise.Max() > 0.45 * step - rounding && noise.Min() < -0.45 * step + rounding);
    }

    [Fact]
    public void Names_that_differ_in_case_are_two_recordings()
    {
        using var folder = new TemporaryFolder();
        var options = new PreparationOptions { FrameSize = 10 };
        WriteDigits(folder, "raw", Raw.Riff(Raw.Bytes(Noise(200, 1)), rate: 8000));
        folder.Write("raw/1_b_12.wav", Raw.Riff(Raw.Bytes(Noise(400, 4)), rate: 8000));
        folder.Write("raw/1_B_12.wav", Raw.Riff(Raw.Bytes(Noise(600, 5)), rate: 8000));
        Assert.SkipWhen(Directory.GetFiles(folder.At("raw")).Length == 4, "This file system knows no names that differ in case only.");
        Assert.Equal(3, Raw.Prepare("fsdd", folder.At("raw"), folder.At("cases"), options).Statistics["recordings_train"]);
    }

    [Fact]
    public void Equal_names_of_two_sources_are_two_recordings_where_their_sounds_differ()
    {
        using var folder = new TemporaryFolder();
        WriteDigits(folder, "raw", Raw.Riff(Raw.Bytes(Noise(200, 1)), rate: 8000));
        WriteDigits(folder, "more", Raw.Riff(Raw.Bytes(Noise(200, 7)), rate: 8000));
        var manifest = PreparationTask.Get("fsdd").Run([new SourcePath(folder.At("raw")), new SourcePath(folder.At("more"))], folder.At("out"),
            new PreparationOptions { FrameSize = 10 }, (_, _) => { }, TestContext.Current.CancellationToken);
        Assert.Equal((2, 1, 2),
            (manifest.Statistics["recordings_test"], manifest.Statistics["recordings_train"], manifest.LeftOut!.Sum(reason => reason.Names.Count)));
    }

    [Fact]
    public void Rates_and_channels_are_converted_where_that_is_asked_for_and_it_is_said()
    {
        using var folder = new TemporaryFolder();
        byte[] stereo = [.. Enumerable.Range(0, 4000).SelectMany(i => Raw.Bytes([(short)i, (short)(3 * i)]))];
        WriteDigits(folder, "raw", Raw.Riff(stereo, rate: 16000, channels: 2));
        var options = new PreparationOptions { FrameSize = 10, Dither = false };
        var error = Assert.Throws<DataException>(() => Raw.Prepare("fsdd", folder.At("raw"), folder.At("refused"), options)).Message;
        Assert.Contains("0_a_0.wav: 16000 samples a second where 8000", error, StringComparison.Ordinal);
        Assert.Contains("--sample-rate 8000", error, StringComparison.Ordinal);

        // A ramp at half the rate rises twice as fast; the mean of i and 3 i is 2 i.
        var mixed = Prepared(folder, "mixed", options with { SampleRate = 8000 });
        Assert.Equal(2000, mixed.Length);
        Assert.All(Enumerable.Range(200, 1600), i => Assert.InRange(mixed[i] - 4 * i, -1, 1));
        var first = Prepared(folder, "first", options with { SampleRate = 8000, Channel = 1 });
        Assert.All(Enumerable.Range(200, 1600), i => Assert.InRange(first[i] - 2 * i, -1, 1));
        var manifest = VBiLstm.Data.Prepared.PreparedManifest.Read(folder.At("mixed"));
        Assert.Equal((1, 1), (manifest.Statistics["recordings_mixed_from_2_channels"], manifest.Statistics["recordings_converted_from_16000_a_second"]));
        Assert.Equal("8000", manifest.Options["sample-rate"]);
        Assert.Contains("converted to 8000 samples a second", manifest.Preparation, StringComparison.Ordinal);
        error = Assert.Throws<DataException>(
            () => Raw.Prepare("fsdd", folder.At("raw"), folder.At("second"), options with { SampleRate = 8000, Channel = 2 })).Message;
        Assert.Contains("0_a_10.wav: --channel 2 where the recording has 1", error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_named_like_a_recording_and_cannot_be_read_is_an_error_by_name()
    {
        using var folder = new TemporaryFolder();
        WriteDigits(folder, "raw", Raw.Riff(Raw.Bytes(Noise(200, 1)), rate: 8000));
        folder.Write("raw/1_b_11.wav", "<html>404</html>");
        Assert.Contains("1_b_11.wav, offset 0: a web page",
            Assert.Throws<DataException>(() => Raw.Prepare("fsdd", folder.At("raw"), folder.At("out"))).Message, StringComparison.Ordinal);
        File.Move(folder.At("raw/1_b_11.wav"), folder.At("raw/1_b_11.txt"));
        Raw.Prepare("fsdd", folder.At("raw"), folder.At("out"), new PreparationOptions { FrameSize = 10 });
    }

    [Fact]
    public void Spoken_digits_split_by_their_index()
    {
        var archive = SharedData.Find("fsdd.tar.xz");
        Assert.SkipWhen(archive is null,
            "Needs fsdd.tar.xz: set VBILSTM_DATA to its folder. The tests above cover the same code with recordings of their own.");
        using var folder = new TemporaryFolder();
        var manifest = Raw.Prepare("fsdd", archive!, folder.At("out"));
        Assert.Equal((2400, 300, 300),
            (manifest.Statistics["recordings_train"], manifest.Statistics["recordings_validation"], manifest.Statistics["recordings_test"]));
        Assert.Equal(8000, manifest.SampleRate);
        // An independent normal for each sample has -1/2 ln(2 pi e) nats where mean and variance are those of the data: -1.42 for training, about -1.41
        // for test.
        var splits = Raw.Open(folder.At("out"));
        var (squares, count) = (0.0, 0);
        for (var i = 0; i < splits.Test.Count; i++)
            foreach (var value in Raw.Frames(splits.Test, i)[200..])
                (squares, count) = (squares + (double)value * value, count + 1);
        Assert.InRange(-0.5 * Math.Log(2 * Math.PI) - 0.5 * squares / count, -1.43, -1.38);
    }

    [Fact]
    public void Timit_is_prepared_without_SA_and_with_its_core_test_set()
    {
        using var folder = new TemporaryFolder();
        for (var speaker = 0; speaker < 30; speaker++)
            foreach (var sentence in new[] { "SA1", "SX7" })
                folder.Write($"raw/TRAIN/DR1/FSPK{speaker}/{sentence}.WAV", Raw.Sphere(Noise(300, speaker + sentence.Length)));
        foreach (var speaker in new[] { "MDAB0", "FMLD0", "MXXX0" })
            foreach (var sentence in new[] { "SA2", "SI1", "SX2" })
                folder.Write($"raw/TEST/DR1/{speaker}/{sentence}.WAV", Raw.Sphere(Noise(300, speaker[1] + sentence[1])));
        var options = new PreparationOptions { FrameSize = 100, RowFrames = 8 };
        long Recordings(PreparationOptions chosen, string name, string split)
            => Raw.Prepare("timit", folder.At("raw"), folder.At(name), chosen).Statistics[$"recordings_{split}"];
        Assert.Equal(9, Recordings(options, "all", "test"));
        Assert.Equal(6, Recordings(options with { WithoutSa = true }, "without", "test"));
        Assert.Equal(6, Recordings(options with { CoreTest = true }, "core", "test"));
        Assert.Equal(4, Recordings(options with { WithoutSa = true, CoreTest = true }, "both", "test"));
        Assert.Equal(30,
            Recordings(options with { WithoutSa = true }, "without", "train") + Recordings(options with { WithoutSa = true }, "without", "validation"));
        var manifest = VBiLstm.Data.Prepared.PreparedManifest.Read(folder.At("both"));
        Assert.Equal(["SA sentences (--without-sa)", "not of the core test set"],
            manifest.LeftOut!.Select(reason => reason.Reason).Order(StringComparer.Ordinal));
        Assert.Contains("core test set", manifest.Preparation, StringComparison.Ordinal);
    }

    [Fact]
    public void Recordings_that_cannot_be_read_are_errors_or_listed()
    {
        using var folder = new TemporaryFolder();
        WriteDigits(folder, "raw", Raw.Riff(Raw.Bytes(Noise(200, 1)), rate: 8000));
        folder.Write("raw/0_b_11.wav", "<html>not found</html>");
        folder.Write("raw/notes.txt", "about it");
        folder.Write("raw/hello.wav", Raw.Riff(Raw.Bytes(Noise(200, 1)), rate: 8000));
        var options = new PreparationOptions { FrameSize = 10 };
        Assert.Contains("0_b_11.wav",
            Assert.Throws<DataException>(() => Raw.Prepare("fsdd", folder.At("raw"), folder.At("out"), options)).Message, StringComparison.Ordinal);
        var manifest = Raw.Prepare("fsdd", folder.At("raw"), folder.At("out"), options with { SkipUnreadable = true });
        Assert.Equal(3, manifest.FilesRead);
        var reasons = manifest.LeftOut!.ToDictionary(reason => Path.GetFileName(Assert.Single(reason.Names)), reason => reason.Reason);
        Assert.Equal(("no recordings", "not named digit_speaker_index"), (reasons["notes.txt"], reasons["hello.wav"]));
        Assert.StartsWith("cannot be read", reasons["0_b_11.wav"], StringComparison.Ordinal);
    }
}
