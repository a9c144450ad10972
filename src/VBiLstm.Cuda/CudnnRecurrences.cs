using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>The recurrences of a device that cuDNN runs, made at their first use.</summary>
sealed class CudnnRecurrences : IDisposable
{
    const int OldestVersion = 8000;

    readonly CudaDevice _device;
    readonly CudaPrecision _precision;
    readonly nint _handle;
    readonly nint _dropout;
    readonly Dictionary<LstmSequence, CudnnLstm> _bySequence = new(ReferenceEqualityComparer.Instance);

    public CudnnRecurrences(CudaDevice device, nint stream, CudaPrecision precision)
    {
        (_device, _precision) = (device, precision);
        if ((int)Cudnn.GetVersion() < OldestVersion)
            throw new CudaException($"cuDNN {VersionText} is too old: VBiLstm needs 8 or 9. Update it, or use --recurrence kernels.");
        CudaStatus.CheckCudnn(Cudnn.Create(out _handle), "cudnnCreate", "starting cuDNN");
        CudaStatus.CheckCudnn(Cudnn.SetStream(_handle, stream), "cudnnSetStream", "starting cuDNN");
        CudaStatus.CheckCudnn(Cudnn.CreateDropoutDescriptor(out _dropout), "cudnnCreateDropoutDescriptor", "starting cuDNN");
        CudaStatus.CheckCudnn(Cudnn.SetDropoutDescriptor(_dropout, _handle, 0, 0, 0, 0), "cudnnSetDropoutDescriptor", "starting cuDNN");
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

    /// <summary>Device memory that a recurrence of so many steps will take.</summary>
    public long Measure(int inputs, int units, int steps, int rows, bool training)
        => CudnnLstm.Measure(new CudnnLstmSizes(inputs, units, steps, rows, training), _handle, _dropout, _precision);

    CudnnLstm Of(LstmSequence sequence)
    {
        if (!_bySequence.TryGetValue(sequence, out var lstm))
            _bySequence.Add(sequence, lstm = new CudnnLstm(_device, sequence, _handle, _dropout, _precision));
        return lstm;
    }

    public void Dispose()
    {
        foreach (var lstm in _bySequence.Values)
            lstm.Dispose();
        _ = Cudnn.DestroyDropoutDescriptor(_dropout);
        _ = Cudnn.Destroy(_handle);
    }
}
