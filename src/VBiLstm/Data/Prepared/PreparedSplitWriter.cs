using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace VBiLstm.Data.Prepared;

/// <summary>
/// Writes the file of one split as its sequences come: the values one after the other, zeros up to a multiple of 8 bytes, then the begin of each sequence
/// and the end of the last as int64, counted in values; little-endian. The file is there when it is complete.
/// </summary>
sealed class PreparedSplitWriter : IDisposable
{
    readonly string _path, _aside;
    readonly int _valueBytes;
    readonly FileStream _file;
    readonly IncrementalHash _hash = Sha256Sum.Begin();
    readonly List<long> _ends = [];
    long _values, _begin;
    int _longest;

    /// <param name="path">The split's file.</param>
    /// <param name="valueBytes">Bytes of a token, a frame or an image.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public PreparedSplitWriter(string path, int valueBytes)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("Prepared data are little-endian; this machine is not.");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(valueBytes);
        (_path, _aside, _valueBytes) = (path, path + ".tmp", valueBytes);
        _file = new FileStream(_aside, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
    }

    /// <summary>Sequences ended so far.</summary>
    public int Sequences => _ends.Count;

    /// <summary>Values written so far.</summary>
    public long Values => _values;

    /// <summary>Adds values to the sequence that is being written: whole tokens, frames or images.</summary>
    public void Append<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        if (bytes.Length % _valueBytes != 0)
            throw new ArgumentException($"{bytes.Length} bytes are not a whole number of values of {_valueBytes} bytes.", nameof(values));
        Write(bytes);
        _values += bytes.Length / _valueBytes;
    }

    /// <summary>Ends the sequence; one without values is not counted.</summary>
    /// <exception cref="DataException">More values than a sequence can have.</exception>
    public void EndSequence()
    {
        if (_values == _begin)
            return;
        if (_values - _begin > int.MaxValue)
            throw new DataException($"{_path}: a sequence of {_values - _begin:N0} values; {int.MaxValue:N0} are the most. Split the source, "
                + "or take a part of it.");
        _longest = (int)Math.Max(_longest, _values - _begin);
        _begin = _values;
        _ends.Add(_values);
    }

    /// <summary>Writes where the sequences begin, flushes to disk and gives the file its name.</summary>
    public PreparedSplit Complete()
    {
        EndSequence();
        Write(new byte[(8 - _values * _valueBytes % 8) % 8]);
        Span<long> start = [0];
        Write(MemoryMarshal.AsBytes(start));
        Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_ends)));
        _file.Flush(flushToDisk: true);
        _file.Dispose();
        SharedFile.Replace(_aside, _path);
        return new PreparedSplit { Sequences = _ends.Count, Values = _values, Longest = _longest, Sha256 = Sha256Sum.Of(_hash) };
    }

    void Write(ReadOnlySpan<byte> bytes)
    {
        _file.Write(bytes);
        _hash.AppendData(bytes);
    }

    public void Dispose()
    {
        _file.Dispose();
        _hash.Dispose();
        File.Delete(_aside);
    }
}
