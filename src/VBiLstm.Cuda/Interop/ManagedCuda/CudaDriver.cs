using System.Runtime.InteropServices;
using ManagedCuda;
using ManagedCuda.BasicTypes;

namespace VBiLstm.Cuda.Interop;

/// <summary>
/// The same entry points as the other CudaDriver, through ManagedCuda's raw native methods. Those that ManagedCuda lacks, or gives in a form that a
/// training step cannot afford, stay this project's own.
/// </summary>
static unsafe partial class CudaDriver
{
    public static CudaResult Init(uint flags) => (CudaResult)DriverAPINativeMethods.cuInit((CUInitializationFlags)flags);

    public static CudaResult DriverGetVersion(out int version)
    {
        version = 0;
        return (CudaResult)DriverAPINativeMethods.cuDriverGetVersion(ref version);
    }

    public static CudaResult DeviceGetCount(out int count)
    {
        count = 0;
        return (CudaResult)DriverAPINativeMethods.DeviceManagement.cuDeviceGetCount(ref count);
    }

    public static CudaResult DeviceGet(out int device, int ordinal)
    {
        var found = default(CUdevice);
        var status = DriverAPINativeMethods.DeviceManagement.cuDeviceGet(ref found, ordinal);
        device = found.Pointer;
        return (CudaResult)status;
    }

    public static CudaResult DeviceGetName(byte[] name, int length, int device)
        => (CudaResult)DriverAPINativeMethods.DeviceManagement.cuDeviceGetName(name, length, new CUdevice(device));

    // Not among the calls of ManagedCuda whose form is known to stay.
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuDeviceGetPCIBusId")]
    public static partial CudaResult DeviceGetPciBusId([Out] byte[] text, int length, int device);

    public static CudaResult DeviceGetAttribute(out int value, DeviceAttribute attribute, int device)
    {
        value = 0;
        return (CudaResult)DriverAPINativeMethods.DeviceManagement.cuDeviceGetAttribute(ref value, (CUDeviceAttribute)attribute, new CUdevice(device));
    }

    public static CudaResult DevicePrimaryCtxRetain(out nint context, int device)
    {
        var retained = default(CUcontext);
        var status = DriverAPINativeMethods.ContextManagement.cuDevicePrimaryCtxRetain(ref retained, new CUdevice(device));
        context = retained.Pointer;
        return (CudaResult)status;
    }

    public static CudaResult DevicePrimaryCtxRelease(int device)
        => (CudaResult)DriverAPINativeMethods.ContextManagement.cuDevicePrimaryCtxRelease(new CUdevice(device));

    public static CudaResult CtxSetCurrent(nint context)
        => (CudaResult)DriverAPINativeMethods.ContextManagement.cuCtxSetCurrent(new CUcontext { Pointer = context });

    public static CudaResult MemAlloc(out nint address, nuint bytes)
    {
        var allocated = default(CUdeviceptr);
        var status = DriverAPINativeMethods.MemoryManagement.cuMemAlloc_v2(ref allocated, bytes);
        address = allocated.Pointer;
        return (CudaResult)status;
    }

    public static CudaResult MemFree(nint address) => (CudaResult)DriverAPINativeMethods.MemoryManagement.cuMemFree_v2(Memory(address));

    public static CudaResult MemGetInfo(out nuint free, out nuint total)
    {
        SizeT freeBytes = default, totalBytes = default;
        var status = DriverAPINativeMethods.MemoryManagement.cuMemGetInfo_v2(ref freeBytes, ref totalBytes);
        (free, total) = (freeBytes, totalBytes);
        return (CudaResult)status;
    }

    public static CudaResult MemHostAlloc(out nint address, nuint bytes, uint flags)
    {
        address = 0;
        return (CudaResult)DriverAPINativeMethods.MemoryManagement.cuMemHostAlloc(ref address, bytes, (CUMemHostAllocFlags)flags);
    }

    public static CudaResult MemFreeHost(nint address) => (CudaResult)DriverAPINativeMethods.MemoryManagement.cuMemFreeHost(address);

    public static CudaResult MemcpyHtoDAsync(nint target, nint source, nuint bytes, nint stream)
        => (CudaResult)DriverAPINativeMethods.AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(Memory(target), source, bytes, Stream(stream));

