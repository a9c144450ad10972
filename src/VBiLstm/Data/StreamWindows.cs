namespace VBiLstm.Data;

/// <summary>
/// One long sequence as consecutive windows: window i predicts values i W + 1 to (i + 1) W from the values before them, the last one what is left. Every value
/// but the first is predicted exactly once.
/// </summary>
/// <param name="Values">Of the long sequence, at least two.</param>
/// <param name="Window">W, predicted steps of a window.</param>
readonly record struct StreamWindows(int Values, int Window)
{
    /// <summary>Windows.</summary>
    public int Count => (Values - 2) / Window + 1;

    /// <summary>Predicted steps of the longest window.</summary>
    public int MaximumLength => Math.Min(Window, Values - 1);

    /// <summary>The value that a window begins with, which is only read.</summary>
    public int First(int index) => index * Window;

    /// <summary>Predicted steps of a window.</summary>
    public int Length(int index) => Math.Min(Window, Values - 1 - First(index));
}
