using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// The right operand [K, N] of a product in panels of a micro-kernel's columns: panel j holds columns jC..jC+C-1 as [K][C], zero-padded.
/// </summary>
sealed unsafe class PackedMatrix : IDisposable
{
    public PackedMatrix(int rows, int columns, int panelColumns)
    {
        Rows = rows;
        Columns = columns;
        PanelColumns = panelColumns;
        Panels = (columns + panelColumns - 1) / panelColumns;
        Values = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, (long)Panels * PanelLength) * sizeof(float), 64);
    }

    ~PackedMatrix() => NativeMemory.AlignedFree(Values);

    public int Rows { get; }

    public int Columns { get; }

    public int PanelColumns { get; }

    public int Panels { get; }

    public long PanelLength => (long)Rows * PanelColumns;

    public float* Values { get; private set; }

    public float* Panel(int panel) => Values + panel * PanelLength;

    public void Dispose()
    {
        NativeMemory.AlignedFree(Values);
        Values = null;
        GC.SuppressFinalize(this);
    }
}
