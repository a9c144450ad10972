using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>NCCL's entry points that move bytes between ranks. Every call but two returns an ncclResult_t for <see cref="CudaStatus.CheckNccl"/>.</summary>
static partial class Nccl
{
    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclGetVersion")]
    public static partial NcclResult GetVersion(out int version);

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclGetErrorString")]
    public static partial nint GetErrorString(NcclResult result);

    // The communicator is not used.
    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclGetLastError")]
    public static partial nint GetLastError(nint communicator);

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclGetUniqueId")]
    public static partial NcclResult GetUniqueId(out NcclUniqueId id);

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclCommInitRank")]
    public static partial NcclResult CommInitRank(out nint communicator, int ranks, NcclUniqueId id, int rank);

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclCommDestroy")]
    public static partial NcclResult CommDestroy(nint communicator);

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclCommAbort")]
    public static partial NcclResult CommAbort(nint communicator);

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclGroupStart")]
    public static partial NcclResult GroupStart();

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclGroupEnd")]
    public static partial NcclResult GroupEnd();

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclSend")]
    public static partial NcclResult Send(nint source, nuint count, NcclDataType type, int peer, nint communicator, nint stream);

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclRecv")]
    public static partial NcclResult Receive(nint target, nuint count, NcclDataType type, int peer, nint communicator, nint stream);

    [LibraryImport(NativeLibraries.Nccl, EntryPoint = "ncclAllGather")]
    public static partial NcclResult AllGather(nint source, nint target, nuint count, NcclDataType type, nint communicator, nint stream);
}

/// <summary>ncclResult_t; a value's name behind "nccl" is the code's.</summary>
enum NcclResult
{
    Success = 0,
    UnhandledCudaError = 1,
    SystemError = 2,
    InternalError = 3,
    InvalidArgument = 4,
    InvalidUsage = 5,
    RemoteError = 6,
    InProgress = 7,
}

/// <summary>ncclDataType_t.</summary>
enum NcclDataType
{
    Uint8 = 1,
}

/// <summary>ncclUniqueId: opaque, 128 bytes.</summary>
[InlineArray(Bytes)]
struct NcclUniqueId
{
    public const int Bytes = 128;

    byte _first;
}
