namespace VBiLstm.Devices;

/// <summary>
/// A row-major float32 matrix in a device's memory: a view, never an owner. A sequence [T, B, H] is the matrix [T·B, H].
/// The default value is the empty tensor, which stands for "absent" where an operation allows it.
/// </summary>
/// <param name="Address">Address of element [0, 0] in the device's memory.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Number of columns.</param>
/// <param name="Stride">Elements from one row to the next; larger than <paramref name="Columns"/> for a view of columns.</param>
readonly record struct Tensor(nint Address, int Rows, int Columns, int Stride)
{
    /// <summary>
    /// Address of the same elements rounded to bf16, at the same distances, which products read instead; 0 where there are none. Operations that write the
    /// tensor write both, products only the first. Where nothing but products read it, <see cref="Address"/> is 0.
    /// </summary>
    public nint Operand { get; init; }

    public bool IsEmpty => Address == 0 && Operand == 0;

    public long Count => (long)Rows * Columns;

    public bool IsContiguous => Stride == Columns || Rows == 1;

    /// <summary>The view of <paramref name="count"/> rows from <paramref name="start"/>; empty stays empty.</summary>
    public Tensor RowRange(int start, int count)
    {
        if (IsEmpty)
            return this;
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Rows);
        return View((nint)start * Stride, count, Columns, Stride);
    }

    /// <summary>The view of <paramref name="count"/> columns from <paramref name="start"/>; empty stays empty.</summary>
    public Tensor ColumnRange(int start, int count)
    {
        if (IsEmpty)
            return this;
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Columns);
        return View(start, Rows, count, Stride);
    }

    /// <summary>Another matrix of its elements, from the one at <paramref name="offset"/>; empty stays empty.</summary>
    internal Tensor View(nint offset, int rows, int columns, int stride)
        => new(Address == 0 ? 0 : Address + offset * sizeof(float), rows, columns, stride) { Operand = Operand == 0 ? 0 : Operand + offset * OperandBytes };

    /// <summary>Bytes of an element of an operand.</summary>
    internal const int OperandBytes = 2;
}

/// <summary>A vector of int32 in a device's memory: token ids, row numbers, or the noise key. A view, never an owner.</summary>
readonly record struct IdTensor(nint Address, int Count)
{
    public bool IsEmpty => Address == 0;

    public IdTensor Range(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Count);
        return new IdTensor(Address + (nint)start * sizeof(int), count);
    }
}
