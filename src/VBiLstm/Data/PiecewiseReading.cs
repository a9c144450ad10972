namespace VBiLstm.Data;

/// <summary>Reads what a header promises: one that promises much more than the file holds must not make us allocate it.</summary>
static class PiecewiseReading
{
    const int FirstPiece = 1 << 16;

    /// <summary>Reads <paramref name="count"/> bytes of a stream that stands at <paramref name="offset"/>.</summary>
    /// <param name="stream">Read forward.</param>
    /// <param name="count">Bytes, as the file says.</param>
    /// <param name="offset">Named in errors.</param>
    /// <param name="name">Of the file, named in errors.</param>
    /// <param name="what">The bytes are, named in errors.</param>
    /// <exception cref="DataException">The stream ends before, or there are more bytes than an array holds.</exception>
    public static byte[] ReadBytes(Stream stream, long count, long offset, string name, string what)
    {
        if (count > Array.MaxLength)
            throw new DataException($"{name}, offset {offset}: {what} of {count:N0} bytes, more than can be read at once ({Array.MaxLength:N0}); "
                + "cut the file.");
        var bytes = new byte[Math.Min(count, FirstPiece)];
        var used = 0;
        while (used < count)
        {
            if (used == bytes.Length)
                Array.Resize(ref bytes, (int)Math.Min(count, 2L * bytes.Length));
            var read = stream.Read(bytes, used, bytes.Length - used);
            if (read == 0)
                throw new DataException($"{name}, offset {offset + used}: the file ends where {count - used:N0} more bytes of {what} should stand; "
                    + "it is truncated.");
            used += read;
        }

        return bytes;
    }
}
