namespace VBiLstm.Devices;

/// <summary>A thread's claim to be a device's only caller, until it is disposed; see <see cref="Device.Claim"/>.</summary>
public readonly struct DeviceClaim : IDisposable, IEquatable<DeviceClaim>
{
    readonly Device _device;

    internal DeviceClaim(Device device) => _device = device;

    public void Dispose() => _device.EndClaim();

    public bool Equals(DeviceClaim other) => ReferenceEquals(_device, other._device);

    public override bool Equals(object? obj) => obj is DeviceClaim other && Equals(other);

    public override int GetHashCode() => _device.GetHashCode();

    public static bool operator ==(DeviceClaim left, DeviceClaim right) => left.Equals(right);

    public static bool operator !=(DeviceClaim left, DeviceClaim right) => !left.Equals(right);
}
