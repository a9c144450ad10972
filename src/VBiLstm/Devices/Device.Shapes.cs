using System.Runtime.CompilerServices;

namespace VBiLstm.Devices;

// Operands are checked here, once for all devices; their cores rely on it.
public abstract partial class Device
{
    static void Check(bool holds, [InterpolatedStringHandlerArgument(nameof(holds))] ref ShapeMessage message, [CallerMemberName] string operation = "")
    {
        if (!holds)
            throw new ArgumentException($"{operation}: {message.ToString()}");
    }

    static bool Is(Tensor x, int rows, int columns) => x.Rows == rows && x.Columns == columns;

    static bool Same(Tensor x, Tensor y) => Is(x, y.Rows, y.Columns);

    static bool EmptyOrSame(Tensor x, Tensor y) => x.IsEmpty || Same(x, y);

    // Whether x is so many whole blocks of rows.
    static bool Repeats(Tensor block, Tensor x) => Same(block, x) || (block.Columns == x.Columns && block.Rows > 0 && x.Rows % block.Rows == 0);
}
