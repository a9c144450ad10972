using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>One named parameter: a matrix [rows, columns] (a bias has one row) inside the flat arena.</summary>
/// <param name="Name">Name as in the golden vectors and checkpoints, for instance <c>forward_lstm.weight_recurrent</c>.</param>
/// <param name="Offset">Element [0, 0] in the arena.</param>
/// <param name="Rows">Inputs; 1 for a bias.</param>
/// <param name="Columns">Outputs.</param>
/// <param name="Stride">Elements from row to row; larger than the columns inside a stacked matrix.</param>
public sealed record Parameter(string Name, int Offset, int Rows, int Columns, int Stride)
{
    public bool IsBias => Name.EndsWith("bias", StringComparison.Ordinal);

    /// <summary>Shape in files: [columns] for a bias, [rows, columns] otherwise.</summary>
    public int[] Shape => IsBias ? [Columns] : [Rows, Columns];

    /// <summary>This parameter's view of an arena of this layout (values, gradients or moments).</summary>
    public Tensor In(Tensor arena) => new(arena.Address + (nint)Offset * sizeof(float), Rows, Columns, Stride);
}

/// <summary>
/// Where each parameter stands in one flat arena. The weights of the recurrence share one stacked matrix, so that products with a
/// common input are one product (model.md F3 and B5):
/// <code>
///          M columns   4H columns
/// h rows   Q_1h        U_f
/// z rows   S_1         W_z
/// b rows   Q_1b        W_b̃          (variational-bilstm only; z-forcing has Q_1b apart)
/// </code>
/// A block of rows is a forward stack, the right block of columns is the stack of the reverse loop.
/// </summary>
public sealed class ParameterLayout
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
        var (e, h, z, m, o) = (model.InputSize, model.LstmUnits, model.LatentUnits, model.MlpUnits, model.OutputSize);
        if (model.IsCategorical)
            Add("embedding.weight", model.VocabularySize, e);
        if (model.HasBackwardLstm)
        {
            Add("backward_lstm.weight_input", e, 4 * h);
            Add("backward_lstm.weight_recurrent", h, 4 * h);
            Add("backward_lstm.bias", 1, 4 * h);
        }

        Add("forward_lstm.weight_input", e, 4 * h);
        Add("forward_lstm.bias", 1, 4 * h);
        if (model.HasChannel)
        {
            StackColumns = m + 4 * h;
            StackRows = model.FeedsBTilde ? h + z + h : h + z;
            StackOffset = Reserve(StackRows, StackColumns);
            AddToStack("posterior.hidden.weight_h", 0, 0, h, m);
            AddToStack("forward_lstm.weight_recurrent", 0, m, h, 4 * h);
            AddToStack("psi.hidden.weight_z", h, 0, z, m);
            AddToStack("forward_lstm.weight_z", h, m, z, 4 * h);
            if (model.FeedsBTilde)
            {
                AddToStack("posterior.hidden.weight_b", h + z, 0, h, m);
                AddToStack("forward_lstm.weight_b_tilde", h + z, m, h, 4 * h);
            }
            else
            {
                Add("posterior.hidden.weight_b", h, m);
            }

            Add("posterior.hidden.bias", 1, m);
            AddOutput("posterior", m, 2 * z);
            if (model.HasLearnedPrior)
            {
                Add("prior.hidden.weight_h", h, m);
                Add("prior.hidden.bias", 1, m);
                AddOutput("prior", m, 2 * z);
            }

            Add("psi.hidden.bias", 1, m);
            AddOutput("psi", m, 2 * h);
            if (model.HasXi)
            {
                Add("xi.hidden.weight_z", z, m);
                Add("xi.hidden.bias", 1, m);
                AddOutput("xi", m, 2 * h);
            }
        }
        else
        {
            Add("forward_lstm.weight_recurrent", h, 4 * h);
        }

        var concatenated = model.ReadsFuture ? h : model.GeneratorInput == GeneratorInput.HZBTilde ? z + h : 0;
        Add("generator.hidden.weight", h + concatenated, m);
        Add("generator.hidden.bias", 1, m);
        AddOutput("generator", m, o);
    }

    /// <summary>Every parameter, in the order of the arena.</summary>
    public IReadOnlyList<Parameter> All => _all;

    public Parameter this[string name] => _byName[name];

    /// <summary>Elements of the arena, padding between blocks included.</summary>
    public int ArenaLength { get; private set; }

    /// <summary>Number of trainable values.</summary>
    public long Count => _all.Sum(parameter => (long)parameter.Rows * parameter.Columns);

    int StackOffset { get; }

    int StackRows { get; }

    int StackColumns { get; }

    /// <summary>The stacked matrix of the recurrence [H+Z(+H), M+4H] in an arena of this layout; empty where there is no channel.</summary>
    public Tensor Stack(Tensor arena) => StackRows == 0 ? default : new Tensor(arena.Address + (nint)StackOffset * sizeof(float), StackRows, StackColumns, StackColumns);

    void AddOutput(string net, int inputs, int outputs)
    {
        Add(net + ".output.weight", inputs, outputs);
        Add(net + ".output.bias", 1, outputs);
    }

    void Add(string name, int rows, int columns) => Include(new Parameter(name, Reserve(rows, columns), rows, columns, columns));

    void AddToStack(string name, int row, int column, int rows, int columns)
        => Include(new Parameter(name, StackOffset + row * StackColumns + column, rows, columns, StackColumns));

    void Include(Parameter parameter)
    {
        _all.Add(parameter);
        _byName.Add(parameter.Name, parameter);
    }

    int Reserve(int rows, int columns)
    {
        var offset = ArenaLength;
        var end = offset + ((long)rows * columns + BlockAlignment - 1) / BlockAlignment * BlockAlignment;
        if (end > int.MaxValue)
            throw new ConfigurationException($"The model has more than {int.MaxValue:N0} parameters; use smaller model.lstm_units, model.mlp_units or model.vocabulary_size.");
        ArenaLength = (int)end;
        return offset;
    }
}
