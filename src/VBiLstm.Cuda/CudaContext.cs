using System.Collections.Concurrent;
using System.Text;
using VBiLstm.Cuda.Interop;

namespace VBiLstm.Cuda;

/// <summary>A GPU's primary context and what is known of the GPU.</summary>
sealed class CudaContext : IDisposable
{
    const int OldestDriver = 12000, OldestCapability = 70;

    // The driver keeps one current context a thread; a new context may get the handle of one that has gone.
    [ThreadStatic]
    static CudaContext? _bound;

    static readonly ConcurrentDictionary<int, Lock> Gates = new();

    readonly nint _context;
    readonly int _device;

    /// <exception cref="CudaException">There is no driver, no GPU of this number, or one of them is too old.</exception>
    public CudaContext(int ordinal)
    {
        Gate = GateOf(ordinal);
        NativeLibraries.Require(NativeLibraries.Driver);
        var status = CudaDriver.Init(0);
        if (status == CudaResult.NoDevice)
        {
            throw new CudaDriverException("cuInit found no GPU (CUDA_ERROR_NO_DEVICE): the driver is installed, but shows no device. "
                + "Check nvidia-smi and CUDA_VISIBLE_DEVICES, or use --device cpu.", (int)status);
        }

        CudaStatus.Check(status, "cuInit", "starting the CUDA driver");
        CudaStatus.Check(CudaDriver.DriverGetVersion(out var version), "cuDriverGetVersion", "reading the driver's version");
        DriverVersion = version;
        if (version < OldestDriver)
            throw new CudaException($"The driver supports CUDA {VersionText(version)}; VBiLstm needs 12.0 or later. Update the NVIDIA driver.");
        CudaStatus.Check(CudaDriver.DeviceGetCount(out var count), "cuDeviceGetCount", "counting the GPUs");
        if (ordinal < 0 || ordinal >= count)
            throw new CudaException($"There is no GPU {ordinal}: CUDA shows {count}, numbered from 0.");
        CudaStatus.Check(CudaDriver.DeviceGet(out _device, ordinal), "cuDeviceGet", $"opening GPU {ordinal}");
        Name = ReadName(ordinal);
        ComputeCapability = 10 * Attribute(DeviceAttribute.ComputeCapabilityMajor) + Attribute(DeviceAttribute.ComputeCapabilityMinor);
        Multiprocessors = Attribute(DeviceAttribute.MultiprocessorCount);
        HasCooperativeLaunch = Attribute(DeviceAttribute.CooperativeLaunch) != 0;
        SharedBytesOfBlock = Attribute(DeviceAttribute.MaximumSharedBytesOfBlock);
        if (ComputeCapability < OldestCapability)
        {
            throw new CudaException($"GPU {ordinal} ({Name}) has compute capability {ComputeCapability / 10}.{ComputeCapability % 10}; "
                + "VBiLstm needs 7.0 (Volta) or later.");
        }

        CudaStatus.Check(CudaDriver.DevicePrimaryCtxRetain(out _context, _device), "cuDevicePrimaryCtxRetain", $"opening GPU {ordinal} ({Name})");
        try
        {
            Bind();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Name { get; }

    /// <summary>1000 · major + 10 · minor of the newest CUDA that the driver supports.</summary>
    public int DriverVersion { get; }

    /// <summary>10 · major + minor.</summary>
    public int ComputeCapability { get; }

    public int Multiprocessors { get; }

    /// <summary>Whether it launches kernels whose blocks are all resident at once.</summary>
    public bool HasCooperativeLaunch { get; }

    /// <summary>Shared memory that a block can have at most.</summary>
    public int SharedBytesOfBlock { get; }

    /// <summary>Free and total device memory in bytes.</summary>
    public (long Free, long Total) Memory
    {
        get
        {
            Bind();
            CudaStatus.Check(CudaDriver.MemGetInfo(out var free, out var total), "cuMemGetInfo", "asking for free memory");
            return ((long)free, (long)total);
        }
    }

    /// <summary>Makes the context current on this thread.</summary>
    public void Bind()
    {
        if (ReferenceEquals(_bound, this))
            return;
        CudaStatus.Check(CudaDriver.CtxSetCurrent(_context), "cuCtxSetCurrent", "binding the GPU to a thread");
        _bound = this;
    }

    /// <summary>As <see cref="Bind"/>, to give something back: false where the context has gone, and all that was taken in it too.</summary>
    public bool TryBind()
    {
        if (!ReferenceEquals(_bound, this) && CudaDriver.CtxSetCurrent(_context) != CudaResult.Success)
            return false;
        _bound = this;
        return true;
    }

    /// <summary>
    /// Held while a stream of the GPU is captured, and while one of its devices comes or goes: the libraries then wait for the whole GPU, which spoils every
    /// capture under way in this process.
    /// </summary>
    public static Lock GateOf(int ordinal) => Gates.GetOrAdd(ordinal, _ => new Lock());

    /// <inheritdoc cref="GateOf"/>
    public Lock Gate { get; }

    public static string VersionText(int version) => $"{version / 1000}.{version % 1000 / 10}";

    int Attribute(DeviceAttribute attribute)
    {
        CudaStatus.Check(CudaDriver.DeviceGetAttribute(out var value, attribute, _device), "cuDeviceGetAttribute", $"reading the properties of {Name}");
        return value;
    }

    /// <summary>Place on the machine's bus, as <c>0000:3b:00.0</c>.</summary>
    public string BusId
    {
        get
        {
            var text = new byte[32];
            CudaStatus.Check(CudaDriver.DeviceGetPciBusId(text, text.Length, _device), "cuDeviceGetPCIBusId", $"reading the place of {Name}");
            return Encoding.UTF8.GetString(text, 0, Array.IndexOf(text, (byte)0));
        }
    }

    string ReadName(int ordinal)
    {
        var text = new byte[128];
        CudaStatus.Check(CudaDriver.DeviceGetName(text, text.Length, _device), "cuDeviceGetName", $"reading the name of GPU {ordinal}");
        return Encoding.UTF8.GetString(text, 0, Array.IndexOf(text, (byte)0));
    }

    public void Dispose() => _ = CudaDriver.DevicePrimaryCtxRelease(_device);
}
