using VBiLstm.Configuration;

namespace VBiLstm.Tests.Reference;

/// <summary>Names and shapes of parameters as they are listed, a bias with one row.</summary>
sealed class ShapeList
{
    readonly List<(string Name, int Rows, int Columns)> _all = [];

    public IReadOnlyList<(string Name, int Rows, int Columns)> All => _all;

    public void Add(string name, int rows, int columns) => _all.Add((name, rows, columns));

    public void AddBias(string name, int columns) => Add(name, 1, columns);

    /// <summary>Weights under the given names with the given numbers of rows, and the bias of an LSTM of H units.</summary>
    public void AddLstm(string name, int units, params (string Weight, int Rows)[] inputs)
    {
        foreach (var (weight, rows) in inputs)
            Add($"{name}.{weight}", rows, 4 * units);
        Add($"{name}.weight_recurrent", units, 4 * units);
        AddBias($"{name}.bias", 4 * units);
    }

    /// <summary>A net with one hidden layer whose inputs have weights of their own.</summary>
    public void AddNet(string name, int hidden, int outputs, params (string Weight, int Rows)[] inputs)
    {
        foreach (var (weight, rows) in inputs)
            Add($"{name}.hidden.{weight}", rows, hidden);
        AddBias($"{name}.hidden.bias", hidden);
        Add($"{name}.output.weight", hidden, outputs);
        AddBias($"{name}.output.bias", outputs);
    }

    public void AddGenerator(string name, ModelConfiguration model, int inputs)
        => AddNet(name, model.MlpUnits, ReferenceOutputs.Width(model), ("weight", inputs));
}
