namespace VBiLstm.Devices;

/// <summary>A thread's claim to be a device's only caller, until it is disposed; see <see cref="Device.Claim"/>.</summary>
readonly record struct DeviceClaim : IDisposable
{
    readonly Device _device;

    internal DeviceClaim(Device device) => _device = device;

    public void Dispose() => _device.EndClaim();
}
