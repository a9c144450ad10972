using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>What the values of a parameter are before the first step (model.md section 8).</summary>
enum ParameterInitialisation
{
    /// <summary>Uniform in ±1/√inputs.</summary>
    FanIn,

    /// <summary>Uniform in ±<c>model.output_initialisation</c>.</summary>
    OutputLayer,

    /// <summary>Of an LSTM's recurrent weight: as <see cref="FanIn"/>, or orthonormal rows (<c>model.recurrent_initialisation</c>).</summary>
    Recurrent,

    /// <summary>Normal with deviation <c>model.embedding_initialisation</c>.</summary>
    Embedding,

    /// <summary>A bias of zeros.</summary>
    Zero,

    /// <summary>A bias of zeros but for the forget gates', which is <c>model.forget_gate_bias</c>.</summary>
    ForgetGate,
}

/// <summary>One named parameter: a matrix [rows, columns] (a bias has one row) inside the flat arena.</summary>
/// <param name="Name">Name as in the golden vectors and checkpoints, for instance <c>forward_lstm.weight_recurrent</c>.</param>
/// <param name="View">Where it stands.</param>
/// <param name="Initialisation">Its first values.</param>
/// <param name="GradientPhase">The phase that computes its gradient.</param>
sealed record Parameter(string Name, ParameterView View, ParameterInitialisation Initialisation, TrainingPhase GradientPhase)
{
    public bool IsBias => Initialisation is ParameterInitialisation.Zero or ParameterInitialisation.ForgetGate;

    /// <summary>Element [0, 0] in the arena.</summary>
    public int Offset => View.Offset;

    /// <summary>Inputs; 1 for a bias.</summary>
    public int Rows => View.Rows;

    /// <summary>Outputs.</summary>
    public int Columns => View.Columns;

    /// <summary>Elements from row to row; larger than the columns inside a stacked matrix.</summary>
    public int Stride => View.Stride;

    /// <summary>Shape in files: [columns] for a bias, [rows, columns] otherwise.</summary>
    public int[] Shape => IsBias ? [Columns] : [Rows, Columns];

    /// <summary>This parameter's view of an arena of its layout (values, gradients or moments).</summary>
    public Tensor In(Tensor arena) => View.In(arena);
}

/// <summary>Where a matrix stands in a flat arena: a parameter, some of its rows, or several parameters side by side.</summary>
readonly record struct ParameterView(int Offset, int Rows, int Columns, int Stride)
{
    public ParameterView RowRange(int start, int count) => this with { Offset = Offset + start * Stride, Rows = count };

    public ParameterView ColumnRange(int start, int count) => this with { Offset = Offset + start, Columns = count };

    /// <summary>The matrix in an arena of its layout.</summary>
    public Tensor In(Tensor arena) => arena.IsEmpty ? default : arena.View(Offset, Rows, Columns, Stride);
}
