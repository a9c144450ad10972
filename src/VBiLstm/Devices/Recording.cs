namespace VBiLstm.Devices;

/// <summary>Operations that are called again and again; see <see cref="Device.Record"/>. Disposing it gives back what the device keeps for it.</summary>
abstract class Recording : IDisposable
{
    /// <summary>Runs the operations once more, on the values that their buffers then hold.</summary>
    public abstract void Replay();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>Where there is nothing to gain: plain calls.</summary>
sealed class PlainRecording(Action operations) : Recording
{
    public override void Replay() => operations();

    protected override void Dispose(bool disposing)
    {
    }
}
