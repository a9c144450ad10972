namespace VBiLstm.Data;

/// <summary>
/// One long sequence of frames as consecutive windows: each begins with the true frame before it, so that every frame but the first is predicted exactly once.
/// </summary>
sealed class FrameStream : SequenceDataset
{
    readonly StreamWindows<float> _windows;

    /// <param name="frames">Of the long sequence, at least two.</param>
    /// <param name="read">Fills a span with whole frames from the given one on.</param>
    /// <param name="frameSize">D.</param>
    /// <param name="window">W, predicted steps of a window.</param>
    /// <param name="carriesState">Whether a window begins with the state that the one before it ended with, or with zeros.</param>
    /// <param name="unit">Of the results.</param>
    /// <param name="name">Named in errors.</param>
    /// <param name="source">What <paramref name="read"/> reads from, disposed with the stream.</param>
    /// <exception cref="DataException">Fewer than two frames, or a window of more values than an array has.</exception>
    public FrameStream(int frames, Action<int, Span<float>> read, int frameSize, int window, bool carriesState, TaskUnit unit, string name,
        IDisposable? source = null)
    {
        if (frames < 2)
            throw new DataException($"{name} holds {frames} frames; windows need at least two, one to read and one to predict.");
        _windows = new StreamWindows<float>(frames, frameSize, window, read, name, source);
        (FrameSize, CarriesState, Unit) = (frameSize, carriesState, unit);
    }

    public override int Count => _windows.Count;

    public override int FrameSize { get; }

    public override int VocabularySize => 0;

    public override int MaximumLength => _windows.MaximumLength;

    public override bool CarriesState { get; }

    public override TaskUnit Unit { get; }

    public override int Length(int index) => _windows.Length(index);

    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        BatchFilling.FillRow(batch, row, _windows.Read(index), behindZeros: false);
    }

    protected override void Dispose(bool disposing)
    {
        _windows.Dispose();
        base.Dispose(disposing);
    }
}
