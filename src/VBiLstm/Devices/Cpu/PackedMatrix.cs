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
        Values = (float*)AlignedMemory.Allocate(Bytes);
    }

    ~PackedMatrix() => AlignedMemory.Free(Values);

    public int Rows { get; }

    public int Columns { get; }

    public int PanelColumns { get; }

    public int Panels { get; }

    public long PanelLength => (long)Rows * PanelColumns;

    public long Bytes => Panels * PanelLength * sizeof(float);

    public float* Values { get; private set; }

    public void Dispose()
    {
        AlignedMemory.Free(Values);
        Values = null;
        GC.SuppressFinalize(this);
    }
}
