namespace VBiLstm.Data;

/// <summary>Sequences of frames that a program has in memory.</summary>
public sealed class FrameSequences : SequenceDataset
{
    readonly IReadOnlyList<float[]> _sequences;
    readonly bool _behindZeros;

    /// <param name="frameSize">D, values of a frame.</param>
    /// <param name="sequences">Frames one after the other, [T+1, D] each, or [T, D] behind a frame of zeros. The arrays are kept, not copied.</param>
    /// <param name="behindZeros">Whether every sequence begins with a frame of zeros that is not in its array, so that all frames of the array are predicted;
    /// otherwise its first frame is only read.</param>
    /// <param name="unit">Of the results.</param>
    /// <param name="name">Named in errors.</param>
    /// <exception cref="DataException">No sequence, one that is no whole number of frames or predicts none, or a value that is not finite.</exception>
    public FrameSequences(int frameSize, IReadOnlyList<float[]> sequences, bool behindZeros = false, TaskUnit unit = TaskUnit.Nats, string name = "the frames")
    {
        ArgumentNullException.ThrowIfNull(sequences);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(frameSize);
        (FrameSize, _sequences, _behindZeros, Unit) = (frameSize, sequences, behindZeros, unit);
        if (sequences.Count == 0)
            throw new DataException($"{name} hold no sequence.");
        for (var i = 0; i < sequences.Count; i++)
        {
            var values = sequences[i] ?? throw new DataException($"{name}, sequence {i} is null.");
            if (values.Length % frameSize != 0)
                throw new DataException($"{name}, sequence {i} has {values.Length:N0} values, no whole number of frames of {frameSize}.");
            if (Length(i) < 1)
            {
                throw new DataException($"{name}, sequence {i} has {values.Length / frameSize} frames; "
                    + (behindZeros ? "it needs one to predict." : "it needs two, one to read and one to predict."));
            }

            var wrong = Array.FindIndex(values, value => !float.IsFinite(value));
            if (wrong >= 0)
                throw new DataException($"{name}, sequence {i}, frame {wrong / frameSize}: a value is {values[wrong]}, which is not finite.");
        }

        MaximumLength = Enumerable.Range(0, Count).Max(Length);
    }

    /// <inheritdoc/>
    public override int Count => _sequences.Count;

    /// <inheritdoc/>
    public override int FrameSize { get; }

    /// <inheritdoc/>
    public override int VocabularySize => 0;

    /// <inheritdoc/>
    public override int MaximumLength { get; }

    /// <inheritdoc/>
    public override TaskUnit Unit { get; }

    /// <inheritdoc/>
    public override int Length(int index) => _sequences[index].Length / FrameSize - (_behindZeros ? 0 : 1);

    /// <inheritdoc/>
    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        BatchFilling.FillRow(batch, row, _sequences[index], _behindZeros);
    }
}
