namespace VBiLstm.Cuda.Interop;

/// <summary>cublasStatus_t: what every call of cuBLAS and cuBLASLt returns.</summary>
enum CublasStatus
{
    Success = 0,
    InvalidValue = 7,
    ArchitectureMismatch = 8,
    InternalError = 14,
    NotSupported = 15,
}

/// <summary>cublasOperation_t.</summary>
enum CublasOperation
{
    None = 0,
    Transpose = 1,
}

/// <summary>cudaDataType_t.</summary>
enum CublasDataType
{
    Float32 = 0,
    Bfloat16 = 14,
}

/// <summary>cublasComputeType_t.</summary>
enum CublasComputeType
{
    Float32 = 68,
    Float32FastTf32 = 77,
}

/// <summary>cublasGemmAlgo_t.</summary>
enum CublasAlgorithm
{
    Default = -1,
}

/// <summary>cublasLtMatmulDescAttributes_t.</summary>
enum CublasLtAttribute
{
    Epilogue = 7,
    BiasPointer = 8,
}

/// <summary>cublasLtEpilogue_t.</summary>
enum CublasLtEpilogue
{
    Bias = 4,
}

/// <summary>cublasLtMatmulPreferenceAttributes_t.</summary>
enum CublasLtPreference
{
    MaximumWorkspaceBytes = 1,
    MinimumAlignmentA = 5,
    MinimumAlignmentB = 6,
    MinimumAlignmentC = 7,
    MinimumAlignmentD = 8,
}
