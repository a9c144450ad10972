using System.Text.Json.Nodes;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Tests.Data.Preparation;

public class PreparedFolderTests
{
    static void Write(TemporaryFolder folder)
    {
        folder.Write("raw/train.txt", "a b a\nb a c\na d\n");
        folder.Write("raw/valid.txt", "a e\nc c\n");
        folder.Write("raw/test.txt", "b c\n");
    }

    [Fact]
    public void Where_a_presets_folder_is_missing_the_command_that_makes_it_is_named()
    {
        var prepared = Preset.All.Select(preset => preset.Configuration.Data).Where(data => data.Source != DataConfiguration.EmbeddedDigits).ToList();
        Assert.Equal(10, prepared.Count);
        Assert.All(prepared, data =>
        {
            var message = Assert.Throws<DataException>(() => DataSource.Open(data, seed: 1)).Message;
            Assert.Contains(PreparationTask.All, task => message.Contains($"vbilstm data prepare {task.Name} --from FILES --out {data.Source}.",
                StringComparison.Ordinal));
        });
    }

    [Fact]
    public void A_preparation_that_was_interrupted_goes_on_and_gives_the_same_files()
    {
        using var folder = new TemporaryFolder();
        Write(folder);
        Raw.Prepare("sentences", folder.At("raw"), folder.At("whole"));
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Raw.Prepare("sentences", folder.At("raw"), folder.At("parts"), progress: (phase, _) =>
        {
            if (phase == "writing validation")
                source.Cancel();
        }, stop: source));
        Assert.Equal(["manifest.partial.json", "train.bin"], Directory.GetFiles(folder.At("parts")).Select(Path.GetFileName).Order());

        // A mistake in between takes nothing away.
        Assert.Throws<DataException>(() => Raw.Prepare("sentences", folder.Write("other.txt", ""), folder.At("parts")));