    public static CudaResult MemcpyDtoHAsync(nint target, nint source, nuint bytes, nint stream)
        => (CudaResult)DriverAPINativeMethods.AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2(target, Memory(source), bytes, Stream(stream));

    public static CudaResult MemcpyDtoDAsync(nint target, nint source, nuint bytes, nint stream)
        => (CudaResult)DriverAPINativeMethods.AsynchronousMemcpy_v2.cuMemcpyDtoDAsync_v2(Memory(target), Memory(source), bytes, Stream(stream));

    public static CudaResult MemsetD8Async(nint address, byte value, nuint bytes, nint stream)
        => (CudaResult)DriverAPINativeMethods.MemsetAsync.cuMemsetD8Async(Memory(address), value, bytes, Stream(stream));

    public static CudaResult ModuleLoadData(out nint module, byte[] image)
    {
        var loaded = default(CUmodule);
        var status = DriverAPINativeMethods.ModuleManagement.cuModuleLoadData(ref loaded, image);
        module = loaded.Pointer;
        return (CudaResult)status;
    }

    public static CudaResult ModuleUnload(nint module) => (CudaResult)DriverAPINativeMethods.ModuleManagement.cuModuleUnload(new CUmodule { Pointer = module });

    public static CudaResult ModuleGetFunction(out nint function, nint module, string name)
    {
        var found = default(CUfunction);
        var status = DriverAPINativeMethods.ModuleManagement.cuModuleGetFunction(ref found, new CUmodule { Pointer = module }, name);
        function = found.Pointer;
        return (CudaResult)status;
    }

    // Not among the calls of ManagedCuda whose form is known to stay.
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuFuncGetAttribute")]
    public static partial CudaResult FuncGetAttribute(out int value, FunctionAttribute attribute, nint function);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuFuncSetAttribute")]
    public static partial CudaResult FuncSetAttribute(nint function, FunctionAttribute attribute, int value);

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuOccupancyMaxActiveBlocksPerMultiprocessor")]
    public static partial CudaResult OccupancyMaxActiveBlocksPerMultiprocessor(out int blocks, nint function, int threads, nuint sharedBytes);

