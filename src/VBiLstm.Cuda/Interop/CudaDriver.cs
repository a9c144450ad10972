using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>
/// The CUDA driver's entry points that the device uses, by their exported names: where a plain name also exists, it is an older
/// function with other types. Handles are numbers; every call returns a CUresult for <see cref="CudaStatus.Check"/>.
/// </summary>
static unsafe partial class CudaDriver
{
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuInit")]
    public static partial CudaResult Init(uint flags);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuDriverGetVersion")]
    public static partial CudaResult DriverGetVersion(out int version);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuDeviceGetCount")]
    public static partial CudaResult DeviceGetCount(out int count);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuDeviceGet")]
    public static partial CudaResult DeviceGet(out int device, int ordinal);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuDeviceGetName")]
    public static partial CudaResult DeviceGetName([Out] byte[] name, int length, int device);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuDeviceGetPCIBusId")]
    public static partial CudaResult DeviceGetPciBusId([Out] byte[] text, int length, int device);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuDeviceGetAttribute")]
    public static partial CudaResult DeviceGetAttribute(out int value, DeviceAttribute attribute, int device);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuDevicePrimaryCtxRetain")]
    public static partial CudaResult DevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
    public static partial CudaResult DevicePrimaryCtxRelease(int device);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuCtxSetCurrent")]
    public static partial CudaResult CtxSetCurrent(nint context);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuMemAlloc_v2")]
    public static partial CudaResult MemAlloc(out nint address, nuint bytes);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuMemFree_v2")]
    public static partial CudaResult MemFree(nint address);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuMemGetInfo_v2")]
    public static partial CudaResult MemGetInfo(out nuint free, out nuint total);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuMemHostAlloc")]
    public static partial CudaResult MemHostAlloc(out nint address, nuint bytes, uint flags);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuMemFreeHost")]
    public static partial CudaResult MemFreeHost(nint address);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuMemcpyHtoDAsync_v2")]
    public static partial CudaResult MemcpyHtoDAsync(nint target, nint source, nuint bytes, nint stream);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuMemcpyDtoHAsync_v2")]
    public static partial CudaResult MemcpyDtoHAsync(nint target, nint source, nuint bytes, nint stream);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuMemcpyDtoDAsync_v2")]
    public static partial CudaResult MemcpyDtoDAsync(nint target, nint source, nuint bytes, nint stream);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuMemsetD8Async")]
    public static partial CudaResult MemsetD8Async(nint address, byte value, nuint bytes, nint stream);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuModuleLoadData")]
    public static partial CudaResult ModuleLoadData(out nint module, byte[] image);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuModuleUnload")]
    public static partial CudaResult ModuleUnload(nint module);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuModuleGetFunction", StringMarshalling = StringMarshalling.Utf8)]
    public static partial CudaResult ModuleGetFunction(out nint function, nint module, string name);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuFuncGetAttribute")]
    public static partial CudaResult FuncGetAttribute(out int value, FunctionAttribute attribute, nint function);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuFuncSetAttribute")]
    public static partial CudaResult FuncSetAttribute(nint function, FunctionAttribute attribute, int value);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuOccupancyMaxActiveBlocksPerMultiprocessor")]
    public static partial CudaResult OccupancyMaxActiveBlocksPerMultiprocessor(out int blocks, nint function, int threads, nuint sharedBytes);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuLaunchKernel")]
    public static partial CudaResult LaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ,
        uint sharedBytes, nint stream, void** arguments, void** extra);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuLaunchKernelEx")]
    public static partial CudaResult LaunchKernelEx(in LaunchConfiguration configuration, nint function, void** arguments, void** extra);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuStreamCreate")]
    public static partial CudaResult StreamCreate(out nint stream, StreamFlags flags);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuCtxGetStreamPriorityRange")]
    public static partial CudaResult CtxGetStreamPriorityRange(out int least, out int greatest);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuStreamCreateWithPriority")]
    public static partial CudaResult StreamCreateWithPriority(out nint stream, StreamFlags flags, int priority);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuStreamDestroy_v2")]
    public static partial CudaResult StreamDestroy(nint stream);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuStreamSynchronize")]
    public static partial CudaResult StreamSynchronize(nint stream);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuStreamWaitEvent")]
    public static partial CudaResult StreamWaitEvent(nint stream, nint waited, uint flags);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuEventCreate")]
    public static partial CudaResult EventCreate(out nint created, EventFlags flags);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuEventDestroy_v2")]
    public static partial CudaResult EventDestroy(nint destroyed);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuEventRecord")]
    public static partial CudaResult EventRecord(nint recorded, nint stream);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuEventSynchronize")]
    public static partial CudaResult EventSynchronize(nint waited);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuStreamBeginCapture_v2")]
    public static partial CudaResult StreamBeginCapture(nint stream, CaptureMode mode);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuStreamEndCapture")]
    public static partial CudaResult StreamEndCapture(nint stream, out nint graph);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGraphInstantiateWithFlags")]
    public static partial CudaResult GraphInstantiate(out nint executable, nint graph, GraphInstantiateFlags flags);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGraphUpload")]
    public static partial CudaResult GraphUpload(nint executable, nint stream);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGraphLaunch")]
    public static partial CudaResult GraphLaunch(nint executable, nint stream);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGraphGetNodes")]
    public static partial CudaResult GraphGetNodes(nint graph, [In, Out] nint[]? nodes, ref nuint count);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGraphNodeGetType")]
    public static partial CudaResult GraphNodeGetType(nint node, out GraphNodeType type);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGraphExecDestroy")]
    public static partial CudaResult GraphExecDestroy(nint executable);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGraphDestroy")]
    public static partial CudaResult GraphDestroy(nint graph);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuProfilerStart")]
    public static partial CudaResult ProfilerStart();

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuProfilerStop")]
    public static partial CudaResult ProfilerStop();

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGetErrorName")]
    public static partial CudaResult GetErrorName(CudaResult status, out nint text);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGetErrorString")]
    public static partial CudaResult GetErrorString(CudaResult status, out nint text);
}
