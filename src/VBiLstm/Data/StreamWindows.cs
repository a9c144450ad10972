namespace VBiLstm.Data;

/// <summary>
/// One long sequence as consecutive windows: window i predicts elements i W + 1 to (i + 1) W from the elements before them, the last one what is left. Every
/// element but the first is predicted exactly once.
/// </summary>
sealed class StreamWindows<T> : IDisposable
{
    readonly Action<int, Span<T>> _read;
    readonly IDisposable? _source;
    readonly int _elements, _width, _window;
    readonly T[] _values;

    /// <param name="elements">Tokens or frames of the long sequence, at least two.</param>
    /// <param name="width">Values of an element: 1, or D.</param>
    /// <param name="window">W, predicted steps of a window.</param>
    /// <param name="read">Fills a span with whole elements from the given one on.</param>
    /// <param name="name">Named in errors.</param>
    /// <param name="source">What <paramref name="read"/> reads from, disposed with the windows.</param>
    /// <exception cref="DataException">A window has more values than an array.</exception>
    public StreamWindows(int elements, int width, int window, Action<int, Span<T>> read, string name, IDisposable? source)
    {
        (_elements, _width, _window, _read, _source) = (elements, width, window, read, source);
        if ((MaximumLength + 1L) * width > Array.MaxLength)
            throw new DataException($"{name}: a window of {MaximumLength:N0} frames of {width:N0} samples is longer than can be read at once "
                + $"({Array.MaxLength:N0} samples); use a smaller data.window.");
        _values = new T[(MaximumLength + 1) * width];
    }

    /// <summary>Windows.</summary>
    public int Count => (_elements - 2) / _window + 1;

    /// <summary>Predicted steps of the longest window.</summary>
    public int MaximumLength => Math.Min(_window, _elements - 1);

    /// <summary>Predicted steps of a window.</summary>
    public int Length(int index) => Math.Min(_window, _elements - 1 - index * _window);

    /// <summary>The element before a window, which is only read, and those of the window; until the next is read.</summary>
    public ReadOnlySpan<T> Read(int index)
    {
        var values = _values.AsSpan(0, (Length(index) + 1) * _width);
        _read(index * _window, values);
        return values;
    }

    public void Dispose() => _source?.Dispose();
}
