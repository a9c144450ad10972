using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>cuBLASLt's entry points that the device uses: products with a bias in their epilogue. Every call returns a cublasStatus_t.</summary>
static unsafe partial class CublasLt
{
    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtCreate")]
    public static partial int Create(out nint handle);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtDestroy")]
    public static partial int Destroy(nint handle);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtGetVersion")]
    public static partial nuint GetVersion();

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulDescCreate")]
    public static partial int MatmulDescCreate(out nint descriptor, int computeType, int scaleType);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulDescSetAttribute")]
    public static partial int MatmulDescSetAttribute(nint descriptor, int attribute, void* value, nuint bytes);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulDescDestroy")]
    public static partial int MatmulDescDestroy(nint descriptor);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatrixLayoutCreate")]
    public static partial int MatrixLayoutCreate(out nint layout, int type, ulong rows, ulong columns, long leadingDimension);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatrixLayoutDestroy")]
    public static partial int MatrixLayoutDestroy(nint layout);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulPreferenceCreate")]
    public static partial int MatmulPreferenceCreate(out nint preference);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulPreferenceSetAttribute")]
    public static partial int MatmulPreferenceSetAttribute(nint preference, int attribute, void* value, nuint bytes);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulPreferenceDestroy")]
    public static partial int MatmulPreferenceDestroy(nint preference);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmulAlgoGetHeuristic")]
    public static partial int MatmulAlgoGetHeuristic(nint handle, nint operation, nint a, nint b, nint c, nint d, nint preference,
        int requested, CublasLtHeuristic* results, out int returned);

    [LibraryImport(NativeLibraries.CublasLt, EntryPoint = "cublasLtMatmul")]
    public static partial int Matmul(nint handle, nint operation, void* alpha, nint a, nint layoutA, nint b, nint layoutB, void* beta,
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
    public int State;
    public float WavesCount;
    Reserved _reserved;

    [System.Runtime.CompilerServices.InlineArray(4)]
    struct Reserved
    {
        int _first;
    }
}
