using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VBiLstm.Data.Prepared;

/// <summary>
/// The file of one split, open; only where its sequences begin is held in memory. It is read, not mapped: of a mapped file that shrinks or whose disk is gone,
/// the process dies; here it is an error.
/// </summary>
sealed class PreparedSplitFile : IDisposable
{
    readonly SafeFileHandle _file;
    readonly string _path;
    readonly long[] _offsets;
    readonly long _valueBytes;

    /// <summary>Opens a split and checks its size and where its sequences begin.</summary>
    /// <param name="folder">The prepared folder.</param>
    /// <param name="split">train, validation or test.</param>
    /// <param name="manifest">The folder's manifest, which has the split.</param>
    /// <exception cref="DataException">The file is missing, has another size than the manifest says, or its offsets are damaged.</exception>
    public PreparedSplitFile(string folder, string split, PreparedManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        _path = Path.Combine(folder, PreparedManifest.SplitFile(split));
        var facts = manifest.Splits[split];
        _valueBytes = manifest.ValueBytes;
        var padded = ((Int128)facts.Values * _valueBytes + 7) / 8 * 8;
        var expected = padded + 8 * ((Int128)facts.Sequences + 1);
        try
        {
            _file = File.OpenHandle(_path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{_path} cannot be read: {e.Message}", e);
        }

        try
        {
            var length = RandomAccess.GetLength(_file);
            if (length != expected)
                throw new DataException($"{_path} has {length:N0} bytes where {facts.Sequences:N0} sequences of {facts.Values:N0} values in all take "
                    + $"{expected:N0}; it is damaged or belongs to another manifest. Prepare the data again.");
            Count = facts.Sequences;
            Values = facts.Values;
            _offsets = new long[Count + 1];
            ReadBytes(MemoryMarshal.AsBytes(_offsets.AsSpan()), (long)padded);
            CheckOffsets(facts, (long)padded);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Sequences.</summary>
    public int Count { get; }

    /// <summary>Values of all sequences together.</summary>
    public long Values { get; }

    /// <summary>Values of a sequence.</summary>
    public int Length(int index) => (int)(_offsets[index + 1] - _offsets[index]);

    /// <summary>Reads values of a sequence from value <paramref name="first"/> on, as many as fill <paramref name="target"/>.</summary>
    /// <exception cref="DataException">The file has shrunk or its disk is gone.</exception>
    public void Read<T>(int index, int first, Span<T> target) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(target);
        if ((uint)index >= (uint)Count || first < 0 || first * _valueBytes + bytes.Length > Length(index) * _valueBytes)
            throw new ArgumentOutOfRangeException(nameof(index), $"{bytes.Length} bytes from value {first} of sequence {index} on.");
        ReadBytes(bytes, (_offsets[index] + first) * _valueBytes);
    }

    /// <summary>Checks that every token id is below the vocabulary's size.</summary>
    /// <exception cref="DataException">One is not; the message names its place.</exception>
    public void CheckIds(int vocabularySize)
    {
        var ids = new int[1 << 16];
        for (var start = 0L; start < Values; start += ids.Length)
        {
            var part = ids.AsSpan(0, (int)Math.Min(ids.Length, Values - start));
            ReadBytes(MemoryMarshal.AsBytes(part), start * sizeof(int));
            for (var i = 0; i < part.Length; i++)
            {
                if ((uint)part[i] < (uint)vocabularySize)
                    continue;
                var found = Array.BinarySearch(_offsets, start + i);
                var sequence = found >= 0 ? found : ~found - 1;
                throw new DataException($"{_path}, sequence {sequence}, token {start + i - _offsets[sequence]}: "
                    + $"id {part[i]} is not below the vocabulary's size, {vocabularySize}. Prepare the data again.");
            }
        }
    }

    void ReadBytes(Span<byte> target, long offset)
    {
        try
        {
            while (!target.IsEmpty)
            {
                var read = RandomAccess.Read(_file, target, offset);
                if (read == 0)
                    throw new DataException($"{_path}, offset {offset}: the file ends where {target.Length:N0} more bytes stood when it was opened; "
                        + "somebody cut it. Bring it back, or prepare the data again.");
                target = target[read..];
                offset += read;
            }
        }
        catch (IOException e)
        {
            throw new DataException($"{_path}, offset {offset}: cannot be read on: {e.Message} Is its disk still there?", e);
        }
    }

    void CheckOffsets(PreparedSplit facts, long place)
    {
        var longest = 0L;
        for (var i = 0; i < Count; i++)
        {
            var length = _offsets[i + 1] - _offsets[i];
            if (length <= 0 || length > facts.Longest || (i == 0 && _offsets[0] != 0))
                throw new DataException($"{_path}, offset {place + 8L * i}: sequence {i} goes from value {_offsets[i]} to {_offsets[i + 1]}, "
                    + $"where 1 to {facts.Longest} values should stand behind the sequence before; the file is damaged. Prepare the data again.");
            longest = Math.Max(longest, length);
        }

        if (_offsets[Count] != facts.Values || longest != facts.Longest)
            throw new DataException($"{_path}, offset {place + 8L * Count}: the sequences end at value {_offsets[Count]}, the longest has {longest}; "
                + $"the manifest says {facts.Values} and {facts.Longest}. Prepare the data again.");
    }

    /// <summary>The checksum of a split's file, as the manifest holds it.</summary>
    /// <exception cref="DataException">The file cannot be read.</exception>
    public static string Checksum(string path)
    {
        try
        {
            using var file = SharedFile.OpenRead(path);
            return Sha256Sum.Of(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }
    }

    public void Dispose() => _file.Dispose();
}
