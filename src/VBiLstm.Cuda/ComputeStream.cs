using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>
/// A stream and what its work may not share with that of another: the handles of cuBLAS and cuBLASLt with their workspace, and the reductions' scratch. NVIDIA
/// promises a product the same bits whatever other streams do only where each has a handle and a workspace of its own.
/// </summary>
sealed class ComputeStream : IDisposable
{
    // NVIDIA's advice for Hopper; earlier GPUs need less. As much on every stream, for cuBLAS chooses by it.
    const int WorkspaceBytes = 32 << 20;

    readonly Releases _releases = new();

    /// <param name="device">Where it runs.</param>
    /// <param name="handle">The driver's.</param>
    /// <param name="scratchBytes">What reductions need.</param>
    /// <exception cref="CudaException">cuBLAS is missing or fails.</exception>
    /// <exception cref="InsufficientMemoryException">The GPU has no room for the workspace.</exception>
    public ComputeStream(CudaDevice device, nint handle, int scratchBytes)
    {
        Handle = handle;
        try
        {
            var workspace = _releases.Add(device.AllocateUncleared(WorkspaceBytes, "the workspace of cuBLAS"));
            Scratch = _releases.Add(device.Allocate(scratchBytes, "the reductions' scratch")).Address;
            Products = _releases.Add(new CublasProducts(handle, workspace.Address, WorkspaceBytes, device.Options.Precision));
        }
        catch
        {
            _releases.Dispose();
            throw;
        }
    }

    public nint Handle { get; }

    public CublasProducts Products { get; }

    /// <summary>Address of the reductions' scratch.</summary>
    public nint Scratch { get; }

    public void Dispose() => _releases.Dispose();
}
