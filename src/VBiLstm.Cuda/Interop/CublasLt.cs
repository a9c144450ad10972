using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>cuBLASLt's entry points that the device uses: products with a bias in their epilogue. Every call returns a cublasStatus_t.</summary>
static unsafe partial class CublasLt
{
    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtCreate")]
    public static partial CublasStatus Create(out nint handle);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtDestroy")]
    public static partial CublasStatus Destroy(nint handle);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtGetVersion")]
    public static partial nuint GetVersion();

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulDescCreate")]
    public static partial CublasStatus MatmulDescCreate(out nint descriptor, CublasComputeType computeType, CublasDataType scaleType);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulDescSetAttribute")]
    public static partial CublasStatus MatmulDescSetAttribute(nint descriptor, CublasLtAttribute attribute, void* value, nuint bytes);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulDescDestroy")]
    public static partial CublasStatus MatmulDescDestroy(nint descriptor);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatrixLayoutCreate")]
    public static partial CublasStatus MatrixLayoutCreate(out nint layout, CublasDataType type, ulong rows, ulong columns, long leadingDimension);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatrixLayoutDestroy")]
    public static partial CublasStatus MatrixLayoutDestroy(nint layout);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulPreferenceCreate")]
    public static partial CublasStatus MatmulPreferenceCreate(out nint preference);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulPreferenceSetAttribute")]
    public static partial CublasStatus MatmulPreferenceSetAttribute(nint preference, CublasLtPreference attribute, void* value, nuint bytes);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulPreferenceDestroy")]
    public static partial CublasStatus MatmulPreferenceDestroy(nint preference);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulAlgoGetHeuristic")]
    public static partial CublasStatus MatmulAlgoGetHeuristic(nint handle, nint operation, nint a, nint b, nint c, nint d, nint preference,
        int requested, CublasLtHeuristic* results, out int returned);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmul")]
    public static partial CublasStatus Matmul(nint handle, nint operation, void* alpha, nint a, nint layoutA, nint b, nint layoutB, void* beta,
        nint c, nint layoutC, nint d, nint layoutD, CublasLtAlgorithm* algorithm, nint workspace, nuint workspaceBytes, nint stream);
}

/// <summary>cublasLtMatmulAlgo_t: opaque, 64 bytes.</summary>
struct CublasLtAlgorithm
{
    Words _words;

    [System.Runtime.CompilerServices.InlineArray(8)]
    struct Words
    {
        ulong _first;
    }
}

/// <summary>cublasLtMatmulHeuristicResult_t.</summary>
struct CublasLtHeuristic
{
    public CublasLtAlgorithm Algorithm;
    public nuint WorkspaceBytes;
    public CublasStatus State;
    public float WavesCount;
    Reserved _reserved;

    [System.Runtime.CompilerServices.InlineArray(4)]
    struct Reserved
    {
        int _first;
    }
}