        var phases = new HashSet<string>();
        Raw.Prepare("sentences", folder.At("raw"), folder.At("parts"), progress: (phase, _) => phases.Add(phase));
        Assert.DoesNotContain("writing train", phases);
        Assert.Contains("writing test", phases);
        foreach (var name in Directory.GetFiles(folder.At("whole")).Select(Path.GetFileName))
            Assert.Equal(File.ReadAllBytes(folder.At("whole/" + name)), File.ReadAllBytes(folder.At("parts/" + name)));
        Assert.Equal(Directory.GetFiles(folder.At("whole")).Length, Directory.GetFiles(folder.At("parts")).Length);
    }

    [Fact]
    public void What_is_prepared_already_stays_and_nothing_else_takes_its_place()
    {
        using var folder = new TemporaryFolder();
        Write(folder);
        Raw.Prepare("sentences", folder.At("raw"), folder.At("out"));
        var before = File.GetLastWriteTimeUtc(folder.At("out/train.bin"));
        Raw.Prepare("sentences", folder.At("raw"), folder.At("out"));
        Assert.Equal(before, File.GetLastWriteTimeUtc(folder.At("out/train.bin")));
        Assert.Contains("another --out",
            Assert.Throws<DataException>(
                () => Raw.Prepare("sentences", folder.At("raw"), folder.At("out"), new PreparationOptions { MaximumWords = 3 })).Message,
            StringComparison.Ordinal);
        folder.Write("raw/test.txt", "b d\n");
        Assert.Throws<DataException>(() => Raw.Prepare("sentences", folder.At("raw"), folder.At("out")));
    }

    [Fact]
    public void Files_of_other_programs_are_never_overwritten_and_the_folder_may_lie_in_the_source()
    {
        using var folder = new TemporaryFolder();
        Write(folder);
        foreach (var name in new[] { "train.bin", "vocabulary.json", "manifest.json" })
        {
            folder.Write($"other/{name}", "theirs");
            Assert.Contains(name,
                Assert.Throws<DataException>(() => Raw.Prepare("sentences", folder.At("raw"), folder.At("other"))).Message, StringComparison.Ordinal);
            Assert.Equal("theirs", File.ReadAllText(folder.At($"other/{name}")));
            File.Delete(folder.At($"other/{name}"));
        }

        Assert.Empty(Directory.GetFiles(folder.At("other")));
        Raw.Prepare("sentences", folder.At("raw"), folder.At("raw/data/sentences"));
        Raw.Prepare("sentences", folder.At("raw"), folder.At("raw/data/sentences")); // its own files are no other sources
        var again = Raw.Prepare("sentences", folder.At("raw"), folder.At("again"));
        Assert.Equal((3, 5), (again.FilesRead, Assert.Single(again.LeftOut!).Names.Count));
        Assert.Equal(File.ReadAllBytes(folder.At("again/train.bin")), File.ReadAllBytes(folder.At("raw/data/sentences/train.bin")));
    }

    [Fact]
    public void Every_byte_of_the_manifest_is_covered_by_its_checksum()
    {
        using var folder = new TemporaryFolder();
        Write(folder);
        var manifest = Raw.Prepare("sentences", folder.At("raw"), folder.At("out"));
        var path = folder.At("out/manifest.json");
        var good = File.ReadAllBytes(path);
        for (var at = 0; at < good.Length; at++)
        {
            var changed = good.ToArray();
            changed[at] ^= 1;
            File.WriteAllBytes(path, changed);
            Assert.Throws<DataException>(() => PreparedManifest.Read(folder.At("out")));
        }

        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(folder.At("out/vocabulary.json")))),
            manifest.VocabularySha256);

        // One of before, without checksums and accounts, is read as it was.
        var old = JsonNode.Parse(good)!.AsObject();
        foreach (var name in new[] { "manifest_sha256", "vocabulary_sha256", "files_read", "left_out", "unpacked" })
            old.Remove(name);
        File.WriteAllText(path, old.ToJsonString());
        Assert.Null(PreparedManifest.Read(folder.At("out")).FilesRead);
        Raw.Open(folder.At("out"));
    }

    static readonly (string Field, Func<PreparedManifest, PreparedManifest> Spoil)[] WrongManifests =
    [
        ("format", good => good with { Format = "other" }),
        ("version", good => good with { Version = 99 }),
        ("kind or unit", good => good with { Unit = (TaskUnit)99 }),
        ("vocabulary_size", good => good with { VocabularySize = 0 }),
        ("vocabulary_size", good => good with { VocabularySize = (1 << 24) + 1 }),
        ("frame_size", good => good with { Kind = PreparedKind.Frames, FrameSize = 0 }),
        ("frame_size", good => good with { Kind = PreparedKind.Frames, FrameSize = (1 << 20) + 1 }),
        ("height and width", good => good with { Kind = PreparedKind.Images, Height = 1, Width = 0 }),
        ("height and width", good => good with { Kind = PreparedKind.Images, Height = (1 << 15) + 1, Width = 1 }),
        ("sample_rate", good => good with { SampleRate = -1 }),
        ("sample_rate", good => good with { SampleRate = 8000, Deviation = 0 }),
        ("files_read", good => good with { FilesRead = -1 }),
        ("splits.other", good => good with { Splits = new Dictionary<string, PreparedSplit> { ["other"] = good.Splits["train"] } }),
        ("splits.train", good => good with { Splits = new Dictionary<string, PreparedSplit> { ["train"] = good.Splits["train"] with { Sequences = -1 } } }),
        ("splits.train", good => good with { Splits = new Dictionary<string, PreparedSplit> { ["train"] = good.Splits["train"] with { Longest = 99 } } }),
    ];

    public static TheoryData<string, int> WrongFields()
    {
        var fields = new TheoryData<string, int>();
        for (var i = 0; i < WrongManifests.Length; i++)
            fields.Add(WrongManifests[i].Field, i);
        return fields;
    }

    [Theory]
    [MemberData(nameof(WrongFields))]
    public void A_manifest_with_a_value_out_of_range_is_refused_by_its_field(string field, int manifest)
    {
        using var folder = new TemporaryFolder();
        Write(folder);
        var good = Raw.Prepare("sentences", folder.At("raw"), folder.At("out"));
        WrongManifests[manifest].Spoil(good).Write(folder.At("out/manifest.json"));
        var message = Assert.Throws<DataException>(() => PreparedManifest.Read(folder.At("out"))).Message;
        Assert.Contains($"manifest.json: {field}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_smallest_and_the_largest_sizes_of_a_manifest_are_read()
    {
        using var folder = new TemporaryFolder();
        Write(folder);
        var good = Raw.Prepare("sentences", folder.At("raw"), folder.At("out"));
        foreach (var size in new[] { 1, 1 << 15 })
        {
            (good with { Kind = PreparedKind.Images, Height = size, Width = size }).Write(folder.At("out/manifest.json"));
            Assert.Equal(size, PreparedManifest.Read(folder.At("out")).Height);
        }

        foreach (var size in new[] { 1, 1 << 20 })
        {
            (good with { Kind = PreparedKind.Frames, FrameSize = size }).Write(folder.At("out/manifest.json"));
            Assert.Equal(size, PreparedManifest.Read(folder.At("out")).FrameSize);
        }
    }

    [Fact]
    public void A_token_beyond_the_vocabulary_is_named_by_its_place_however_far_behind()
    {
        using var folder = new TemporaryFolder();
        const int Place = 66_000;
        folder.Write("raw.txt", new string('a', Place) + "b" + new string('a', 13_999));
        var good = Raw.Prepare("text-char", folder.At("raw.txt"), folder.At("out"));
        using (var file = new PreparedSplitFile(folder.At("out"), "train", good))
        {
            file.CheckIds(2);
            var message = Assert.Throws<DataException>(() => file.CheckIds(1)).Message;
            Assert.Contains($"sequence 0, token {Place}: id 1", message, StringComparison.Ordinal);
        }

        folder.Write("lines/train.txt", "a b\na c\n");
        folder.Write("lines/valid.txt", "a b\n");
        folder.Write("lines/test.txt", "a b\n");
        var sentences = Raw.Prepare("sentences", folder.At("lines"), folder.At("sentences"));
        using var lines = new PreparedSplitFile(folder.At("sentences"), "train", sentences);
        var second = new int[lines.Length(1)];
        lines.Read(1, 0, second);
        var largest = second.Max();
        var place = Array.IndexOf(second, largest);
        var error = Assert.Throws<DataException>(() => lines.CheckIds(largest));
        Assert.Contains($"sequence 1, token {place}: id {largest}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_split_that_is_not_there_has_no_checksum()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("train.bin", Assert.Throws<DataException>(() => PreparedSplitFile.Checksum(folder.At("train.bin"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sentence_without_its_end_is_refused()
    {
        using var folder = new TemporaryFolder();
        Write(folder);
        var good = Raw.Prepare("sentences", folder.At("raw"), folder.At("out"));
        using (var writer = new PreparedSplitWriter(folder.At("out/train.bin"), sizeof(int)))
        {
            foreach (var sentence in new[] { new[] { 0, 1 }, [0] })
            {
                writer.Append<int>(sentence);
                writer.EndSequence();
            }

            good = good with { Splits = new Dictionary<string, PreparedSplit>(good.Splits) { ["train"] = writer.Complete() } };
        }

        good.Write(folder.At("out/manifest.json"));
        Assert.Contains("sentence 1: 1 token", Assert.Throws<DataException>(() => Raw.Open(folder.At("out"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Splits_can_be_said_and_validation_is_held_out_where_none_is()
    {
        using var folder = new TemporaryFolder();
        folder.Write("test.txt", string.Concat(Enumerable.Repeat("abcdefghi\n", 10)));
        folder.Write("train.txt", "xyz\n");
        PreparedManifest Prepare(string output, params SourcePath[] sources) => PreparationTask.Get("text-char").Run(
            sources, folder.At(output), new PreparationOptions(), (_, _) => { }, TestContext.Current.CancellationToken);
        var manifest = Prepare("said", new(folder.At("test.txt"), "train"), new(folder.At("train.txt"), "test"));
        Assert.Equal([90L, 10L, 4L], PreparedFolder.Splits.Select(split => manifest.Splits[split].Values));
        Assert.Contains("last tenth", manifest.Preparation, StringComparison.Ordinal);
        Assert.Equal(["train", "test"], manifest.Sources.Select(source => source.Split));
        Assert.Throws<DataException>(
            () => Prepare("said", new(folder.At("test.txt"), "train"), new(folder.At("train.txt"), "validation"), new(folder.At("train.txt"), "test")));
        Assert.Contains("two",
            Assert.Throws<DataException>(() => Prepare("short", new(folder.At("test.txt"), "train"), new(folder.Write("one.txt", "x"), "test"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Words_and_characters_of_the_treebank_are_never_joined()
    {
        using var folder = new TemporaryFolder();
        foreach (var split in new[] { "train", "valid", "test" })
        {
            folder.Write($"raw/ptb.{split}.txt", $" {split} of words \n");
            folder.Write($"raw/ptb.char.{split}.txt", " o f _ c h a r s \n");
        }

        var manifest = Raw.Prepare("ptb-char", folder.At("raw"), folder.At("out"));
        Assert.Equal((3, 15L), (Assert.Single(manifest.LeftOut!).Names.Count, manifest.Splits["train"].Values));
        Assert.Contains("ptb.char.",
            Assert.Throws<DataException>(() => Raw.Prepare("text-char", folder.At("raw"), folder.At("text"))).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Fields => new()
    {
        { "format", "\"other\"" }, { "version", "2" }, { "kind", "\"sound\"" }, { "kind", "\"frames\"" }, { "kind", "\"images\"" },
        { "vocabulary_size", "0" }, { "vocabulary_size", "5" }, { "vocabulary_size", "900000000" }, { "is_stream", "true" }, { "sample_rate", "-1" },
        { "sample_rate", "8000" }, { "sources", "null" }, { "licence", "null" }, { "task", "7" }, { "splits", "{}" }, { "splits", "null" },
        { "splits.train.sequences", "4" }, { "splits.train.sequences", "-1" }, { "splits.test.values", "9223372036854775807" },
        { "splits.train.longest", "4" }, { "splits.train.longest", "6" }, { "splits.validation", "null" }, { "splits.test.sha256", "null" },
        { "unknown_field", "1" },
    };

    [Theory]
    [MemberData(nameof(Fields))]
    public void A_changed_field_of_the_manifest_is_an_error_that_names_the_file(string field, string value)
    {
        using var folder = new TemporaryFolder();
        Write(folder);
        Raw.Prepare("sentences", folder.At("raw"), folder.At("out"));
        Raw.Open(folder.At("out"));
        var manifest = JsonNode.Parse(File.ReadAllText(folder.At("out/manifest.json")))!.AsObject();
        var parts = field.Split('.');
        var node = parts[..^1].Aggregate(manifest, (at, part) => at[part]!.AsObject());
        node[parts[^1]] = JsonNode.Parse(value);
        File.WriteAllText(folder.At("out/manifest.json"), manifest.ToJsonString());
        var error = Assert.Throws<DataException>(() => Raw.Open(folder.At("out")));
        Assert.Contains(folder.At("out"), error.Message, StringComparison.Ordinal);
        Assert.Contains("repare", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_or_missing_files_are_errors_that_name_them()
    {
        using var folder = new TemporaryFolder();
        Write(folder);
        Raw.Prepare("sentences", folder.At("raw"), folder.At("out"));
        var path = folder.At("out/train.bin");
        var good = File.ReadAllBytes(path);
        void Refused(byte[] content, string expected)
        {
            File.WriteAllBytes(path, content);
            var error = Assert.Throws<DataException>(() => Raw.Open(folder.At("out")));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        }

        byte[] With(int at, byte value)
        {
            var copy = good.ToArray();
            copy[at] = value;
            return copy;
        }

        // 14 tokens of 3 sentences (5 + 5 + 4): 56 bytes, then offsets 0, 5, 10, 14.
        Assert.Equal(56 + 4 * 8, good.Length);
        Refused(good[..^1], "bytes where");
        Refused([.. good, 0], "bytes where");
        Refused([], "bytes where");
        Refused(With(4, 200), "sequence 0, token 1: id 200");
        Refused(With(3, 0x80), "sequence 0, token 0");
        Refused(With(56, 1), "offset 56");
        Refused(With(64, 6), "offset 56");
        Refused(With(72, 4), "offset 64");
        Refused(With(80, 13), "offset 80");
        File.Delete(path);
        Assert.Contains(path, Assert.Throws<DataException>(() => Raw.Open(folder.At("out"))).Message, StringComparison.Ordinal);
        File.WriteAllBytes(path, good);
        Raw.Open(folder.At("out"));

        foreach (var text in new[] { "[\"a\"]", "{}", "[1,2]", "null", "" })
        {
            File.WriteAllText(folder.At("out/vocabulary.json"), text);
            Assert.Contains("vocabulary.json", Assert.Throws<DataException>(() => Raw.Open(folder.At("out"))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Images_come_as_they_were_in_idx_and_amat_and_validation_is_held_out_where_there_is_none()
    {
        using var folder = new TemporaryFolder();
        byte[] idx = [0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 2, .. Enumerable.Range(0, 80).Select(i => (byte)i)];
        folder.Write("raw/train-images", idx);
        folder.Write("raw/train-labels", [0, 0, 8, 1, 0, 0, 0, 1, 7]);
        folder.Write("raw/test.amat", "0 1 1 0\n1 1 1 1 \n");
        var manifest = Raw.Prepare("images", folder.At("raw"), folder.At("out"));
        Assert.Equal([18L, 2L, 2L], PreparedFolder.Splits.Select(split => manifest.Splits[split].Values));
        Assert.Equal(Enumerable.Range(0, 72).Select(i => (byte)i), File.ReadAllBytes(folder.At("out/train.bin"))[..72]);
        Assert.Equal(Enumerable.Range(72, 8).Select(i => (byte)i), File.ReadAllBytes(folder.At("out/validation.bin"))[..8]);
        var splits = Raw.Open(folder.At("out"), new() { Binarisation = VBiLstm.Configuration.Binarisation.Static });
        Assert.Equal([0, 0, 0, 1, 1, 0], Raw.Frames(splits.Test, 0));
        Assert.Equal((2, 2, TaskUnit.NatsPerImage), (splits.Test.Count, splits.Test.FrameSize, splits.Test.Unit));
    }

    [Theory]
    [InlineData("0 1 1 0\n1 0", "image 1 has 2 pixels")]
    [InlineData("0 1 10 0\n", "right behind another")]
    [InlineData("0 1 1\n", "no square")]
    [InlineData("0,1,1,0\n", "offset 1")]
    [InlineData("", "empty")]
    public void Amat_files_that_are_none_are_refused(string content, string expected)
        => Assert.Contains(expected,
            Assert.Throws<DataException>(() => AmatFile.Read(new MemoryStream(System.Text.Encoding.ASCII.GetBytes(content)), "x.amat")).Message,
            StringComparison.Ordinal);
}
