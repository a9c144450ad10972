using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PureHDF;
using PureHDF.VOL.Native;
using VBiLstm.Data;

namespace VBiLstm.Columns;

/// <summary>What the numbers of a data set are.</summary>
public enum Hdf5Numbers
{
    TruthValues,
    Unsigned,
    Signed,
    Reals,
}

/// <summary>An array of numbers in a file of HDF5.</summary>
/// <param name="Path">Of the groups and its own name, with /.</param>
/// <param name="Sizes">Of each dimension.</param>
/// <param name="Numbers">What they are.</param>
/// <param name="Bytes">Of one number.</param>
/// <param name="Read">The numbers one behind the other, the last dimension fastest, little-endian.</param>
public sealed record Hdf5Dataset(string Path, IReadOnlyList<long> Sizes, Hdf5Numbers Numbers, int Bytes, Func<byte[]> Read);

/// <summary>The arrays of numbers in a file of HDF5.</summary>
public sealed class Hdf5Datasets : IDisposable
{
    const int MaximumDepth = 16, MaximumObjects = 100_000;
    const string Fix = "Little-endian numbers, plain or packed by gzip, shuffle, scale-offset and n-bit, can be read. Save each array with numpy.save, or "
        + "write the file again so, for instance: h5py.File('OUT.h5', 'w').create_dataset('train', data=a.astype('<f4'), compression='gzip').";

    readonly GuardedStream _stream;
    readonly NativeFile _file;
    readonly string _name;

    /// <param name="stream">The file, which can seek; it stays its owner's.</param>
    /// <param name="name">Named in errors.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="DataException">The file is damaged, or of a version that cannot be read, or the program is one that reads none.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "What is made owns the stream.")]
    public Hdf5Datasets(Stream stream, string name, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(stream);

        // The library makes its decoders by reflection, which machine code throughout (NativeAOT) has none of.
        if (!RuntimeFeature.IsDynamicCodeSupported)
            throw new DataException($"{name}: this release of the program, which is machine code throughout, cannot read HDF5; the .NET tool can (dotnet tool "
                + "install VBiLstm.Cli). Or save each array: python3 -c \"import h5py, numpy; numpy.save('train.npy', h5py.File('FILE')['train'][:])\".");
        stream.Position = 0;
        (_stream, _name) = (new GuardedStream(stream, leaveOpen: true, cancellation), name);
        try
        {
            _file = LibraryFailure.Told($"{name}, as HDF5,", Fix, () => H5File.Open(_stream, leaveOpen: true));
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file begins as HDF5 does.</summary>
    public static bool IsOne(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0x89, .. "HDF\r\n\x1a\n"u8]);

    /// <summary>Every array of numbers.</summary>
    /// <param name="leaveOut">Told what else is in the file, and why it is none.</param>
    /// <exception cref="DataException">The file is damaged.</exception>
    public IReadOnlyList<Hdf5Dataset> List(Action<string, string> leaveOut)
    {
        ArgumentNullException.ThrowIfNull(leaveOut);
        _stream.Restart();
        var found = new List<Hdf5Dataset>();
        var objects = 0;
        LibraryFailure.Told($"{_name}, as HDF5,", Fix, () =>
        {
            Walk(_file, "", 0);
            return 0;
        });
        return found;

        void Walk(IH5Group group, string path, int depth)
        {
            if (depth > MaximumDepth)
                throw new DataException($"{_name}: groups more than {MaximumDepth} deep, or links in a circle, at {Printable.Text(path)}; save each array with "
                    + "numpy.save.");
            foreach (var child in group.Children())
            {
                if (++objects > MaximumObjects)
                    throw new DataException($"{_name}: more than {MaximumObjects:N0} objects; save each split as one array.");
                var own = path.Length == 0 ? child.Name : $"{path}/{child.Name}";
                if (child is IH5Group inner)
                    Walk(inner, own, depth + 1);
                else if (child is not NativeDataset dataset)
                    leaveOut(own, "a link to nothing, or a named type");
                else if (Describe(dataset, own) is { } array)
                    found.Add(array);
                else
                    leaveOut(own, "no numbers");
            }
        }
    }

    // numpy's truth values are an enumeration of one byte.
    Hdf5Dataset? Describe(NativeDataset dataset, string path)
    {
        var size = dataset.Type.Size;
        Hdf5Numbers? numbers = (dataset.Type.Class, size) switch
        {
            (H5DataTypeClass.FixedPoint, 1 or 2 or 4 or 8) => dataset.Type.FixedPoint.IsSigned ? Hdf5Numbers.Signed : Hdf5Numbers.Unsigned,
            (H5DataTypeClass.FloatingPoint, 2 or 4 or 8) => Hdf5Numbers.Reals,
            (H5DataTypeClass.Enumerated, 1) => Hdf5Numbers.TruthValues,
            _ => null,
        };
        return numbers is { } kind && dataset.Space.Type == H5DataspaceType.Simple
            ? new Hdf5Dataset(path, [.. dataset.Space.Dimensions.Select(length => checked((long)length))], kind, size, () => Read(dataset, path, kind, size))
            : null;
    }

    byte[] Read(NativeDataset dataset, string path, Hdf5Numbers kind, int size) => LibraryFailure.Told($"{_name}, data set {Printable.Text(path)},", Fix, () =>
    {
        var count = dataset.Space.Dimensions.Aggregate((Int128)size, (product, length) => product * length);
        if (count > Array.MaxLength)
            throw new DataException($"{_name}, data set {Printable.Text(path)}: {count:N0} bytes, more than can be read at once "
                + $"({Array.MaxLength:N0}); cut it.");
        _stream.Restart();
        var bytes = new byte[(int)count];

        // As numbers of their own type: only so does the library look at the order of their bytes.
        switch (kind, size)
        {
            case (_, 1):
                dataset.Read(MemoryMarshal.Cast<byte, sbyte>(bytes.AsSpan()));
                break;
            case (Hdf5Numbers.Reals, 2):
                dataset.Read(MemoryMarshal.Cast<byte, Half>(bytes.AsSpan()));
                break;
            case (Hdf5Numbers.Reals, 4):
                dataset.Read(MemoryMarshal.Cast<byte, float>(bytes.AsSpan()));
                break;
            case (Hdf5Numbers.Reals, _):
                dataset.Read(MemoryMarshal.Cast<byte, double>(bytes.AsSpan()));
                break;
            case (_, 2):
                dataset.Read(MemoryMarshal.Cast<byte, short>(bytes.AsSpan()));
                break;
            case (_, 4):
                dataset.Read(MemoryMarshal.Cast<byte, int>(bytes.AsSpan()));
                break;
            default:
                dataset.Read(MemoryMarshal.Cast<byte, long>(bytes.AsSpan()));
                break;
        }

        return bytes;
    });

    public void Dispose()
    {
        _file.Dispose();
        _stream.Dispose();
    }
}
