using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using VBiLstm.Columns;
using VBiLstm.Data;

namespace VBiLstm.Preparation;

/// <summary>One array of numpy's format .npy, versions 1 to 3; .npz is a zip archive of such files.</summary>
public static partial class NpyFile
{
    const int MagicBytes = 6, MaximumHeaderBytes = 1 << 20;

    /// <summary>Whether a file begins as this format.</summary>
    public static bool IsOne(ReadOnlySpan<byte> head) => head.Length >= MagicBytes && head[0] == 0x93 && head[1..].StartsWith("NUMPY"u8);

    /// <summary>Reads an array of numbers.</summary>
    /// <param name="stream">Read to its end, forward only.</param>
    /// <param name="name">Named in errors.</param>
    /// <exception cref="DataException">Not numbers, damaged, or more than can be read at once.</exception>
    internal static NumberArray Read(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var head = new byte[MagicBytes + 2];
        if (stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length || !IsOne(head))
            throw new DataException($"{name}, offset 0: the file does not begin as an .npy file does; it is truncated, or none.");
        var version = head[MagicBytes];
        if (version is < 1 or > 3)
            throw new DataException($"{name}, offset {MagicBytes}: version {version} of .npy; 1 to 3 can be read. Save it again with numpy.save.");
        var size = PiecewiseReading.ReadBytes(stream, version == 1 ? 2 : 4, head.Length, name, "the header's length");
        var length = version == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(size) : BinaryPrimitives.ReadUInt32LittleEndian(size);
        if (length > MaximumHeaderBytes)
            throw new DataException($"{name}, offset {head.Length}: a header of {length:N0} bytes; {MaximumHeaderBytes:N0} are the most. The file is damaged.");
        var header = Encoding.UTF8.GetString(PiecewiseReading.ReadBytes(stream, length, head.Length + size.Length, name, "the header"));
        var (kind, bytes, isBigEndian) = Type(header, name);
        if (FortranOrder().Match(header) is not { Success: true } order || Shape().Match(header) is not { Success: true } shape)
            throw new DataException($"{name}, offset {head.Length + size.Length}: a header without fortran_order or shape: {Printable.Text(header.Trim())}");
        var (sizes, count) = (new List<int>(), 1L);
        foreach (var text in shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!int.TryParse(text.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out var one) || one == 0
                || (Int128)count * one * bytes > Array.MaxLength)
                throw new DataException($"{name}: an array of the shape ({Printable.Text(shape.Groups[1].Value)}), "
                    + $"which is empty or more than can be read at once ({Array.MaxLength:N0} bytes); cut it.");
            sizes.Add(one);
            count *= one;
        }

        var offset = head.Length + size.Length + length;
        var content = PiecewiseReading.ReadBytes(stream, count * bytes, offset, name, $"{string.Join('×', sizes)} numbers");
        if (stream.ReadByte() >= 0)
            throw new DataException($"{name}, offset {offset + content.Length}: data behind the last of {string.Join('×', sizes)} numbers; "
                + "the header does not fit the file.");
        return new NumberArray(sizes, kind, bytes, isBigEndian, order.Groups[1].Value == "True" && sizes.Count > 1, content);
    }

    /// <summary>Writes an array of float32, the last dimension fastest, as version 1.0.</summary>
    /// <param name="path">The file; an old one stays whole until the new one is.</param>
    /// <param name="values">As many as the sizes' product.</param>
    /// <param name="sizes">Of each dimension.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, float[] values, IReadOnlyList<int> sizes)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(sizes);
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("Arrays are written little-endian; this machine is not.");
        var head = Head("<f4", sizes);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(head);
            stream.Write(MemoryMarshal.AsBytes(values.AsSpan()));
        });
    }

    /// <summary>What stands before the numbers of an array of HDF5, as if it were a file of this format.</summary>
    internal static byte[] Head(Hdf5Dataset dataset)
    {
        var kind = dataset.Numbers switch { Hdf5Numbers.TruthValues => 'b', Hdf5Numbers.Unsigned => 'u', Hdf5Numbers.Signed => 'i', _ => 'f' };
        return Head($"{(dataset.Bytes == 1 ? '|' : '<')}{kind}{dataset.Bytes}", dataset.Sizes);
    }

    // The numbers begin at a multiple of 64 bytes.
    static byte[] Head<T>(string type, IReadOnlyList<T> sizes)
    {
        var text = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({string.Join(", ", sizes)}{(sizes.Count == 1 ? "," : "")}), }}";
        var length = (MagicBytes + 4 + text.Length + 1 + 63) / 64 * 64 - MagicBytes - 4;
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)length, (byte)(length >> 8), .. Encoding.ASCII.GetBytes(text.PadRight(length - 1) + "\n")];
    }

    static (NumberKind Kind, int Bytes, bool IsBigEndian) Type(string header, string name)
    {
        var match = Description().Match(header);
        var text = match.Success ? match.Groups[1].Value : "a structure";
        var isBigEndian = text.StartsWith('>');
        return text.TrimStart('<', '>', '|', '=') switch
        {
            "b1" => (NumberKind.Boolean, 1, false),
            "u1" or "u2" or "u4" or "u8" => (NumberKind.Unsigned, text[^1] - '0', isBigEndian),
            "i1" or "i2" or "i4" or "i8" => (NumberKind.Signed, text[^1] - '0', isBigEndian),
            "f2" or "f4" or "f8" => (NumberKind.Real, text[^1] - '0', isBigEndian),
            _ => throw new DataException($"{name}: an array of {Printable.Text(text)}{(text.Contains('O', StringComparison.Ordinal) ? " (objects)" : "")}, "
                + "not of numbers; save it as numbers of one type: numpy.save('FILE.npy', numpy.stack(list).astype('float32'))."),
        };
    }

    [GeneratedRegex("['\"]descr['\"]\\s*:\\s*['\"]([^'\"]*)['\"]")]
    private static partial Regex Description();

    [GeneratedRegex("['\"]fortran_order['\"]\\s*:\\s*(True|False)")]
    private static partial Regex FortranOrder();

    [GeneratedRegex("['\"]shape['\"]\\s*:\\s*\\(([^)]*)\\)")]
    private static partial Regex Shape();
}
