using Microsoft.Win32.SafeHandles;

namespace VBiLstm.Metrics;

/// <summary>
/// A log that grows: what the disk does not take waits in memory for the next attempt, is told of once, and never ends a training. A file that was deleted
/// under way is told of and begun anew.
/// </summary>
sealed class AppendedFile : IDisposable
{
    const int MostPending = 16 << 20;

    readonly string _path;
    readonly Action<string> _warn;
    readonly MemoryStream _pending = new();
    SafeFileHandle? _file;
    long _length;
    bool _failed, _dropped;

    /// <param name="path">Appended to where it is there.</param>
    /// <param name="warn">Told what could not be written.</param>
    public AppendedFile(string path, Action<string>? warn = null)
    {
        (_path, _warn) = (path, warn ?? (_ => { }));
        Attempt(() => { });
    }

    /// <summary>Appends whole records; each reaches the system at once.</summary>
    public void Append(ReadOnlySpan<byte> record)
    {
        if (_pending.Length + record.Length > MostPending)
        {
            if (!_dropped)
                _warn($"{_path}: what comes now is lost, for the disk has not taken the {MostPending >> 20} MB before.");
            _dropped = true;
            return;
        }

        _pending.Write(record);
        Attempt(WritePending);
    }

    /// <summary>Waits until the disk has what was appended.</summary>
    public void Flush()
    {
        if (_file is not null && !File.Exists(_path))
        {
            _warn($"{_path} was deleted under way; it goes on from here in a new file.");
            _file.Dispose();
            _file = null;
        }

        Attempt(() =>
        {
            WritePending();
            DurableStorage.Flush(_file!, _path);
        });
    }

    void WritePending()
    {
        // At its place, so that half a record of a failed attempt is written over.
        var bytes = _pending.GetBuffer().AsSpan(0, (int)_pending.Length);
        RandomAccess.Write(_file!, bytes, _length);
        _length += bytes.Length;
        _pending.SetLength(0);
        if (_failed)
            _warn($"{_path} can be written again{(_dropped ? "" : "; nothing is missing")}.");
        (_failed, _dropped) = (false, false);
    }

    void Attempt(Action work)
    {
        try
        {
            if (_file is null)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(_path))!);
                _file = File.OpenHandle(_path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
                _length = RandomAccess.GetLength(_file);
            }

            work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_failed)
                _warn($"{_path} cannot be written ({e.Message}); the training goes on, and what belongs there waits in memory.");
            _failed = true;
        }
    }

    public void Dispose()
    {
        Flush();
        _file?.Dispose();
        _pending.Dispose();
    }
}
