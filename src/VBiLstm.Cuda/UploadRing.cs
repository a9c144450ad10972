using VBiLstm.Cuda.Interop;

namespace VBiLstm.Cuda;

/// <summary>
/// Uploads that overlap with compute: data go to one of two pinned slots, from there on their own stream to the slot's twin in device memory, and only
/// the last, fast copy within the device waits for the operations before it; small ones wait whole. A slot is filled again when its copies are done.
/// </summary>
sealed unsafe class UploadRing : IDisposable
{
    const int SlotBytes = 8 << 20, DirectBytes = 64 << 10, Alignment = 64;

    readonly nint _compute;
    readonly nint _stream;
    readonly nint _uploaded;
    readonly Func<nint, CudaResult> _waitForEvent;
    readonly Slot[] _slots = new Slot[2];
    readonly Releases _releases = new();
    int _current;
    int _used;

    readonly record struct Slot(nint Host, nint Device, nint Consumed);

    /// <param name="compute">The stream that uses what is uploaded.</param>
    /// <param name="waitForEvent">Waits for an event on that stream.</param>
    public UploadRing(nint compute, Func<nint, CudaResult> waitForEvent)
    {
        (_compute, _waitForEvent) = (compute, waitForEvent);
        try
        {
            CudaStatus.Check(CudaDriver.StreamCreate(out _stream, StreamFlags.NonBlocking), "cuStreamCreate", "creating the upload stream");
            _releases.Add(() => _ = CudaDriver.StreamDestroy(_stream));
            _uploaded = NewEvent("creating an upload's event");
            for (var i = 0; i < _slots.Length; i++)
                _slots[i] = NewSlot();
        }
        catch
        {
            _releases.Dispose();
            throw;
        }
    }

    Slot NewSlot()
    {
        CudaStatus.Check(CudaDriver.MemHostAlloc(out var host, SlotBytes, 0), "cuMemHostAlloc", "allocating pinned upload memory");
        _releases.Add(() => _ = CudaDriver.MemFreeHost(host));
        CudaStatus.Check(CudaDriver.MemAlloc(out var device, SlotBytes), "cuMemAlloc", "allocating upload memory");
        _releases.Add(() => _ = CudaDriver.MemFree(device));
        return new Slot(host, device, NewEvent("creating an upload slot's event"));
    }

    nint NewEvent(string doing)
    {
        CudaStatus.Check(CudaDriver.EventCreate(out var created, EventFlags.DisableTiming), "cuEventCreate", doing);
        _releases.Add(() => _ = CudaDriver.EventDestroy(created));
        return created;
    }

    /// <summary>Bytes that <see cref="Stage"/> takes at most at once.</summary>
    public static int MaximumBytes => SlotBytes;

    /// <summary>Copies <paramref name="source"/>, of any size, to <paramref name="target"/> in the order of the compute stream.</summary>
    public void Upload(ReadOnlySpan<byte> source, nint target)
    {
        // What the bus carries in the time of a copy within the device: one call instead of four.
        if (source.Length <= DirectBytes)
        {
            var host = Take(source);
            CudaStatus.Check(CudaDriver.MemcpyHtoDAsync(target, host.Host, (nuint)source.Length, _compute), "cuMemcpyHtoDAsync", "uploading");
            return;
        }

        for (var start = 0; start < source.Length; start += SlotBytes)
        {
            var part = source.Slice(start, Math.Min(SlotBytes, source.Length - start));
            CudaStatus.Check(CudaDriver.MemcpyDtoDAsync(target + start, Stage(part), (nuint)part.Length, _compute), "cuMemcpyDtoDAsync", "uploading");
        }
    }

    /// <summary>Copies <paramref name="source"/> to device memory that the compute stream may read until later uploads have filled both slots.</summary>
    public nint Stage(ReadOnlySpan<byte> source)
    {
        var (host, device) = Take(source);
        CudaStatus.Check(CudaDriver.MemcpyHtoDAsync(device, host, (nuint)source.Length, _stream), "cuMemcpyHtoDAsync", "uploading");
        CudaStatus.Check(CudaDriver.EventRecord(_uploaded, _stream), "cuEventRecord", "uploading");
        CudaStatus.Check(CudaDriver.StreamWaitEvent(_compute, _uploaded, 0), "cuStreamWaitEvent", "uploading");
        return device;
    }

    // A place in a slot and its twin, with the source in the first.
    (nint Host, nint Device) Take(ReadOnlySpan<byte> source)
    {
        if (_used + source.Length > SlotBytes)
        {
            CudaStatus.Check(CudaDriver.EventRecord(_slots[_current].Consumed, _compute), "cuEventRecord", "closing an upload slot");
            _current ^= 1;
            _used = 0;
            CudaStatus.Check(_waitForEvent(_slots[_current].Consumed), "cuEventSynchronize", "waiting for an upload slot");
        }

        var slot = _slots[_current];
        var (host, device) = (slot.Host + _used, slot.Device + _used);
        source.CopyTo(new Span<byte>((void*)host, source.Length));
        _used += (source.Length + Alignment - 1) / Alignment * Alignment;
        return (host, device);
    }

    public void Dispose()
    {
        _ = CudaDriver.StreamSynchronize(_stream);
        _releases.Dispose();
    }
}
