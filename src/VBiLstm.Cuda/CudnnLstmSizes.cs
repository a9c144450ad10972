namespace VBiLstm.Cuda;

/// <summary>What a recurrence's memory depends on.</summary>
/// <param name="Inputs">E.</param>
/// <param name="Units">H.</param>
/// <param name="Steps">The most steps that it runs.</param>
/// <param name="Rows">B.</param>
/// <param name="Training">Whether the backward pass will run.</param>
readonly record struct CudnnLstmSizes(int Inputs, int Units, int Steps, int Rows, bool Training)
{
    // cuDNN leaves its faster algorithms where the number of rows is no multiple of this.
    const int RowMultiple = 8;

    public int PaddedRows => (Rows + RowMultiple - 1) / RowMultiple * RowMultiple;
}
