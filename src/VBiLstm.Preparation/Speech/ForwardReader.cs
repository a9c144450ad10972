using VBiLstm.Data;

namespace VBiLstm.Preparation.Speech;

/// <summary>A file read forward only, with the offset for errors and a look at the bytes that come next.</summary>
sealed class ForwardReader(Stream stream, string name)
{
    /// <summary>Bytes that can be looked at.</summary>
    public const int MaximumAhead = 64;

    readonly byte[] _ahead = new byte[MaximumAhead];
    int _start, _end;

    /// <summary>Of the file, named in errors.</summary>
    public string Name { get; } = name;

    /// <summary>Of the next byte.</summary>
    public long Offset { get; private set; }

    /// <summary>The next bytes, which stay where they are; fewer than <paramref name="count"/> at the end of the file.</summary>
    public ReadOnlySpan<byte> Peek(int count)
    {
        _ahead.AsSpan(_start, _end - _start).CopyTo(_ahead);
        (_start, _end) = (0, _end - _start);
        for (int read; _end < count && (read = stream.Read(_ahead, _end, count - _end)) > 0;)
            _end += read;
        return _ahead.AsSpan(0, Math.Min(count, _end));
    }

    /// <summary>Fills as much of a buffer as the file still has and returns how much that is.</summary>
    public int Fill(Span<byte> buffer)
    {
        var used = Math.Min(buffer.Length, _end - _start);
        _ahead.AsSpan(_start, used).CopyTo(buffer);
        _start += used;
        for (int read; used < buffer.Length && (read = stream.Read(buffer[used..])) > 0;)
            used += read;
        Offset += used;
        return used;
    }

    /// <summary>Reads a few bytes, all of which must be there.</summary>
    /// <exception cref="DataException">The file ends before.</exception>
    public byte[] Read(int count, string what)
    {
        var bytes = new byte[count];
        var read = Fill(bytes);
        return read == count ? bytes : throw Truncated(count - read, what);
    }

    /// <summary>Leaves bytes out, all of which must be there.</summary>
    /// <exception cref="DataException">The file ends before.</exception>
    public void Skip(long count, string what)
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (count > 0)
        {
            var read = Fill(buffer[..(int)Math.Min(count, buffer.Length)]);
            if (read == 0)
                throw Truncated(count, what);
            count -= read;
        }
    }

    /// <summary>Leaves the rest out and returns how many bytes it had.</summary>
    public long SkipRest()
    {
        Span<byte> buffer = stackalloc byte[4096];
        var count = 0L;
        for (int read; (read = Fill(buffer)) > 0;)
            count += read;
        return count;
    }

    /// <summary>The error of a file that ends here.</summary>
    public DataException Truncated(long missing, string what)
        => new($"{Name}, offset {Offset}: the file ends where {missing:N0} more bytes of {what} should stand; it is truncated. Get it again.");
}
