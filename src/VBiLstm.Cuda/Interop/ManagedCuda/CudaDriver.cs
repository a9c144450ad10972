using System.Runtime.InteropServices;
using ManagedCuda;
using ManagedCuda.BasicTypes;

namespace VBiLstm.Cuda.Interop;

/// <summary>
/// The same entry points as the other CudaDriver, through ManagedCuda's raw native methods. Those that ManagedCuda lacks, or gives in a form that a training step
/// cannot afford, stay this project's own.
/// </summary>
static unsafe partial class CudaDriver
{
    public static int Init(uint flags) => (int)DriverAPINativeMethods.cuInit((CUInitializationFlags)flags);

    public static int DriverGetVersion(out int version)
    {
        version = 0;
        return (int)DriverAPINativeMethods.cuDriverGetVersion(ref version);
    }

    public static int DeviceGetCount(out int count)
    {
        count = 0;
        return (int)DriverAPINativeMethods.DeviceManagement.cuDeviceGetCount(ref count);
    }

    public static int DeviceGet(out int device, int ordinal)
    {
        var found = default(CUdevice);
        var status = DriverAPINativeMethods.DeviceManagement.cuDeviceGet(ref found, ordinal);
        device = found.Pointer;
        return (int)status;
    }

    public static int DeviceGetName(byte[] name, int length, int device)
        => (int)DriverAPINativeMethods.DeviceManagement.cuDeviceGetName(name, length, new CUdevice(device));

    public static int DeviceGetAttribute(out int value, int attribute, int device)
    {
        value = 0;
        return (int)DriverAPINativeMethods.DeviceManagement.cuDeviceGetAttribute(ref value, (CUDeviceAttribute)attribute, new CUdevice(device));
    }

    public static int DevicePrimaryCtxRetain(out nint context, int device)
    {
        var retained = default(CUcontext);
        var status = DriverAPINativeMethods.ContextManagement.cuDevicePrimaryCtxRetain(ref retained, new CUdevice(device));
        context = retained.Pointer;
        return (int)status;
    }

    public static int DevicePrimaryCtxRelease(int device) => (int)DriverAPINativeMethods.ContextManagement.cuDevicePrimaryCtxRelease(new CUdevice(device));

    public static int CtxSetCurrent(nint context) => (int)DriverAPINativeMethods.ContextManagement.cuCtxSetCurrent(new CUcontext { Pointer = context });

    public static int MemAlloc(out nint address, nuint bytes)
    {
        var allocated = default(CUdeviceptr);
        var status = DriverAPINativeMethods.MemoryManagement.cuMemAlloc_v2(ref allocated, bytes);
        address = allocated.Pointer;
        return (int)status;
    }

    public static int MemFree(nint address) => (int)DriverAPINativeMethods.MemoryManagement.cuMemFree_v2(Memory(address));

    public static int MemGetInfo(out nuint free, out nuint total)
    {
        SizeT freeBytes = default, totalBytes = default;
        var status = DriverAPINativeMethods.MemoryManagement.cuMemGetInfo_v2(ref freeBytes, ref totalBytes);
        (free, total) = (freeBytes, totalBytes);
        return (int)status;
    }

    public static int MemHostAlloc(out nint address, nuint bytes, uint flags)
    {
        address = 0;
        return (int)DriverAPINativeMethods.MemoryManagement.cuMemHostAlloc(ref address, bytes, (CUMemHostAllocFlags)flags);
    }

    public static int MemFreeHost(nint address) => (int)DriverAPINativeMethods.MemoryManagement.cuMemFreeHost(address);

    public static int MemcpyHtoDAsync(nint target, nint source, nuint bytes, nint stream)
        => (int)DriverAPINativeMethods.AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(Memory(target), source, bytes, Stream(stream));

    public static int MemcpyDtoHAsync(nint target, nint source, nuint bytes, nint stream)
        => (int)DriverAPINativeMethods.AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2(target, Memory(source), bytes, Stream(stream));

    public static int MemcpyDtoDAsync(nint target, nint source, nuint bytes, nint stream)
        => (int)DriverAPINativeMethods.AsynchronousMemcpy_v2.cuMemcpyDtoDAsync_v2(Memory(target), Memory(source), bytes, Stream(stream));

    public static int MemsetD8Async(nint address, byte value, nuint bytes, nint stream)
        => (int)DriverAPINativeMethods.MemsetAsync.cuMemsetD8Async(Memory(address), value, bytes, Stream(stream));

    public static int ModuleLoadData(out nint module, byte[] image)
    {
        var loaded = default(CUmodule);
        var status = DriverAPINativeMethods.ModuleManagement.cuModuleLoadData(ref loaded, image);
        module = loaded.Pointer;
        return (int)status;
    }

    public static int ModuleUnload(nint module) => (int)DriverAPINativeMethods.ModuleManagement.cuModuleUnload(new CUmodule { Pointer = module });

