using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>
/// The recurrences of a device that cuDNN runs, each from its <see cref="Device.Prepare"/> to its end. One workspace serves them all, for they share a stream.
/// </summary>
sealed class CudnnRecurrences : IDisposable
{
    const int OldestVersion = 8000, CublasMajor = 10000;

    readonly CudaDevice _device;
    readonly CudaPrecision _precision;
    readonly nint _handle;
    readonly nint _dropout;
    readonly HashSet<CudnnLstm> _living = [];
    readonly GrowingMemory _workspace;
    readonly Releases _releases = new();

    /// <param name="device">Where they run.</param>
    /// <param name="stream">Of the device.</param>
    /// <param name="precision">TF32 or float32.</param>
    /// <param name="cublasVersion">10000 · major + 100 · minor + patch of the cuBLAS that this process uses.</param>
    /// <exception cref="CudaException">cuDNN is too old, or of another CUDA.</exception>
    public CudnnRecurrences(CudaDevice device, nint stream, CudaPrecision precision, int cublasVersion)
    {
        (_device, _precision, _workspace) = (device, precision, new GrowingMemory(device, "cuDNN's workspace"));
        if ((int)Cudnn.GetVersion() < OldestVersion)
            throw new CudaException($"cuDNN {VersionText} is too old: VBiLstm needs 8 or 9. Update it, or use --recurrence kernels.");
        if (NativeLibraries.CudnnCudaMajor() is var cuda and not 0 && cuda != cublasVersion / CublasMajor)
            throw new CudaException($"cuDNN {VersionText} is built for CUDA {cuda}, but cuBLAS is of CUDA {cublasVersion / CublasMajor}; install the cuDNN "
                + $"for that one, name its folder in {NativeLibraries.FoldersVariable}, or use --recurrence kernels.");
        try
        {
            CudaStatus.CheckCudnn(Cudnn.Create(out _handle), "cudnnCreate", "starting cuDNN");
            _releases.Add(() => _ = Cudnn.Destroy(_handle));
            CudaStatus.CheckCudnn(Cudnn.SetStream(_handle, stream), "cudnnSetStream", "starting cuDNN");
            CudaStatus.CheckCudnn(Cudnn.CreateDropoutDescriptor(out _dropout), "cudnnCreateDropoutDescriptor", "starting cuDNN");
            _releases.Add(() => _ = Cudnn.DestroyDropoutDescriptor(_dropout));
            CudaStatus.CheckCudnn(Cudnn.SetDropoutDescriptor(_dropout, _handle, 0, 0, 0, 0), "cudnnSetDropoutDescriptor", "starting cuDNN");
        }
        catch
        {
            _releases.Dispose();
            throw;
        }
    }

    /// <summary>Version 9 counts 10000 · major + 100 · minor + patch, version 8 1000 · major + 100 · minor + patch.</summary>
    public static string VersionText
    {
        get
        {
            var version = (int)Cudnn.GetVersion();
            return version >= 90000 ? $"{version / 10000}.{version % 10000 / 100}.{version % 100}" : $"{version / 1000}.{version % 1000 / 100}.{version % 100}";
        }
    }

    public void Forward(LstmSequence sequence) => Of(sequence).Forward();

    public void Backward(LstmSequence sequence) => Of(sequence).Backward();

    public void Forward(BidirectionalLstm both) => Of(both).Forward();

    public void Backward(BidirectionalLstm both) => Of(both).Backward();

    /// <summary>Device memory that recurrences of so many inputs and steps will take together.</summary>
    public long Measure(IEnumerable<DeviceRecurrence> recurrences, int units, int rows, bool training)
    {
        long own = 0, workspace = 0;
        foreach (var (inputs, steps, directions) in recurrences)
        {
            var needed = CudnnLstm.Measure(new CudnnLstmSizes(directions, inputs, units, steps, rows, training), _handle, _dropout, _precision);
            (own, workspace) = (own + needed.Own, Math.Max(workspace, needed.Workspace));
        }

        return own + workspace;
    }

    public CudnnLstm Prepare(LstmSequence sequence)
    {
        var lstm = Create([sequence]);
        sequence.KeptByDevice = lstm;
        return lstm;
    }

    public CudnnLstm Prepare(BidirectionalLstm both)
    {
        var lstm = Create([both.Forward, both.Backward]);
        both.KeptByDevice = lstm;
        return lstm;
    }

    CudnnLstm Create(LstmSequence[] directions)
    {
        var lstm = new CudnnLstm(this, _device, directions, _handle, _dropout, _precision);
        _living.Add(lstm);
        return lstm;
    }

    CudnnLstm Of(LstmSequence sequence) => sequence.KeptByDevice as CudnnLstm ?? Prepare(sequence);

    CudnnLstm Of(BidirectionalLstm both) => both.KeptByDevice as CudnnLstm ?? Prepare(both);

    /// <summary>Address of a workspace of so many bytes; one for all that are prepared by now.</summary>
    public nint Workspace(long bytes) => _workspace.AtLeast(Math.Max(bytes, _living.Max(lstm => lstm.WorkspaceBytes)));

    /// <summary>Called by a recurrence that ends.</summary>
    public void Forget(CudnnLstm lstm)
    {
        if (_living.Remove(lstm) && _living.Count == 0)
            _workspace.Dispose();
    }

    public void Dispose()
    {
        foreach (var lstm in _living.ToArray())
            lstm.Dispose();
        _releases.Dispose();
    }
}
