using System.Buffers.Binary;
using VBiLstm.Data;

namespace VBiLstm.Columns;

/// <summary>
/// The directory at the end of a Parquet file, a structure of Thrift's compact protocol. Its library walks lists as long as they say they are; whether they
/// fit is seen here first.
/// </summary>
ref struct ParquetDirectory
{
    const int TailBytes = 8, MostDepth = 64;
    const int True = 1, False = 2, Byte = 3, Int16 = 4, Int32 = 5, Int64 = 6, Double = 7, Binary = 8, List = 9, Set = 10, Map = 11, Structure = 12, Uuid = 13;

    readonly ReadOnlySpan<byte> _content;
    int _at;

    ParquetDirectory(ReadOnlySpan<byte> content) => _content = content;

    /// <summary>Walks the directory of a file, whose position is afterwards where it was.</summary>
    /// <exception cref="DataException">Something in it is longer than what is left of it, or of a type that there is not.</exception>
    public static void Check(Stream stream, string name, string fix)
    {
        if (stream.Length < TailBytes)
            return; // cut, which its library says
        var position = stream.Position;
        var tail = new byte[TailBytes];
        stream.Position = stream.Length - TailBytes;
        stream.ReadExactly(tail);
        if (!tail.AsSpan().EndsWith("PAR1"u8))
        {
            stream.Position = position;
            return; // encrypted or cut, which its library says
        }

        var length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        var begin = stream.Length - TailBytes - length;
        if (begin < 0 || length > Array.MaxLength)
            throw new DataException($"{name}, offset {stream.Length - TailBytes}: a directory of {length:N0} bytes, more than the file has. {fix}");
        var content = new byte[length];
        stream.Position = begin;
        stream.ReadExactly(content);
        stream.Position = position;
        var directory = new ParquetDirectory(content);
        try
        {
            directory.Skip(Structure, 0);
        }
        catch (InvalidDataException e)
        {
            throw new DataException($"{name}, offset {begin + directory._at}, in its directory: {e.Message}; it is damaged. {fix}", e);
        }
    }

    void Skip(int type, int depth)
    {
        if (depth > MostDepth)
            throw new InvalidDataException($"structures in structures, {MostDepth} deep");
        switch (type)
        {
            case True or False: break;
            case Byte: Advance(1, "a byte"); break;
            case Int16 or Int32 or Int64: Number(); break;
            case Double: Advance(sizeof(double), "a real"); break;
            case Uuid: Advance(16, "an identifier"); break;
            case Binary: Advance(Number(), "a text"); break;
            case List or Set: SkipList(depth); break;
            case Map: SkipMap(depth); break;
            case Structure: SkipStructure(depth); break;
            default: throw new InvalidDataException($"a value of type {type}, which there is not");
        }
    }

    void SkipStructure(int depth)
    {
        while (Next() is var field && field != 0)
        {
            if (field >> 4 == 0)
                Number(); // the field's own, where it is not told by its distance
            Skip(field & 15, depth + 1);
        }
    }

    void SkipList(int depth)
    {
        var head = Next();
        var (count, type) = ((ulong)(head >> 4), head & 15);
        if (count == 15)
            count = Number();
        Fits(count, "a list");
        for (var i = 0UL; i < count; i++)
            SkipElement(type, depth);
    }

    void SkipMap(int depth)
    {
        var count = Number();
        if (count == 0)
            return;
        Fits(count, "a map");
        var types = Next();
        for (var i = 0UL; i < count; i++)
        {
            SkipElement(types >> 4, depth);
            SkipElement(types & 15, depth);
        }
    }

    // A truth value, which is in a field's type, takes a byte here.
    void SkipElement(int type, int depth) => Skip(type is True or False ? Byte : type, depth + 1);

    // Every element takes a byte at least.
    readonly void Fits(ulong count, string what)
    {
        if (count > (ulong)(_content.Length - _at))
            throw new InvalidDataException($"{what} of {count:N0} where {_content.Length - _at:N0} bytes are left");
    }

    void Advance(ulong bytes, string what)
    {
        Fits(bytes, what);
        _at += (int)bytes;
    }

    int Next() => _at < _content.Length ? _content[_at++] : throw new InvalidDataException("its end where something should follow");

    ulong Number()
    {
        var number = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Next();
            number |= (ulong)(next & 127) << shift;
            if (next < 128)
                return number;
        }

        throw new InvalidDataException("a whole number of more than 64 bits");
    }
}