    // ManagedCuda's takes a managed array of arguments: one to make at every launch, which happens thousands of times a step without a graph.
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuLaunchKernel")]
    public static partial CudaResult LaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ,
        uint sharedBytes, nint stream, void** arguments, void** extra);

    // As above.
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuLaunchKernelEx")]
    public static partial CudaResult LaunchKernelEx(in LaunchConfiguration configuration, nint function, void** arguments, void** extra);

    public static CudaResult StreamCreate(out nint stream, StreamFlags flags)
    {
        var created = default(CUstream);
        var status = DriverAPINativeMethods.Streams.cuStreamCreate(ref created, (CUStreamFlags)flags);
        stream = created.Pointer;
        return (CudaResult)status;
    }

    public static CudaResult CtxGetStreamPriorityRange(out int least, out int greatest)
    {
        (least, greatest) = (0, 0);
        return (CudaResult)DriverAPINativeMethods.ContextManagement.cuCtxGetStreamPriorityRange(ref least, ref greatest);
    }

    public static CudaResult StreamCreateWithPriority(out nint stream, StreamFlags flags, int priority)
    {
        var created = default(CUstream);
        var status = DriverAPINativeMethods.Streams.cuStreamCreateWithPriority(ref created, (CUStreamFlags)flags, priority);
        stream = created.Pointer;
        return (CudaResult)status;
    }

    public static CudaResult StreamDestroy(nint stream) => (CudaResult)DriverAPINativeMethods.Streams.cuStreamDestroy_v2(Stream(stream));

    public static CudaResult StreamSynchronize(nint stream) => (CudaResult)DriverAPINativeMethods.Streams.cuStreamSynchronize(Stream(stream));

    public static CudaResult StreamWaitEvent(nint stream, nint waited, uint flags)
        => (CudaResult)DriverAPINativeMethods.Streams.cuStreamWaitEvent(Stream(stream), Event(waited), flags);

    public static CudaResult EventCreate(out nint created, EventFlags flags)
    {
        var handle = default(CUevent);
        var status = DriverAPINativeMethods.Events.cuEventCreate(ref handle, (CUEventFlags)flags);
        created = handle.Pointer;
        return (CudaResult)status;
    }

    public static CudaResult EventDestroy(nint destroyed) => (CudaResult)DriverAPINativeMethods.Events.cuEventDestroy_v2(Event(destroyed));

    public static CudaResult EventRecord(nint recorded, nint stream)
        => (CudaResult)DriverAPINativeMethods.Events.cuEventRecord(Event(recorded), Stream(stream));

    public static CudaResult EventSynchronize(nint waited) => (CudaResult)DriverAPINativeMethods.Events.cuEventSynchronize(Event(waited));

    public static CudaResult StreamBeginCapture(nint stream, CaptureMode mode)
        => (CudaResult)DriverAPINativeMethods.Streams.cuStreamBeginCapture(Stream(stream), (CUstreamCaptureMode)mode);

    public static CudaResult StreamEndCapture(nint stream, out nint graph)
    {
        var captured = default(CUgraph);
        var status = DriverAPINativeMethods.Streams.cuStreamEndCapture(Stream(stream), ref captured);
        graph = captured.Pointer;
        return (CudaResult)status;
    }

    public static CudaResult GraphInstantiate(out nint executable, nint graph, GraphInstantiateFlags flags)
    {
        var instance = default(CUgraphExec);
        var status = DriverAPINativeMethods.GraphManagment.cuGraphInstantiate(ref instance, new CUgraph { Pointer = graph }, (CUgraphInstantiate_flags)flags);
        executable = instance.Pointer;
        return (CudaResult)status;
    }

    public static CudaResult GraphUpload(nint executable, nint stream)
        => (CudaResult)DriverAPINativeMethods.GraphManagment.cuGraphUpload(Executable(executable), Stream(stream));

    public static CudaResult GraphLaunch(nint executable, nint stream)
        => (CudaResult)DriverAPINativeMethods.GraphManagment.cuGraphLaunch(Executable(executable), Stream(stream));

    public static CudaResult GraphGetNodes(nint graph, nint[]? nodes, ref nuint count)
    {
        var found = nodes is null ? null : new CUgraphNode[nodes.Length];
        SizeT number = count;
        var status = DriverAPINativeMethods.GraphManagment.cuGraphGetNodes(new CUgraph { Pointer = graph }, found!, ref number);
        count = number;
        for (var i = 0; i < found?.Length; i++)
            nodes![i] = found[i].Pointer;
        return (CudaResult)status;
    }

    // Not among the calls of ManagedCuda whose form is known to stay.
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuGraphNodeGetType")]
    public static partial CudaResult GraphNodeGetType(nint node, out GraphNodeType type);

    public static CudaResult GraphExecDestroy(nint executable) => (CudaResult)DriverAPINativeMethods.GraphManagment.cuGraphExecDestroy(Executable(executable));

    public static CudaResult GraphDestroy(nint graph) => (CudaResult)DriverAPINativeMethods.GraphManagment.cuGraphDestroy(new CUgraph { Pointer = graph });

    // As above.
    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuProfilerStart")]
    public static partial CudaResult ProfilerStart();

    [LibraryImport(NativeLibraries.Driver, EntryPoint = "cuProfilerStop")]
    public static partial CudaResult ProfilerStop();

    public static CudaResult GetErrorName(CudaResult status, out nint text)
    {
        text = 0;
        return (CudaResult)DriverAPINativeMethods.ErrorHandling.cuGetErrorName((CUResult)status, ref text);
    }

    public static CudaResult GetErrorString(CudaResult status, out nint text)
    {
        text = 0;
        return (CudaResult)DriverAPINativeMethods.ErrorHandling.cuGetErrorString((CUResult)status, ref text);
    }

    static CUdeviceptr Memory(nint address) => new(address);

    static CUstream Stream(nint stream) => new() { Pointer = stream };

    static CUevent Event(nint handle) => new() { Pointer = handle };

    static CUgraphExec Executable(nint executable) => new() { Pointer = executable };
}
