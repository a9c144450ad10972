namespace VBiLstm.Devices;

/// <summary>A tensor's copy on the host; see <see cref="Device.CreateReadback"/>.</summary>
abstract class Readback : IDisposable
{
    /// <summary>Copies the values that the operations called so far leave; returns at once where the device can.</summary>
    public abstract void Start();

    /// <summary>Waits for the last <see cref="Start"/> alone, not for later operations. Valid until the next one.</summary>
    public abstract ReadOnlySpan<float> Wait();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
