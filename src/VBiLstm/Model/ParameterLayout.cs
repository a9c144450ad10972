using VBiLstm.Configuration;

namespace VBiLstm.Model;

/// <summary>Where each parameter of a model stands in one flat arena. The parts of the model add theirs, in the order of the arena.</summary>
sealed class ParameterLayout
{
    // Blocks start on cache lines; the padding holds zeros and gets no gradient.
    const int BlockAlignment = 16;

    readonly Dictionary<string, Parameter> _byName = new(StringComparer.Ordinal);
    readonly List<Parameter> _all = [];

    /// <summary>Lays out the parameters of a valid configuration.</summary>
    /// <exception cref="ConfigurationException">More parameters than an arena can hold.</exception>
    public ParameterLayout(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Model = Models.SequenceModel.Create(model, this);
    }

    /// <summary>What the parameters belong to.</summary>
    public Models.SequenceModel Model { get; }

    /// <summary>Every parameter, in the order of the arena.</summary>
    public IReadOnlyList<Parameter> All => _all;

    public Parameter this[string name] => _byName[name];

    /// <summary>Elements of the arena, padding between blocks included.</summary>
    public int ArenaLength { get; private set; }

    /// <summary>Number of trainable values.</summary>
    public long Count => CountOf(_ => true);

    /// <summary>Number of values of some parameters.</summary>
    internal long CountOf(Func<Parameter, bool> counts) => _all.Where(counts).Sum(parameter => (long)parameter.Rows * parameter.Columns);

    /// <summary>Adds a weight [rows, columns].</summary>
    internal Parameter Add(string name, int rows, int columns, TrainingPhase gradientPhase,
        ParameterInitialisation initialisation = ParameterInitialisation.FanIn)
        => Include(new Parameter(name, Reserve(rows, columns), initialisation, gradientPhase));

    /// <summary>Adds a bias [1, columns].</summary>
    internal Parameter AddBias(string name, int columns, TrainingPhase gradientPhase, ParameterInitialisation initialisation = ParameterInitialisation.Zero)
        => Add(name, 1, columns, gradientPhase, initialisation);

    /// <summary>Reserves a matrix for weights that stand side by side, so that products with a common input are one product.</summary>
    internal ParameterView AddStack(int rows, int columns) => Reserve(rows, columns);

    /// <summary>Adds a weight that is part of a stack.</summary>
    internal Parameter AddTo(ParameterView stack, string name, int row, int column, int rows, int columns, TrainingPhase gradientPhase,
        ParameterInitialisation initialisation = ParameterInitialisation.FanIn)
        => Include(new Parameter(name, stack.RowRange(row, rows).ColumnRange(column, columns), initialisation, gradientPhase));

    Parameter Include(Parameter parameter)
    {
        _all.Add(parameter);
        _byName.Add(parameter.Name, parameter);
        return parameter;
    }

    ParameterView Reserve(int rows, int columns)
    {
        var offset = ArenaLength;
        var end = offset + ((long)rows * columns + BlockAlignment - 1) / BlockAlignment * BlockAlignment;
        if (end > int.MaxValue)
        {
            throw new ConfigurationException(
                $"The model has more than {int.MaxValue:N0} parameters; use smaller model.lstm_units, model.mlp_units or model.vocabulary_size.");
        }

        ArenaLength = (int)end;
        return new ParameterView(offset, rows, columns, columns);
    }
}
