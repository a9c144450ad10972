using VBiLstm.Data;

namespace VBiLstm.Tests.Data;

/// <summary>What a program has in memory, as sequences.</summary>
public class SequencesInMemoryTests
{
    static float[] Frames(SequenceDataset data, int index, int steps)
    {
        var batch = new SequenceBatch(steps, 2, data.FrameSize) { Steps = steps };
        Array.Fill(batch.Frames, float.NaN);
        data.Fill(index, 0, batch, 1);
        return [.. Enumerable.Range(0, steps + 1).SelectMany(k => batch.Frames.AsSpan((k * 2 + 1) * data.FrameSize, data.FrameSize).ToArray())];
    }

    [Fact]
    public void Frames_are_rows_of_their_array_and_zeros_behind_it()
    {
        using var data = new FrameSequences(2, [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10]], unit: TaskUnit.BitsPerCharacter);
        Assert.Equal((2, 2, 0, 2, TaskUnit.BitsPerCharacter), (data.Count, data.FrameSize, data.VocabularySize, data.MaximumLength, data.Unit));
        Assert.Equal([2, 1], new[] { data.Length(0), data.Length(1) });
        Assert.Equal([1, 2, 3, 4, 5, 6], Frames(data, 0, 2));
        Assert.Equal([7, 8, 9, 10, 0, 0], Frames(data, 1, 2));
    }

    [Fact]
    public void Behind_zeros_every_frame_is_predicted()
    {
        using var data = new FrameSequences(2, [[1, 2, 3, 4], [5, 6]], behindZeros: true);
        Assert.Equal([2, 1], new[] { data.Length(0), data.Length(1) });
        Assert.Equal([0, 0, 1, 2, 3, 4], Frames(data, 0, 2));
        Assert.Equal([0, 0, 5, 6, 0, 0], Frames(data, 1, 2));
    }

    [Fact]
    public void Tokens_are_those_of_their_array_and_zeros_behind_them()
    {
        using var data = new TokenSequences(9, [[3, 1, 2], [8, 7]]);
        Assert.Equal((2, 0, 9, 2), (data.Count, data.FrameSize, data.VocabularySize, data.MaximumLength));
        var batch = new SequenceBatch(3, 2, 0) { Steps = 3 };
        Array.Fill(batch.Tokens, -1);
        data.Fill(0, 0, batch, 0);
        data.Fill(1, 0, batch, 1);
        Assert.Equal([3, 8, 1, 7, 2, 0, 0, 0], batch.Tokens);
    }

    public static TheoryData<Func<SequenceDataset>, string> Wrong => new()
    {
        { () => new FrameSequences(3, []), "the frames hold no sequence." },
        { () => new FrameSequences(3, [[1, 2, 3, 4]], behindZeros: true), "sequence 0 has 4 values, no whole number of frames of 3" },
        { () => new FrameSequences(2, [[1, 2, 3, 4], [1, 2]], name: "mine"), "mine, sequence 1 has 1 frames; it needs two" },
        { () => new FrameSequences(2, [[]], behindZeros: true), "sequence 0 has 0 frames; it needs one" },
        { () => new FrameSequences(2, [[1, 2, 3, float.NaN]]), "sequence 0, frame 1: a value is NaN" },
        { () => new TokenSequences(3, []), "the tokens hold no sequence." },
        { () => new TokenSequences(3, [[1, 2], [1]]), "sequence 1 has 1 tokens; it needs two" },
        { () => new TokenSequences(3, [[1, 3]], name: "mine"), "mine, sequence 0, token 1: id 3 is not below the vocabulary's size, 3." },
        { () => new TokenSequences(3, [[-1, 0]]), "token 0: id -1" },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void What_cannot_be_trained_on_is_refused_with_its_place(Func<SequenceDataset> create, string message)
        => Assert.Contains(message, Assert.Throws<DataException>(create).Message, StringComparison.Ordinal);
}
