using VBiLstm.Devices;

namespace VBiLstm.Benchmarks.Peer;

static class HostValues
{
    /// <summary>A tensor's values, for the comparison of the sides.</summary>
    public static float[] Read(this Device device, Tensor tensor)
    {
        var values = new float[tensor.Count];
        device.Download(tensor, values);
        return values;
    }
}
