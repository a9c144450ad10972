namespace VBiLstm.Cuda.Interop;

/// <summary>cudnnStatus_t: what every call of cuDNN but two returns.</summary>
enum CudnnStatus
{
    Success = 0,
}

/// <summary>cudnnDataType_t.</summary>
enum CudnnDataType
{
    Float = 0,
}

/// <summary>cudnnMathType_t.</summary>
enum CudnnMathType
{
    Default = 0,
    Fma = 3,
}

/// <summary>cudnnRNNAlgo_t.</summary>
enum RnnAlgorithm
{
    Standard = 0,
}

/// <summary>cudnnRNNMode_t.</summary>
enum RnnCell
{
    Lstm = 2,
}

/// <summary>cudnnRNNBiasMode_t.</summary>
enum RnnBias
{
    OfInput = 1,
}

/// <summary>cudnnDirectionMode_t.</summary>
enum RnnDirection
{
    Unidirectional = 0,
    Bidirectional = 1,
}

/// <summary>cudnnRNNInputMode_t.</summary>
enum RnnInput
{
    Linear = 0,
}

/// <summary>cudnnRNNDataLayout_t.</summary>
enum RnnDataLayout
{
    SequenceMajorPacked = 1,
}

/// <summary>cudnnForwardMode_t.</summary>
enum RnnForwardMode
{
    Inference = 0,
    Training = 1,
}

/// <summary>cudnnWgradMode_t.</summary>
enum WeightGradientMode
{
    Add = 0,
}