    public static int ModuleGetFunction(out nint function, nint module, string name)
    {
        var found = default(CUfunction);
        var status = DriverAPINativeMethods.ModuleManagement.cuModuleGetFunction(ref found, new CUmodule { Pointer = module }, name);
        function = found.Pointer;
        return (int)status;
    }

    // ManagedCuda's takes a managed array of arguments: one to make at every launch, which happens thousands of times a step without a graph.
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuLaunchKernel")]
    public static partial int LaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ,
        uint sharedBytes, nint stream, void** arguments, void** extra);

    public static int StreamCreate(out nint stream, uint flags)
    {
        var created = default(CUstream);
        var status = DriverAPINativeMethods.Streams.cuStreamCreate(ref created, (CUStreamFlags)flags);
        stream = created.Pointer;
        return (int)status;
    }

    public static int StreamDestroy(nint stream) => (int)DriverAPINativeMethods.Streams.cuStreamDestroy_v2(Stream(stream));

    public static int StreamSynchronize(nint stream) => (int)DriverAPINativeMethods.Streams.cuStreamSynchronize(Stream(stream));

    public static int StreamWaitEvent(nint stream, nint waited, uint flags) => (int)DriverAPINativeMethods.Streams.cuStreamWaitEvent(Stream(stream), Event(waited), flags);

    public static int EventCreate(out nint created, uint flags)
    {
        var handle = default(CUevent);
        var status = DriverAPINativeMethods.Events.cuEventCreate(ref handle, (CUEventFlags)flags);
        created = handle.Pointer;
        return (int)status;
    }

    public static int EventDestroy(nint destroyed) => (int)DriverAPINativeMethods.Events.cuEventDestroy_v2(Event(destroyed));

    public static int EventRecord(nint recorded, nint stream) => (int)DriverAPINativeMethods.Events.cuEventRecord(Event(recorded), Stream(stream));

    public static int EventSynchronize(nint waited) => (int)DriverAPINativeMethods.Events.cuEventSynchronize(Event(waited));

    public static int StreamBeginCapture(nint stream, int mode) => (int)DriverAPINativeMethods.Streams.cuStreamBeginCapture(Stream(stream), (CUstreamCaptureMode)mode);

    public static int StreamEndCapture(nint stream, out nint graph)
    {
        var captured = default(CUgraph);
        var status = DriverAPINativeMethods.Streams.cuStreamEndCapture(Stream(stream), ref captured);
        graph = captured.Pointer;
        return (int)status;
    }

    public static int GraphInstantiate(out nint executable, nint graph, ulong flags)
    {
        var instance = default(CUgraphExec);
        var status = DriverAPINativeMethods.GraphManagment.cuGraphInstantiate(ref instance, new CUgraph { Pointer = graph }, (CUgraphInstantiate_flags)flags);
        executable = instance.Pointer;
        return (int)status;
    }

    public static int GraphUpload(nint executable, nint stream) => (int)DriverAPINativeMethods.GraphManagment.cuGraphUpload(Executable(executable), Stream(stream));

    public static int GraphLaunch(nint executable, nint stream) => (int)DriverAPINativeMethods.GraphManagment.cuGraphLaunch(Executable(executable), Stream(stream));

    public static int GraphGetNodes(nint graph, nint[]? nodes, ref nuint count)
    {
        var found = nodes is null ? null : new CUgraphNode[nodes.Length];
        SizeT number = count;
        var status = DriverAPINativeMethods.GraphManagment.cuGraphGetNodes(new CUgraph { Pointer = graph }, found!, ref number);
        count = number;
        for (var i = 0; i < found?.Length; i++)
            nodes![i] = found[i].Pointer;
        return (int)status;
    }

    // Not among the calls of ManagedCuda whose form is known to stay.
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGraphNodeGetType")]
    public static partial int GraphNodeGetType(nint node, out int type);

    public static int GraphExecDestroy(nint executable) => (int)DriverAPINativeMethods.GraphManagment.cuGraphExecDestroy(Executable(executable));

    public static int GraphDestroy(nint graph) => (int)DriverAPINativeMethods.GraphManagment.cuGraphDestroy(new CUgraph { Pointer = graph });

    // As above.
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuProfilerStart")]
    public static partial int ProfilerStart();

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuProfilerStop")]
    public static partial int ProfilerStop();

    public static int GetErrorName(int status, out nint text)
    {
        text = 0;
        return (int)DriverAPINativeMethods.ErrorHandling.cuGetErrorName((CUResult)status, ref text);
    }

    public static int GetErrorString(int status, out nint text)
    {
        text = 0;
        return (int)DriverAPINativeMethods.ErrorHandling.cuGetErrorString((CUResult)status, ref text);
    }

    static CUdeviceptr Memory(nint address) => new(address);

    static CUstream Stream(nint stream) => new() { Pointer = stream };

    static CUevent Event(nint handle) => new() { Pointer = handle };

    static CUgraphExec Executable(nint executable) => new() { Pointer = executable };
}
