using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>
/// What the passes of a model's parts are built from: tensors of one arena, and the parameters with their gradients as operands. Building runs twice, the first
/// time on a measuring arena, where nothing may be computed.
/// </summary>
sealed class Workspace : IDisposable
{
    // What a pass that is only measured, or never goes backward, holds in place of an operand.
    static readonly Weight _noOperand = new NoOperand();

    readonly Arena _arena;
    readonly ModelParameters? _parameters;
    readonly List<Weight> _operands = [];
    readonly List<IDisposable> _own = [];

    /// <param name="device">Owner of the memory.</param>
    /// <param name="arena">Where the tensors are taken from.</param>
    /// <param name="model">The model's switches.</param>
    /// <param name="parameters">Null where the arena only measures.</param>
    /// <param name="training">Whether the backward pass will run.</param>
    public Workspace(Device device, Arena arena, ModelConfiguration model, ModelParameters? parameters, bool training)
    {
        (Device, _arena, _parameters, Training) = (device, arena, arena.IsMeasuring ? null : parameters, training);
        Functions = new ModelFunctions(model);
    }

    public Device Device { get; }

    public bool Training { get; }

    /// <summary>Whether its tensors have sizes but no memory.</summary>
    public bool IsMeasuring => _arena.IsMeasuring;

    public ModelFunctions Functions { get; }

    /// <summary>Every operand handed out, for <see cref="Device.RefreshWeights"/>.</summary>
    public IReadOnlyList<Weight> Operands => _operands;

    /// <summary>A tensor in the forms that its readers need on this device.</summary>
    public Tensor Take(int rows, int columns, Readers readers = Readers.Operations)
        => _arena.Take(rows, columns, Device.RoundsOperands ? readers : Readers.Operations);

    /// <summary>Empty where the condition does not hold.</summary>
    public Tensor TakeIf(bool condition, int rows, int columns, Readers readers = Readers.Operations)
        => condition ? Take(rows, columns, readers) : default;

    /// <summary>Empty where only the forward pass runs.</summary>
    public Tensor TakeForTraining(int rows, int columns, Readers readers = Readers.Operations) => TakeIf(Training, rows, columns, readers);

    /// <summary>Readers of what products alone read in a training step, while an evaluation looks at it too.</summary>
    public Readers ProductsInTraining => Training ? Readers.Products : Readers.All;

    public IdTensor TakeIds(int count) => _arena.TakeIds(count);

    /// <summary>All parameters, [1, arena]; empty where the arena only measures.</summary>
    public Tensor Values => _parameters?.Values ?? default;

    public Tensor Value(Parameter parameter) => parameter.In(_parameters?.Values ?? default);

    /// <summary>Empty where only the forward pass runs.</summary>
    public Tensor Gradient(Parameter parameter) => Gradient(parameter.View);

    /// <inheritdoc cref="Gradient(Parameter)"/>
    public Tensor Gradient(ParameterView view) => Training ? view.In(_parameters?.Gradients ?? default) : default;

    /// <summary>A matrix as an operand of products; where only the forward pass runs, of no others than forward ones.</summary>
    public Weight Operand(ParameterView view, WeightUse use)
    {
        if (!Training)
            use &= WeightUse.Forward;
        if (_parameters is null || use == 0)
            return _noOperand;
        var operand = _parameters.Operand(view, use);
        _operands.Add(operand);
        return operand;
    }

    /// <summary>A matrix of the step's own as an operand; the caller fills it and refreshes the operand.</summary>
    public Weight OperandOf(Tensor values, WeightUse use)
    {
        if (_parameters is null || use == 0)
            return _noOperand;
        var operand = Device.CreateWeight(values, use);
        _operands.Add(operand);
        _own.Add(operand);
        return operand;
    }

    /// <summary>Has the device prepare a recurrence, which the step owns.</summary>
    public LstmSequence Prepare(LstmSequence sequence) => Own(sequence, Device.Prepare);

    /// <summary>Has the device prepare two directions over one input, which the step owns.</summary>
    public BidirectionalLstm Prepare(BidirectionalLstm lstm) => Own(lstm, Device.PrepareBidirectional);

    /// <summary>Has the device prepare loops over time, which the step owns.</summary>
    public VariationalLoop Prepare(VariationalLoop loop) => Own(loop, Device.PrepareLoop);

    T Own<T>(T prepared, Action<T> prepare)
        where T : IDisposable
    {
        if (_parameters is null)
            return prepared;
        _own.Add(prepared);
        prepare(prepared);
        return prepared;
    }

    /// <inheritdoc cref="Operand(ParameterView, WeightUse)"/>
    public Weight Operand(Parameter parameter, WeightUse use = WeightUse.Forward | WeightUse.Transposed) => Operand(parameter.View, use);

    /// <summary>Frees the step's own: recurrences, and the operands of its own matrices; those of parameters are the parameters'.</summary>
    public void Dispose()
    {
        foreach (var own in _own)
            own.Dispose();
    }

    sealed class NoOperand() : Weight(default, 0)
    {
        public override long Bytes => 0;

        protected override void Dispose(bool disposing)
        {
        }
    }
}
