namespace VBiLstm.Data;

/// <summary>
/// One long sequence of frames as consecutive windows: each begins with the true frame before it, so that every frame but the first is predicted exactly once.
/// </summary>
sealed class FrameStream : SequenceDataset
{
    readonly FrameReader _read;
    readonly IDisposable? _source;
    readonly StreamWindows _windows;
    readonly float[] _values;

    /// <summary>Fills <paramref name="values"/> with whole frames from frame <paramref name="first"/> on.</summary>
    public delegate void FrameReader(int first, Span<float> values);

    /// <param name="frames">Of the long sequence, at least two.</param>
    /// <param name="read">Reads them.</param>
    /// <param name="frameSize">D.</param>
    /// <param name="window">W, predicted steps of a window.</param>
    /// <param name="carriesState">Whether a window begins with the state that the one before it ended with, or with zeros.</param>
    /// <param name="unit">Of the results.</param>
    /// <param name="name">Named in errors.</param>
    /// <param name="source">What <paramref name="read"/> reads from, disposed with the stream.</param>
    /// <exception cref="DataException">Fewer than two frames, or a window of more values than an array has.</exception>
    public FrameStream(int frames, FrameReader read, int frameSize, int window, bool carriesState, TaskUnit unit, string name, IDisposable? source = null)
    {
        if (frames < 2)
            throw new DataException($"{name} holds {frames} frames; windows need at least two, one to read and one to predict.");
        (_windows, _read, _source) = (new StreamWindows(frames, window), read, source);
        (FrameSize, CarriesState, Unit) = (frameSize, carriesState, unit);
        if ((MaximumLength + 1L) * frameSize > Array.MaxLength)
            throw new DataException($"{name}: a window of {MaximumLength:N0} frames of {frameSize:N0} samples is longer than can be read at once "
                + $"({Array.MaxLength:N0} samples); use a smaller data.window.");
        _values = new float[(MaximumLength + 1) * frameSize];
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
        var values = _values.AsSpan(0, (Length(index) + 1) * FrameSize);
        _read(_windows.First(index), values);
        BatchFilling.FillRow(batch, row, values, behindZeros: false);
    }

    protected override void Dispose(bool disposing)
    {
        _source?.Dispose();
        base.Dispose(disposing);
    }
}
