namespace VBiLstm.Cuda;

/// <summary>Products of few rows that a kernel of the project computes together with what follows them.</summary>
enum ThinProduct
{
    LeakyRelu,
    SampleGaussian,
    LstmCellForward,

    /// <summary>A transposed one with nothing behind it.</summary>
    Transposed,
    TransposedSampleGaussian,
    TransposedLeakyRelu,
    TransposedLstmCellBackward,
}

/// <summary>
/// One of them by precision and sizes: x [rows, inner] times [inner, columns], or dy [rows, inner] times the transpose of [columns, inner].
/// </summary>
readonly record struct ThinProductShape(CudaPrecision Precision, ThinProduct Product, int Rows, int Inner, int Columns);
