using System.IO.Compression;
using System.Text;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Preparation;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Tests.Data.Preparation;

public class TextPreparationTests
{
    static readonly string[] SentenceArchives = ["sentence_polarity.zip", "subjectivity.zip", "movie_reviews.zip"];

    static string Text(DataSplits splits, SequenceDataset data)
        => string.Concat(Enumerable.Range(0, data.Count).SelectMany(i => i == 0 ? Raw.Tokens(data, i) : Raw.Tokens(data, i)[1..])
            .Select(id => splits.Vocabulary[id]));

    static string[] Sentence(DataSplits splits, SequenceDataset data, int index) => [.. Raw.Tokens(data, index).Select(id => splits.Vocabulary[id])];

    [Fact]
    public void Ptb_lines_are_stripped_and_end_in_a_newline()
    {
        using var folder = new TemporaryFolder();
        folder.Write("raw/ptb.train.txt", " no it was n't \n <unk> N\n");
        folder.Write("raw/ptb.valid.txt", " was it\n");
        folder.Write("raw/ptb.test.txt", " it"); // the last line without its newline
        var manifest = Raw.Prepare("ptb-char", folder.At("raw"), folder.At("out"));
        var splits = Raw.Open(folder.At("out"), new DataConfiguration { Window = 4 });
        Assert.Equal("no it was n't\n<unk> N\n", Text(splits, splits.Train));
        Assert.Equal("was it\n", Text(splits, splits.Validation));
        Assert.Equal("it\n", Text(splits, splits.Test));
        Assert.Equal("\n '<>Naiknostuw".Order().Distinct().Select(c => c.ToString()), splits.Vocabulary);
        Assert.Equal((TaskUnit.BitsPerCharacter, true, 4), (splits.Train.Unit, splits.Train.CarriesState, splits.Train.MaximumLength));
        Assert.Equal(22, manifest.Splits["train"].Values);
        Assert.EndsWith("22/7/3 tokens, vocabulary 15, windows of 4, state carried", splits.Description, StringComparison.Ordinal);
        var fresh = Raw.Open(folder.At("out"), new DataConfiguration { Window = 4, CarryState = false });
        Assert.EndsWith("windows of 4", fresh.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_text_is_cut_into_90_5_and_5_percent_with_every_character_as_it_stands()
    {
        using var folder = new TemporaryFolder();
        var text = string.Concat(Enumerable.Range(0, 40).Select(i => $"é€😀\r\n {i % 7}"));
        folder.Write("some.txt", text);
        Raw.Prepare("text-char", folder.At("some.txt"), folder.At("out"));
        var splits = Raw.Open(folder.At("out"), new DataConfiguration { CarryState = false });
        var runes = text.EnumerateRunes().Select(rune => rune.ToString()).ToArray();
        Assert.Equal(280, runes.Length);
        Assert.Equal(string.Concat(runes[..252]), Text(splits, splits.Train));
        Assert.Equal(string.Concat(runes[252..266]), Text(splits, splits.Validation));
        Assert.Equal(string.Concat(runes[266..]), Text(splits, splits.Test));
        Assert.False(splits.Train.CarriesState);

        Raw.Prepare("text-char", folder.At("some.txt"), folder.At("cut"), new PreparationOptions { TrainingCharacters = 11 });
        splits = Raw.Open(folder.At("cut"));
        Assert.Equal(string.Concat(runes[..11]), Text(splits, splits.Train));
        Assert.Equal(string.Concat(runes[266..]), Text(splits, splits.Test));
    }

    [Fact]
    public void Long_lines_and_lines_across_reads_stay_whole()
    {
        using var folder = new TemporaryFolder();
        var random = new Random(7);
        var text = string.Join('\n', Enumerable.Range(0, 60).Select(_ => new string('x', random.Next(9000)) + random.Next(100)));
        folder.Write("train.txt", text);
        folder.Write("valid.txt", new string('x', 300_000) + "0123456789\n");
        folder.Write("test.txt", "x1");
        var source = folder.At("");
        Raw.Prepare("text-char", source, folder.At("../" + Path.GetFileName(source.TrimEnd('/')) + "-out"));
        var splits = Raw.Open(folder.At("../" + Path.GetFileName(source.TrimEnd('/')) + "-out"));
        Directory.Delete(folder.At("../" + Path.GetFileName(source.TrimEnd('/')) + "-out"), recursive: true);
        Assert.Equal(text, Text(splits, splits.Train));
        Assert.Equal(300_011, splits.Validation.Count == 0 ? 0 : Text(splits, splits.Validation).Length);
    }

    [Fact]
    public void Sentences_of_the_named_splits_are_words_of_the_most_frequent_between_their_marks()
    {
        using var folder = new TemporaryFolder();
        folder.Write("raw/train.txt", "a b a\n b  a c\t\nalone\none two three four five\n a d\n");
        folder.Write("raw/valid.txt", "a e\n");
        folder.Write("raw/test.txt", "b <s>\na e");
        var manifest = Raw.Prepare("sentences", folder.At("raw"), folder.At("out"), new PreparationOptions { Vocabulary = 6, MaximumWords = 4 });
        var splits = Raw.Open(folder.At("out"));
        Assert.Equal(["<s>", "</s>", "<unk>", "a", "b", "c"], splits.Vocabulary); // a 4, b 2, then c before d
        Assert.Equal([["<s>", "a", "b", "a", "</s>"], ["<s>", "b", "a", "c", "</s>"], ["<s>", "a", "<unk>", "</s>"]],
            Enumerable.Range(0, 3).Select(i => Sentence(splits, splits.Train, i)));
        Assert.Equal(["<s>", "a", "<unk>", "</s>"], Sentence(splits, splits.Validation, 0));
        Assert.Equal([["<s>", "b", "<unk>", "</s>"], ["<s>", "a", "<unk>", "</s>"]], Enumerable.Range(0, 2).Select(i => Sentence(splits, splits.Test, i)));
        Assert.Equal((4, TaskUnit.Perplexity, 3), (splits.Train.MaximumLength, splits.Train.Unit, splits.Train.Length(2)));
        Assert.Equal((1, 1, 4),
            (manifest.Statistics["lines_under_2_words"], manifest.Statistics["sentences_too_long"], manifest.Statistics["distinct_training_words"]));
    }

    [Fact]
    public void Sentences_without_named_splits_come_once_in_one_split_whatever_file_they_stand_in()
    {
        using var folder = new TemporaryFolder();
        var sentences = Enumerable.Range(0, 400).Select(i => $"w{i % 20} v{i / 20} {(i % 3 == 0 ? "x" : "y")}").ToArray();
        folder.Write("raw/one.txt", string.Join('\n', sentences.Take(250)));
        folder.Write("raw/two.txt", string.Join('\n', sentences.Skip(150)));
        folder.Write("raw/README.txt", "not a sentence of the set");
        var manifest = Raw.Prepare("sentences", folder.At("raw"), folder.At("out"));
        var splits = Raw.Open(folder.At("out"));
        var all = new[] { splits.Train, splits.Validation, splits.Test }
            .Select(data => Enumerable.Range(0, data.Count).Select(i => string.Join(' ', Sentence(splits, data, i)[1..^1])).ToList()).ToList();
        Assert.Equal(400, all.Sum(split => split.Count));
        Assert.Equal(100, manifest.Statistics["repeated_sentences"]);
        var known = splits.Vocabulary.ToHashSet();
        Assert.Equal(sentences.Where(sentence => sentence.Split(' ').All(known.Contains)).Order(),
            all.SelectMany(split => split).Where(sentence => !sentence.Contains("<unk>")).Order());
        Assert.InRange(all[0].Count, 290, 350);
        Assert.InRange(all[1].Count, 20, 65);
    }

    [Fact]
    public void Latin_1_text_must_be_asked_for()
    {
        using var folder = new TemporaryFolder();
        folder.Write("some.txt", Encoding.Latin1.GetBytes("well known words\nthe café is open\nthe end\n"));
        var error = Assert.Throws<DataException>(() => Raw.Prepare("sentences", folder.At("some.txt"), folder.At("out")));
        Assert.Contains("some.txt, offset 24", error.Message, StringComparison.Ordinal);
        Assert.Contains("--encoding latin-1", error.Message, StringComparison.Ordinal);
        Raw.Prepare("text-char", folder.At("some.txt"), folder.At("out"), new PreparationOptions { Encoding = TextEncoding.Latin1 });
        Assert.Contains("é", Raw.Open(folder.At("out")).Vocabulary);
    }

    [Theory]
    [InlineData("text-char", "a.txt", "ab\0c", "offset 2: a NUL byte")]
    [InlineData("text-char", "a.txt", "", "no text")]
    [InlineData("sentences", "a.txt", "", "no sentence of 2 to 15 words")]
    [InlineData("sentences", "train.txt", "a b", "nothing is left for the validation split")]
    [InlineData("ptb-char", "ptb.train.txt", "a b", "no files for the splits")]
    [InlineData("text-char", "a.train.txt", "a b", "nothing is left for the validation split")]
    [InlineData("timit", "a.wav", "RIFF", "no training recording")]
    [InlineData("images", "train.amat", "0 1 0 2", "offset 6")]
    public void What_cannot_be_a_data_set_is_refused_with_the_reason(string task, string name, string content, string expected)
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<DataException>(() => Raw.Prepare(task, folder.Write(name, content), folder.At("out")));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.False(Path.Exists(folder.At("out")), "Nothing is left of a preparation that failed.");
    }

    [Fact]
    public void A_failed_preparation_leaves_what_was_in_the_folder_before()
    {
        using var folder = new TemporaryFolder();
        folder.Write("out/notes", "mine");
        Assert.Throws<DataException>(() => Raw.Prepare("text-char", folder.Write("a.train.txt", "a b"), folder.At("out")));
        Assert.Equal([folder.At("out/notes")], Directory.GetFileSystemEntries(folder.At("out")));
    }

    [Fact]
    public void The_manifest_says_the_licence_that_lies_beside_the_data()
    {
        using var folder = new TemporaryFolder();
        folder.Write("source/text.txt", string.Concat(Enumerable.Repeat("Some text of many words. ", 40)));
        Assert.Equal("As the source says.", Raw.Prepare("text-char", folder.At("source"), folder.At("without")).Licence);
        folder.Write("source/LICENCE.txt", "\nCC BY 4.0, somebody\nand more of it\n");
        var manifest = Raw.Prepare("text-char", folder.At("source"), folder.At("with"));
        Assert.Equal("CC BY 4.0, somebody (LICENCE.txt)", manifest.Licence);
        Assert.Contains("LICENCE.txt", Assert.Single(Assert.Single(manifest.LeftOut!).Names!), StringComparison.Ordinal);
    }

    [Fact]
    public void Archives_are_read_like_folders_and_their_checksums_checked()
    {
        using var folder = new TemporaryFolder();
        var files = new (string Name, string Text)[]
        {
            ("a/train.txt", "one two\n"), ("a/valid.txt", "two one\n"), ("a/test.txt", "one one\n"), ("__MACOSX/._train.txt", "junk"),
        };
        var zip = folder.At("some.bin");
        using (var archive = ZipFile.Open(zip, ZipArchiveMode.Create))
        {
            foreach (var (name, text) in files)
            {
                using var stream = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
                stream.Write(Encoding.UTF8.GetBytes(text));
            }
        }

        foreach (var (name, text) in files)
            folder.Write("raw/" + name, text);
        var tar = folder.At("some.tgz");
        using (var stream = new GZipStream(File.Create(tar), CompressionLevel.Fastest))
            System.Formats.Tar.TarFile.CreateFromDirectory(folder.At("raw"), stream, includeBaseDirectory: false);

        var sums = new List<string>();
        foreach (var source in new[] { zip, tar, folder.At("raw/a") })
        {
            Raw.Prepare("sentences", source, folder.At($"out{sums.Count}"));
            sums.Add(File.ReadAllText(folder.At($"out{sums.Count}/vocabulary.json"))
                + Convert.ToHexString(File.ReadAllBytes(folder.At($"out{sums.Count}/test.bin"))));
        }

        Assert.Single(sums.Distinct());

        var bytes = File.ReadAllBytes(zip);
        bytes[bytes.AsSpan().IndexOf("two one"u8)] ^= 1;
        File.WriteAllBytes(zip, bytes);
        var error = Assert.Throws<DataException>(() => Raw.Prepare("sentences", zip, folder.At("damaged")));
        Assert.Contains("a/valid.txt", error.Message, StringComparison.Ordinal);
        Assert.Contains("checksum", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_real_texts_have_their_published_counts()
    {
        var ptb = SharedData.Find("ptb.zip");
        Assert.SkipWhen(ptb is null, "Needs ptb.zip: set VBILSTM_DATA to its folder. The tests above cover the same code with texts of their own.");
        using var folder = new TemporaryFolder();
        var manifest = Raw.Prepare("ptb-char", ptb!, folder.At("ptb"));
        Assert.Equal((50, 5_017_482L, 393_042L, 442_423L),
            (manifest.VocabularySize, manifest.Splits["train"].Values, manifest.Splits["validation"].Values, manifest.Splits["test"].Values));

        manifest = Raw.Prepare("text-char", SharedData.Find("tinyshakespeare.txt")!, folder.At("shakespeare"));
        Assert.Equal((65, 1_115_394L), (manifest.VocabularySize, manifest.Splits.Values.Sum(split => split.Values)));

        var sentences = SentenceArchives.Select(name => new SourcePath(SharedData.Find(name)!)).ToList();
        manifest = PreparationTask.Get("sentences").Run(sentences, folder.At("imdb"), new PreparationOptions { Encoding = TextEncoding.Latin1 },
            (_, _) => { }, TestContext.Current.CancellationToken);
        Assert.Equal((16_000, 23_735, 17), (manifest.VocabularySize, manifest.Splits.Values.Sum(split => split.Sequences), manifest.Splits["train"].Longest));
        Assert.Equal(23_735, manifest.Statistics["sentences"]);
    }
}
