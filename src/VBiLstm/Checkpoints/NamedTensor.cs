namespace VBiLstm.Checkpoints;

/// <summary>A float32 tensor of a file, under a name.</summary>
/// <param name="name">Its name.</param>
/// <param name="shape">Its shape.</param>
/// <param name="read">Gives its values, row-major.</param>
public sealed class NamedTensor(string name, IReadOnlyList<int> shape, Func<float[]> read)
{
    public NamedTensor(string name, IReadOnlyList<int> shape, float[] values)
        : this(name, shape, () => values)
    {
    }

    public string Name => name;

    public IReadOnlyList<int> Shape => shape;

    /// <summary>Row-major; of a tensor on a device, as it is now and read anew each time, so that no more than one need be on the host.</summary>
    public float[] Values => read();
}
