using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;

namespace VBiLstm.Data.Prepared;

/// <summary>The file of one split, mapped into memory until the process ends: only what is read takes any.</summary>
public sealed unsafe class MappedSplit
{
    readonly byte* _values;
    readonly long* _offsets;
    readonly long _valueBytes;

    /// <summary>Maps a split and checks its size and where its sequences begin.</summary>
    /// <param name="folder">The prepared folder.</param>
    /// <param name="split">train, validation or test.</param>
    /// <param name="manifest">The folder's manifest, which has the split.</param>
    /// <exception cref="DataException">The file is missing, has another size than the manifest says, or its offsets are damaged.</exception>
    public MappedSplit(string folder, string split, PreparedManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var path = Path.Combine(folder, PreparedManifest.SplitFile(split));
        var facts = manifest.Splits[split];
        _valueBytes = manifest.ValueBytes;
        var padded = ((Int128)facts.Values * _valueBytes + 7) / 8 * 8;
        var expected = padded + 8 * ((Int128)facts.Sequences + 1);
        try
        {
            var length = new FileInfo(path).Length;
            if (length != expected)
                throw new DataException($"{path} has {length:N0} bytes where {facts.Sequences:N0} sequences of {facts.Values:N0} values in all take {expected:N0}; it is damaged or belongs to another manifest. Prepare the data again.");
            using var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            using var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* start = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start); // never released: data sets live as long as the process
            _values = start + view.PointerOffset;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }

        _offsets = (long*)(_values + (long)padded);
        Count = facts.Sequences;
        CheckOffsets(path, facts, (long)padded);
    }

    /// <summary>Sequences.</summary>
    public int Count { get; }

    /// <summary>Values of a sequence.</summary>
    public int Length(int index) => (int)(_offsets[index + 1] - _offsets[index]);

    /// <summary>The bytes of <paramref name="count"/> values of a sequence from value <paramref name="first"/> on, as elements.</summary>
    public ReadOnlySpan<T> Read<T>(int index, int first, int count) where T : unmanaged
    {
        if ((uint)index >= (uint)Count || first < 0 || count < 0 || first + (long)count > Length(index))
            throw new ArgumentOutOfRangeException(nameof(index), $"Values {first} to {first + (long)count} of sequence {index}.");
        return new ReadOnlySpan<T>(_values + (_offsets[index] + first) * _valueBytes, checked((int)(count * _valueBytes / sizeof(T))));
    }

    void CheckOffsets(string path, PreparedSplit facts, long place)
    {
        var longest = 0L;
        for (var i = 0; i < Count; i++)
        {
            var length = _offsets[i + 1] - _offsets[i];
            if (length <= 0 || length > facts.Longest || (i == 0 && _offsets[0] != 0))
                throw new DataException($"{path}, offset {place + 8L * i}: sequence {i} goes from value {_offsets[i]} to {_offsets[i + 1]}, where 1 to {facts.Longest} values should stand behind the sequence before; the file is damaged. Prepare the data again.");
            longest = Math.Max(longest, length);
        }

        if (_offsets[Count] != facts.Values || longest != facts.Longest)
            throw new DataException($"{path}, offset {place + 8L * Count}: the sequences end at value {_offsets[Count]}, the longest has {longest}; the manifest says {facts.Values} and {facts.Longest}. Prepare the data again.");
    }

    /// <summary>The checksum of a split's file, as the manifest holds it.</summary>
    /// <exception cref="DataException">The file cannot be read.</exception>
    public static string Checksum(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
