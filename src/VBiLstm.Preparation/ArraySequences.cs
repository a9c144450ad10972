using System.Diagnostics.CodeAnalysis;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;

namespace VBiLstm.Preparation;

/// <summary>The sequences of an array of numpy's: frames [sequences, frames, samples] or [frames, samples], tokens [sequences, tokens] or [tokens].</summary>
sealed class ArraySequences : NumberSequences
{
    readonly NumberArray _array;
    readonly string _name;
    readonly PreparedKind _kind;

    /// <exception cref="DataException">Its dimensions or its type are not those of frames or tokens.</exception>
    [SetsRequiredMembers]
    public ArraySequences(NumberArray array, string name, PreparedKind kind)
    {
        (_array, _name, _kind) = (array, name, kind);
        var (least, most) = kind == PreparedKind.Frames ? (2, 3) : (1, 2);
        if (array.Sizes.Count < least || array.Sizes.Count > most)
        {
            var expected = kind == PreparedKind.Frames
                ? "frames have two or three dimensions ([sequences,] frames, samples)"
                : "tokens have one or two dimensions ([sequences,] tokens)";
            throw new DataException($"{name} is an array of {string.Join('×', array.Sizes)}; {expected}.");
        }

        if (kind == PreparedKind.Tokens && array.Kind is not (NumberKind.Signed or NumberKind.Unsigned))
            throw new DataException($"{name} holds no whole numbers, so no token ids; save it with .astype('int32').");
        (Dimensions, FrameSize) = (array.Sizes.Count, kind == PreparedKind.Frames ? array.Sizes[^1] : 0);
    }

    public override IEnumerable<ReadOnlyMemory<double>> Units()
    {
        var units = _kind == PreparedKind.Frames && Dimensions == 2 ? 1 : _array.Sizes[0];
        var unit = new double[_array.Count / units];
        for (var i = 0L; i < _array.Count;)
        {
            for (var k = 0; k < unit.Length; k++, i++)
            {
                unit[k] = _array[i];
                if (!IsUsable(unit[k], _kind))
                    throw new DataException($"{_name}, value {i}: {unit[k]} where {Expected(_kind)} should stand.");
            }

            yield return unit;
        }
    }

    protected override void Dispose(bool disposing)
    {
    }
}
