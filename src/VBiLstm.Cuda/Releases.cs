namespace VBiLstm.Cuda;

/// <summary>What a class took of native libraries, given back in reverse order: when it is disposed, or at once where its constructor fails half-way.</summary>
sealed class Releases : IDisposable
{
    readonly Stack<Action> _releases = [];

    /// <summary>Has <paramref name="release"/> called once, before those of everything taken earlier.</summary>
    public void Add(Action release) => _releases.Push(release);

    /// <summary>Has it disposed, before everything taken earlier.</summary>
    public T Add<T>(T taken)
        where T : IDisposable
    {
        _releases.Push(taken.Dispose);
        return taken;
    }

    public void Dispose()
    {
        while (_releases.TryPop(out var release))
            release();
    }
}
