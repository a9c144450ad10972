using VBiLstm.Cuda.Interop;

namespace VBiLstm.Cuda;

/// <summary>
/// Uploads that overlap with compute: data go to one of two pinned slots, from there on their own stream to the slot's twin in device memory, and only
/// the last, fast copy within the device waits for the operations before it. A slot is filled again when its copies are done.
/// </summary>
sealed unsafe class UploadRing : IDisposable
{
    const int SlotBytes = 8 << 20, Alignment = 64;

    readonly nint _compute;
    readonly nint _stream;
    readonly nint _uploaded;
    readonly Func<nint, CudaResult> _waitForEvent;
    readonly Slot[] _slots = new Slot[2];
    int _current;
    int _used;

    struct Slot
    {
        public nint Host, Device, Consumed;
    }

    /// <param name="compute">The stream that uses what is uploaded.</param>
    /// <param name="waitForEvent">Waits for an event on that stream.</param>
    public UploadRing(nint compute, Func<nint, CudaResult> waitForEvent)
    {
        (_compute, _waitForEvent) = (compute, waitForEvent);
        CudaStatus.Check(CudaDriver.StreamCreate(out _stream, StreamFlags.NonBlocking), "cuStreamCreate", "creating the upload stream");
        CudaStatus.Check(CudaDriver.EventCreate(out _uploaded, EventFlags.DisableTiming), "cuEventCreate", "creating an upload's event");
        foreach (ref var slot in _slots.AsSpan())
        {
            CudaStatus.Check(CudaDriver.MemHostAlloc(out slot.Host, SlotBytes, 0), "cuMemHostAlloc", "allocating pinned upload memory");
            CudaStatus.Check(CudaDriver.MemAlloc(out slot.Device, SlotBytes), "cuMemAlloc", "allocating upload memory");
            CudaStatus.Check(CudaDriver.EventCreate(out slot.Consumed, EventFlags.DisableTiming), "cuEventCreate", "creating an upload slot's event");
        }
    }

    /// <summary>Bytes that <see cref="Stage"/> takes at most at once.</summary>
    public static int MaximumBytes => SlotBytes;

    /// <summary>Copies <paramref name="source"/> to device memory that the compute stream may read until later uploads have filled both slots.</summary>
    public nint Stage(ReadOnlySpan<byte> source)
    {
        if (_used + source.Length > SlotBytes)
        {
            CudaStatus.Check(CudaDriver.EventRecord(_slots[_current].Consumed, _compute), "cuEventRecord", "closing an upload slot");
            _current ^= 1;
            _used = 0;
            CudaStatus.Check(_waitForEvent(_slots[_current].Consumed), "cuEventSynchronize", "waiting for an upload slot");
        }

        ref var slot = ref _slots[_current];
        var (host, device) = (slot.Host + _used, slot.Device + _used);
        source.CopyTo(new Span<byte>((void*)host, source.Length));
        _used += (source.Length + Alignment - 1) / Alignment * Alignment;
        CudaStatus.Check(CudaDriver.MemcpyHtoDAsync(device, host, (nuint)source.Length, _stream), "cuMemcpyHtoDAsync", "uploading");
        CudaStatus.Check(CudaDriver.EventRecord(_uploaded, _stream), "cuEventRecord", "uploading");
        CudaStatus.Check(CudaDriver.StreamWaitEvent(_compute, _uploaded, 0), "cuStreamWaitEvent", "uploading");
        return device;
    }

    public void Dispose()
    {
        _ = CudaDriver.StreamSynchronize(_stream);
        foreach (var slot in _slots)
        {
            _ = CudaDriver.EventDestroy(slot.Consumed);
            _ = CudaDriver.MemFree(slot.Device);
            _ = CudaDriver.MemFreeHost(slot.Host);
        }

        _ = CudaDriver.EventDestroy(_uploaded);
        _ = CudaDriver.StreamDestroy(_stream);
    }
}
