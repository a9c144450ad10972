using VBiLstm.Data;

namespace VBiLstm.Tests.Data;

/// <summary>Sequences of frames in memory, [sequence][s_0..s_T][D].</summary>
sealed class ScriptedFrames(float[][][] sequences) : SequenceDataset
{
    public override int Count => sequences.Length;

    public override int FrameSize => sequences[0][0].Length;

    public override int VocabularySize => 0;

    public override int MaximumLength => sequences.Max(sequence => sequence.Length - 1);

    public override TaskUnit Unit => DeclaredUnit;

    public TaskUnit DeclaredUnit { get; init; }

    public override bool CarriesState => Carries;

    public bool Carries { get; init; }

    /// <summary>The epochs that were asked for, in order.</summary>
    public List<long> Epochs { get; } = [];

    public float[][] this[int index] => sequences[index];

    /// <summary>One value a frame.</summary>
    public static ScriptedFrames OfValues(params float[][] sequences)
        => new([.. sequences.Select(sequence => sequence.Select(value => new[] { value }).ToArray())]);

    public override int Length(int index) => sequences[index].Length - 1;

    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        Epochs.Add(epoch);
        for (var k = 0; k <= batch.Steps; k++)
            for (var d = 0; d < FrameSize; d++)
                batch.Frames[(k * batch.BatchSize + row) * FrameSize + d] = k < sequences[index].Length ? sequences[index][k][d] : 0;
    }
}

/// <summary>Sequences of token ids in memory, [sequence][s_0..s_T].</summary>
sealed class ScriptedTokens(int vocabularySize, params int[][] sequences) : SequenceDataset
{
    public override int Count => sequences.Length;

    public override int FrameSize => 0;

    public override int VocabularySize => vocabularySize;

    public override int MaximumLength => sequences.Max(sequence => sequence.Length - 1);

    public override bool CarriesState => Carries;

    public override TaskUnit Unit => DeclaredUnit;

    public bool Carries { get; init; }

    public TaskUnit DeclaredUnit { get; init; }

    public int[] this[int index] => sequences[index];

    public override int Length(int index) => sequences[index].Length - 1;

    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        for (var k = 0; k <= batch.Steps; k++)
            batch.Tokens[k * batch.BatchSize + row] = k < sequences[index].Length ? sequences[index][k] : 0;
    }
}
