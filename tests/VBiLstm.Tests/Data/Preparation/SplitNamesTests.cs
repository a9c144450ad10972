using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Tests.Data.Preparation;

public class SplitNamesTests
{
    [Theory]
    [InlineData("ptb.train.txt", "train")]
    [InlineData("TRAIN/DR1/x.wav", "train")]
    [InlineData("trainImages.idx", "train")]
    [InlineData("train2.txt", "train")]
    [InlineData("training_set.txt", "train")]
    [InlineData("x_val.npy", "validation")]
    [InlineData("wsj_dev93.txt", "validation")]
    [InlineData("valid/a.txt", "validation")]
    [InlineData("validation-00000-of-00001.txt", "validation")]
    [InlineData("t10k-images-idx3-ubyte", "test")]
    [InlineData("a/TestSet/b.txt", "test")]
    [InlineData("wiki.test.tokens", "test")]
    [InlineData("enwiki-latest-pages.txt", "")]
    [InlineData("old_testament.txt", "")]
    [InlineData("medieval.txt", "")]
    [InlineData("contest/value.txt", "")]
    [InlineData("strained.txt", "")]
    [InlineData("attest-protest-greatest.txt", "")]
    [InlineData("invalid_device.txt", "")]
    [InlineData("trains.txt", "")]
    [InlineData("train_test_split/a.txt", "")]
    [InlineData("train/test.txt", "train,test")]
    [InlineData("train-and-test.txt", "train,test")]
    public void Only_whole_words_of_folders_and_files_name_splits(string path, string expected)
        => Assert.Equal(expected, string.Join(',', SplitNames.Of(path)));

    static SourceEntry Entry(string path, int source = 0, string? split = null) => new(path, path, source, IsNamed: false, split);

    static string? Resolved(string paths, bool areJoined = true)
    {
        var files = paths.Split(' ').Select(path => Entry(path)).ToList();
        var splits = SplitNames.Resolve(files, ["corpus"], areJoined);
        return splits is null ? null : string.Join(' ', files.Select(file => splits[file][..2]));
    }

    [Theory]
    [InlineData("train.txt")] // the only text is all there is, whatever it is called
    [InlineData("train-and-test.txt")]
    [InlineData("a.txt b.txt")]
    [InlineData("latest.txt contest.txt medieval.txt")]
    public void Files_of_no_split_are_split_by_their_contents(string paths) => Assert.Null(Resolved(paths));

    [Theory]
    [InlineData("train/a.txt train/b.txt valid/a.txt test/a.txt", "tr tr va te")]
    [InlineData("x.train.txt x.test.txt", "tr te")]
    [InlineData("train-00000-of-00002.txt train-00001-of-00002.txt test.txt", "tr tr te")]
    public void Named_files_are_of_their_splits(string paths, string expected) => Assert.Equal(expected, Resolved(paths));

    [Theory]
    [InlineData("train.txt valid.txt test.txt more.txt", "more.txt")]
    [InlineData("train.txt valid.txt", "test split")]
    [InlineData("valid.txt test.txt", "train split")]
    [InlineData("train.txt test/train.txt", "test/train.txt")]
    [InlineData("ptb.train.txt ptb.char.train.txt ptb.test.txt", "ptb.char.train.txt")]
    [InlineData("train.en train.de test.en", "train.de")]
    [InlineData("train.txt TRAIN.txt test.txt", "TRAIN.txt")]
    [InlineData("en/train.txt de/train.txt test.txt", "de/train.txt")]
    public void What_nobody_can_know_is_an_error_that_names_the_file_and_the_way_out(string paths, string expected)
    {
        var error = Assert.Throws<DataException>(() => Resolved(paths)).Message;
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Contains("--train", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_have_one_file_a_split()
    {
        Assert.Equal("tr te", Resolved("train.idx test.idx", areJoined: false));
        Assert.Contains("train-2.idx",
            Assert.Throws<DataException>(() => Resolved("train-1.idx train-2.idx test.idx", areJoined: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_the_sources_speak_where_they_tell_training_from_test()
    {
        SourceEntry[] files = [Entry("a.txt", 0), Entry("a.txt", 1)];
        Assert.Equal(["train", "test"], SplitNames.Resolve(files, ["corpus-train", "corpus-test"], areJoined: true)!.Values);
        Assert.Null(SplitNames.Resolve(files, ["test-run", "other"], areJoined: true));
        Assert.Equal(["train", "train", "test"],
            SplitNames.Resolve([Entry("x", 0, "train"), Entry("test", 1, "train"), Entry("train", 2, "test")], ["a", "b", "c"], areJoined: true)!.Values);
    }
}
