namespace VBiLstm.Cuda.Interop;

/// <summary>CUresult: what every call of the driver returns; the codes that this project acts on.</summary>
enum CudaResult
{
    Success = 0,
    OutOfMemory = 2,
    NoDevice = 100,
}

/// <summary>CUdevice_attribute.</summary>
enum DeviceAttribute
{
    MultiprocessorCount = 16,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
    CooperativeLaunch = 95,
    MaximumSharedBytesOfBlock = 97,
}

/// <summary>CUfunction_attribute.</summary>
enum FunctionAttribute
{
    /// <summary>10 · major + minor of the PTX that the function's code comes from, be it compiled before or by the driver.</summary>
    PtxVersion = 5,

    /// <summary>Bytes of shared memory that a launch may ask for beside the function's own.</summary>
    MaximumDynamicSharedBytes = 8,
}

/// <summary>CUlaunchAttributeID.</summary>
enum LaunchAttributeKind
{
    /// <summary>All blocks are resident at once.</summary>
    Cooperative = 2,

    /// <summary>The kernel may start when the one before it lets it, and waits itself for its end.</summary>
    ProgrammaticStreamSerialization = 6,
}

/// <summary>CUstream_flags.</summary>
[Flags]
enum StreamFlags : uint
{
    Default = 0,

    /// <summary>Does not wait for the null stream, nor that one for it.</summary>
    NonBlocking = 1,
}

/// <summary>CUevent_flags.</summary>
[Flags]
enum EventFlags : uint
{
    Default = 0,
    DisableTiming = 2,
}

/// <summary>CUstreamCaptureMode: whose calls are forbidden during a capture.</summary>
enum CaptureMode
{
    Global = 0,
    ThreadLocal = 1,
}

/// <summary>CUgraphInstantiate_flags.</summary>
[Flags]
enum GraphInstantiateFlags : ulong
{
    None = 0,

    /// <summary>Kernels keep the priorities of the streams that they were captured on.</summary>
    UseNodePriority = 8,
}

/// <summary>CUgraphNodeType.</summary>
enum GraphNodeType
{
    Kernel = 0,
}
