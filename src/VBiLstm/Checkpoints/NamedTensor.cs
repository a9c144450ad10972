namespace VBiLstm.Checkpoints;

/// <summary>A float32 tensor of a file: row-major values under a name.</summary>
public sealed record NamedTensor(string Name, IReadOnlyList<int> Shape, float[] Values);
