using System.Text;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Preparation;

namespace VBiLstm.Tests.Data.Preparation;

/// <summary>Files that are given to a trained model: one input for each line, image, sequence and recording, coded as its data were.</summary>
public class InputFilesTests
{
    static readonly SplitIdentity None = new(1, 1, "");

    static DataIdentity Identity(TaskUnit unit, params string[] vocabulary)
        => new() { Train = None, Validation = None, Test = None, Unit = unit, Vocabulary = vocabulary };

    static RunConfiguration Tokens(int vocabulary)
        => new() { Model = new ModelConfiguration { OutputDistribution = OutputDistribution.Categorical, VocabularySize = vocabulary } };

    static RunConfiguration Frames(int size) => new() { Model = new ModelConfiguration { OutputDistribution = OutputDistribution.Gaussian, FrameSize = size } };

    static InputFiles Read(RunConfiguration configuration, DataIdentity data, params string[] paths)
        => InputFiles.Read(paths, "--data", configuration, data, cancellation: TestContext.Current.CancellationToken);

    [Fact]
    public void Every_line_is_a_sentence_of_words_also_an_empty_one()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("a.txt", "the cat  sat\r\n\nthe dog");
        var read = Read(Tokens(6), Identity(TaskUnit.Perplexity, "<s>", "</s>", "<unk>", "the", "cat", "sat"), path);
        Assert.Equal([[0, 3, 4, 5, 1], [0, 1], [0, 3, 2, 1]], Enumerable.Range(0, 3).Select(index => Raw.Tokens(read.Sequences, index)));
        Assert.Equal([(path, 1), (path, 2), (path, 3)], read.Names);
        Assert.Empty(read.Remarks);
    }

    [Fact]
    public void Every_line_is_characters_after_the_newline_before_it_up_to_its_own()
    {
        using var folder = new TemporaryFolder();
        var (one, two) = (folder.Write("1.txt", "ab\r\n\n"), folder.Write("2.txt", "é"));
        var read = Read(Tokens(4), Identity(TaskUnit.BitsPerCharacter, "a", "\n", "b", "é"), one, two);
        Assert.Equal([[1, 0, 2, 1], [1, 1], [1, 3, 1]], Enumerable.Range(0, 3).Select(index => Raw.Tokens(read.Sequences, index)));
        Assert.Equal([(one, 1), (one, 2), (two, 1)], read.Names);
    }

    [Fact]
    public void Arrays_of_ids_and_of_frames_are_sequences()
    {
        using var folder = new TemporaryFolder();
        var ids = folder.Write("ids.npy", Npy("<i4", "(2, 3)", [1, 0, 2, 2, 1, 0], BitConverter.GetBytes));
        var read = Read(Tokens(3), Identity(TaskUnit.Perplexity, "0", "1", "2"), ids);
        Assert.Equal([[1, 0, 2], [2, 1, 0]], Enumerable.Range(0, 2).Select(index => Raw.Tokens(read.Sequences, index)));

        var frames = folder.Write("frames.npy", Npy("<f4", "(1, 2, 2)", [1, 2, 3, 4], number => BitConverter.GetBytes((float)number)));
        var whole = folder.Write("whole.npy", Npy("<f4", "(3, 2)", [5, 6, 7, 8, 9, 10], number => BitConverter.GetBytes((float)number)));
        read = Read(Frames(2), Identity(TaskUnit.Nats), frames, whole);
        Assert.Equal([0, 0, 1, 2, 3, 4], Raw.Frames(read.Sequences, 0));
        Assert.Equal([0, 0, 5, 6, 7, 8, 9, 10], Raw.Frames(read.Sequences, 1));
        Assert.Equal([(frames, 1), (whole, 1)], read.Names);
    }

    [Fact]
    public void Recordings_are_standardised_by_the_run_s_scale_and_what_is_no_whole_frame_is_said()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("a.wav", Raw.Riff(Raw.Bytes([100, 300, -100, 500, 700])));
        var read = Read(Frames(2), Identity(TaskUnit.Nats) with { Speech = new SpeechScale(16000, 100, 200) }, path);
        var frames = Raw.Frames(read.Sequences, 0);
        foreach (var (value, expected) in frames.Zip([0, 0, 0, 1, -1, 2]))
            Assert.Equal(expected, value, 0.5 / 200 + 1e-6); // dither moves a sample by half a step at most
        Assert.Contains("1 samples at the ends", Assert.Single(read.Remarks), StringComparison.Ordinal);
    }

    [Fact]
    public void Images_are_rows_of_pixels_whichever_file_they_are_in()
    {
        using var folder = new TemporaryFolder();
        var one = folder.Write("one.npy", Npy("|u1", "(1, 2, 2)", [0, 255, 255, 0], number => [(byte)number]));
        var two = folder.Write("two.npy", Npy("|u1", "(1, 2, 2)", [255, 255, 0, 0], number => [(byte)number]));
        var run = new RunConfiguration { Model = new ModelConfiguration { FrameSize = 2 } };
        var read = Read(run, Identity(TaskUnit.NatsPerImage) with { Height = 2, Width = 2 }, one, two);
        Assert.Equal([0, 0, 0, 1, 1, 0], Raw.Frames(read.Sequences, 0));
        Assert.Equal([0, 0, 1, 1, 0, 0], Raw.Frames(read.Sequences, 1));
        Assert.Equal([(one, 1), (two, 1)], read.Names);
    }

    [Fact]
    public void What_the_model_was_not_trained_on_is_refused_with_its_place()
    {
        using var folder = new TemporaryFolder();
        void Refused(RunConfiguration run, DataIdentity data, string part, string path)
            => Assert.Contains(part, Assert.Throws<DataException>(() => Read(run, data, path)).Message, StringComparison.Ordinal);

        var characters = Identity(TaskUnit.BitsPerCharacter, "a", "b");
        Refused(Tokens(2), characters, "a.txt, line 2, character 3: 'c' is none of the 2 tokens", folder.Write("a.txt", "ab\nabc"));
        Refused(Tokens(2), characters, "b.txt, line 1 is empty", folder.Write("b.txt", "\nab"));
        Refused(Tokens(2), characters, "--data: there is no file or folder", System.IO.Path.Combine(folder.Path, "nowhere"));
        Refused(Tokens(2), characters, "--data: there is no line of text", folder.Write("empty.txt", ""));
        Refused(Tokens(2), Identity(TaskUnit.Perplexity, "0", "1"), "holds token id 2; the model was trained on 2 ids",
            folder.Write("ids.npy", Npy("<i4", "(3,)", [0, 1, 2], BitConverter.GetBytes)));
        Refused(Frames(3), Identity(TaskUnit.Nats), "holds frames of 2; the model was trained on frames of 3",
            folder.Write("frames.npy", Npy("<f4", "(1, 2)", [1, 2], number => BitConverter.GetBytes((float)number))));
        Refused(Frames(2), Identity(TaskUnit.Nats) with { Speech = new SpeechScale(8000, 0, 1) }, "16000 samples a second where the model was trained on 8000",
            folder.Write("a.wav", Raw.Riff(Raw.Bytes([1, 2]))));
        Refused(Frames(2), Identity(TaskUnit.NatsPerImage) with { Height = 3, Width = 2 }, "holds images of 2×2; the model was trained on 3×2",
            folder.Write("images.npy", Npy("|u1", "(1, 2, 2)", [0, 255, 255, 0], number => [(byte)number])));
    }

    static byte[] Npy(string type, string shape, int[] numbers, Func<int, byte[]> bytes)
    {
        var header = Encoding.ASCII.GetBytes($"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}\n");
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. header, .. numbers.SelectMany(bytes)];
    }
}
