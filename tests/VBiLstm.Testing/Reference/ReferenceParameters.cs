using VBiLstm.Configuration;
using VBiLstm.Model;
using VBiLstm.Tests.Oracle;

namespace VBiLstm.Tests.Reference;

/// <summary>Parameters of the reference by name, fresh leaves of a tape.</summary>
public static class ReferenceParameters
{
    public static Dictionary<string, Variable> Of(OracleCase oracle)
        => oracle.TensorNames.Where(name => name.StartsWith("param.", StringComparison.Ordinal))
            .ToDictionary(name => name["param.".Length..], name => Leaf(oracle.Shape(name), oracle.Tensor(name)));

    /// <summary>Weights N(0, 1/fan-in), biases 0.3 N(0, 1), embeddings N(0, 1).</summary>
    public static Dictionary<string, Variable> Random(ModelConfiguration model, int seed)
    {
        var random = new Random(seed);
        return new ParameterLayout(model).All.ToDictionary(parameter => parameter.Name, parameter =>
        {
            var scale = parameter.IsBias ? 0.3 : parameter.Name == "embedding.weight" ? 1 : 1 / Math.Sqrt(parameter.Rows);
            return Leaf(parameter.Shape, [.. Enumerable.Range(0, parameter.Rows * parameter.Columns).Select(_ => scale * ReferenceInputs.Gaussian(random))]);
        });
    }

    /// <summary>New leaves with each value moved by step times the direction of its name.</summary>
    public static Dictionary<string, Variable> Moved(
        IReadOnlyDictionary<string, Variable> parameters, IReadOnlyDictionary<string, double[]> directions, double step)
        => parameters.ToDictionary(entry => entry.Key, entry => Variable.Of(entry.Value.Rows, entry.Value.Columns,
            directions.TryGetValue(entry.Key, out var direction) ? [.. entry.Value.Value.Zip(direction, (value, d) => value + step * d)] : entry.Value.Value));

    static Variable Leaf(int[] shape, double[] values) => Variable.Of(shape.Length == 1 ? 1 : shape[0], shape[^1], values);
}
