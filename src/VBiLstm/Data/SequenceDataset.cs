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

    /// <summary>Predicted steps T of sequence <paramref name="index"/>; it has T+1 tokens or frames.</summary>
    public abstract int Length(int index);

    /// <summary>
    /// Writes s_0..s_T of sequence <paramref name="index"/> into row <paramref name="row"/> of the batch and zeros behind it up
    /// to the batch's <see cref="SequenceBatch.Steps"/>. <paramref name="epoch"/> picks the draw of data that is stochastic per epoch.
    /// </summary>
    public abstract void Fill(int index, long epoch, SequenceBatch batch, int row);

    /// <summary>Closes the file behind the sequences, where there is one.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the file behind the sequences; nothing here.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
