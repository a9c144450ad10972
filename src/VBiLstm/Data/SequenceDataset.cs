namespace VBiLstm.Data;

/// <summary>Sequences of one split, addressed by number.</summary>
public abstract class SequenceDataset : IDisposable
{
    /// <summary>Number of sequences.</summary>
    public abstract int Count { get; }

    /// <summary>D for frames; 0 for token ids.</summary>
    public abstract int FrameSize { get; }

    /// <summary>V for token ids; 0 for frames.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Predicted steps of the longest sequence.</summary>
    public abstract int MaximumLength { get; }

    /// <summary>
    /// Whether sequence i + 1 goes on where sequence i ends. Each row of a batch then reads consecutive sequences, and the state is carried from one to the
    /// next.
    /// </summary>
    public virtual bool CarriesState => false;

    /// <summary>The unit of the data set's tables; nats where none was declared.</summary>
    public virtual TaskUnit Unit => TaskUnit.Nats;

    /// <summary>Predicted steps T of a sequence; it has T+1 tokens or frames.</summary>
    /// <param name="index">Its number, from 0.</param>
    public abstract int Length(int index);

    /// <summary>Whether all sequences have <see cref="MaximumLength"/> steps and none goes on where another ended.</summary>
    internal bool HasEqualLengths => !CarriesState && Enumerable.Range(0, Count).All(index => Length(index) == MaximumLength);

    /// <summary>
    /// Writes s_0..s_T of a sequence into a row of the batch (<see cref="SequenceBatch.Frames"/> or <see cref="SequenceBatch.Tokens"/>), and zeros behind it
    /// up to s_{<see cref="SequenceBatch.Steps"/>}.
    /// </summary>
    /// <param name="index">Number of the sequence, from 0.</param>
    /// <param name="epoch">Picks the draw of data that is stochastic per epoch; the same epoch gives the same bits.</param>
    /// <param name="batch">Whose row is written.</param>
    /// <param name="row">From 0.</param>
    /// <exception cref="DataException">The sequence cannot be read; a training saves what it has and ends.</exception>
    public abstract void Fill(int index, long epoch, SequenceBatch batch, int row);

    /// <summary>Closes the file behind the sequences, where there is one.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the file behind the sequences; nothing here.</summary>
    /// <param name="disposing">True.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
