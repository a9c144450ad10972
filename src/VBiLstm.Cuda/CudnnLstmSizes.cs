namespace VBiLstm.Cuda;

/// <summary>What a recurrence's memory depends on.</summary>
/// <param name="Directions">2 where a forward and a backward LSTM are one recurrence.</param>
/// <param name="Inputs">E.</param>
/// <param name="Units">H.</param>
/// <param name="Steps">The most steps that it runs.</param>
/// <param name="Rows">B.</param>
/// <param name="Training">Whether the backward pass will run.</param>
readonly record struct CudnnLstmSizes(int Directions, int Inputs, int Units, int Steps, int Rows, bool Training)
{
    // cuDNN leaves its faster algorithms where the number of rows is no multiple of this.
    const int RowMultiple = 8;

    /// <summary>Columns of the outputs, in each direction's order.</summary>
    public int Outputs => Directions * Units;

    /// <summary>Rows of states, direction by direction.</summary>
    public int StateRows => Directions * PaddedRows;

    public int PaddedRows => (Rows + RowMultiple - 1) / RowMultiple * RowMultiple;
}
