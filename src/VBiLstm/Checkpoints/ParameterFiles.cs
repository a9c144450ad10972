using VBiLstm.Devices;
using VBiLstm.Model;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace VBiLstm.Checkpoints;

/// <summary>Parameters and moments to and from the tensors of files.</summary>
static class ParameterFiles
{
    /// <summary>Every parameter's part of an arena of the layout (values or moments), which is downloaded when it is asked for.</summary>
    public static IReadOnlyList<NamedTensor> OnDevice(Device device, ParameterLayout layout, Tensor arena)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(layout);
        return [.. layout.All.Select(parameter => new NamedTensor(parameter.Name, parameter.Shape, () =>
        {
            var values = new float[parameter.Rows * parameter.Columns];
            device.Download(parameter.In(arena), values);
            return values;
        }))];
    }

    /// <summary>Refuses tensors that are not all those of a layout, in any order.</summary>
    /// <param name="tensors">Of a file.</param>
    /// <param name="layout">Of the configuration that stands beside them.</param>
    /// <param name="path">Of the file, named in errors.</param>
    /// <exception cref="CheckpointException">One is missing, of another shape, or of no parameter.</exception>
    public static void Check(IReadOnlyList<NamedTensor> tensors, ParameterLayout layout, string path)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(layout);
        var byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        foreach (var parameter in layout.All)
        {
            if (!byName.Remove(parameter.Name, out var tensor))
                throw new CheckpointException($"{path}: tensor {parameter.Name} is missing.");
            if (!tensor.Shape.SequenceEqual(parameter.Shape))
                throw new CheckpointException($"{path}: {parameter.Name} has shape [{string.Join(", ", tensor.Shape)}]; "
                    + $"the configuration beside it needs [{string.Join(", ", parameter.Shape)}].");
        }

        if (byName.Count > 0)
            throw new CheckpointException($"{path}: tensor {byName.Keys.First()} is not of this model.");
    }

    /// <summary>The first tensor that holds a value that is not finite; null where every value is.</summary>
    public static string? FirstNonFinite(IReadOnlyList<NamedTensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        return tensors.FirstOrDefault(tensor => !TensorPrimitives.IsFiniteAll<float>(tensor.Values))?.Name;
    }

    /// <summary>Fills an arena; names and shapes were checked when the tensors were read.</summary>
    public static void Upload(Device device, ParameterLayout layout, IReadOnlyList<NamedTensor> tensors, Tensor arena)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(tensors);
        foreach (var tensor in tensors)
            device.Upload(tensor.Values, layout[tensor.Name].In(arena));
    }
}
