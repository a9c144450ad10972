using System.Buffers.Binary;

namespace VBiLstm.Data;

/// <summary>What the elements of an array are.</summary>
enum NumberKind
{
    Boolean,
    Unsigned,
    Signed,
    Real,
}

/// <summary>Numbers as a file holds them.</summary>
/// <param name="Sizes">Of each dimension.</param>
/// <param name="Kind">What they are.</param>
/// <param name="Bytes">Of one number.</param>
/// <param name="IsBigEndian">Order of its bytes.</param>
/// <param name="IsFortranOrder">Whether the first dimension runs fastest, not the last.</param>
/// <param name="Content">The numbers one behind the other.</param>
sealed record NumberArray(IReadOnlyList<int> Sizes, NumberKind Kind, int Bytes, bool IsBigEndian, bool IsFortranOrder, byte[] Content)
{
    /// <summary>How many numbers there are.</summary>
    public long Count { get; } = Content.Length / Bytes;

    /// <summary>The number at a place counted with the last dimension fastest.</summary>
    public double this[long index]
    {
        get
        {
            var value = Content.AsSpan(checked((int)((IsFortranOrder ? Reordered(index) : index) * Bytes)), Bytes);
            return (Kind, Bytes) switch
            {
                (NumberKind.Boolean or NumberKind.Unsigned, 1) => value[0],
                (NumberKind.Unsigned, 2) => IsBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(value) : BinaryPrimitives.ReadUInt16LittleEndian(value),
                (NumberKind.Unsigned, 4) => IsBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(value) : BinaryPrimitives.ReadUInt32LittleEndian(value),
                (NumberKind.Unsigned, _) => IsBigEndian ? BinaryPrimitives.ReadUInt64BigEndian(value) : BinaryPrimitives.ReadUInt64LittleEndian(value),
                (NumberKind.Signed, 1) => (sbyte)value[0],
                (NumberKind.Signed, 2) => IsBigEndian ? BinaryPrimitives.ReadInt16BigEndian(value) : BinaryPrimitives.ReadInt16LittleEndian(value),
                (NumberKind.Signed, 4) => IsBigEndian ? BinaryPrimitives.ReadInt32BigEndian(value) : BinaryPrimitives.ReadInt32LittleEndian(value),
                (NumberKind.Signed, _) => IsBigEndian ? BinaryPrimitives.ReadInt64BigEndian(value) : BinaryPrimitives.ReadInt64LittleEndian(value),
                (_, 2) => (double)(IsBigEndian ? BinaryPrimitives.ReadHalfBigEndian(value) : BinaryPrimitives.ReadHalfLittleEndian(value)),
                (_, 4) => IsBigEndian ? BinaryPrimitives.ReadSingleBigEndian(value) : BinaryPrimitives.ReadSingleLittleEndian(value),
                _ => IsBigEndian ? BinaryPrimitives.ReadDoubleBigEndian(value) : BinaryPrimitives.ReadDoubleLittleEndian(value),
            };
        }
    }

    /// <summary>The numbers as bytes of pixels, where they are.</summary>
    /// <param name="name">Named in errors.</param>
    /// <param name="scalesReals">Whether reals of 0 to 1 are that share of 255.</param>
    /// <exception cref="DataException">A number is not a whole one of 0 to 255.</exception>
    public byte[] ToPixels(string name, bool scalesReals)
    {
        if (Kind == NumberKind.Unsigned && Bytes == 1 && !IsFortranOrder)
            return Content;
        var pixels = new byte[Count];
        var scale = Kind == NumberKind.Boolean || (scalesReals && Kind == NumberKind.Real && IsShare()) ? 255 : 1;
        for (var i = 0L; i < Count; i++)
        {
            var value = this[i];
            var pixel = scale == 1 ? value : Math.Round(value * scale);
            if (!(pixel is >= 0 and <= 255) || pixel != Math.Floor(pixel))
                throw new DataException($"{name}, value {i}: {value} where a pixel of 0 to 255, in whole numbers{(scalesReals ? ", or of 0 to 1" : "")}, "
                    + "should stand; scale the images to that.");
            pixels[i] = (byte)pixel;
        }

        return pixels;
    }

    bool IsShare()
    {
        for (var i = 0L; i < Count; i++)
            if (!(this[i] is >= 0 and <= 1))
                return false;
        return true;
    }

    long Reordered(long index)
    {
        var (place, stride) = (0L, Count);
        for (var d = Sizes.Count - 1; d >= 0; d--)
        {
            stride /= Sizes[d];
            place += index % Sizes[d] * stride;
            index /= Sizes[d];
        }

        return place;
    }
}
