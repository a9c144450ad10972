using System.Numerics;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model;

/// <summary>The parameters of one model on one device and, for training, their gradients and Adam moments: flat arenas of one layout.</summary>
public sealed class ModelParameters : IDisposable
{
    const int PartialBlock = 1024;
    const int InitialisedAtOnce = 1 << 18;

    readonly Device _device;
    readonly Arena _arena;
    readonly List<Weight> _operands = [];
    readonly Tensor _partials, _received;

    /// <param name="device">Where the arenas live.</param>
    /// <param name="model">A valid configuration.</param>
    /// <param name="training">Whether gradients and moments are needed.</param>
    /// <param name="shards">Parts of a step's batch whose gradients come one after the other and are added, before those of the device's ranks are.</param>
    internal ModelParameters(Device device, ModelConfiguration model, bool training, int shards = 1)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shards);
        model.Validate();
        _device = device;
        Model = model;
        Shards = shards;
        Layout = new ParameterLayout(model);
        _arena = Arena.Create(device, "the parameters",
            arena => Take(arena, Layout, training, shards, device.Ranks.Size, device.RoundsOperands), out var arenas);
        (Values, Gradients, FirstMoments, SecondMoments, _partials, _received) = arenas;
    }

    /// <summary>Bytes that the arenas of such a model take, without taking them.</summary>
    internal static long Measure(ModelConfiguration model, bool training, int shards = 1, int ranks = 1, bool roundsOperands = false)
    {
        var layout = new ParameterLayout(model);
        return Arena.Measure(arena => Take(arena, layout, training, shards, ranks, roundsOperands));
    }

    /// <summary>Values that ranks add at a step: gradients and terms of the objective, filled up so that every rank gets as many whole blocks.</summary>
    internal static int SumLength(ParameterLayout layout, int ranks)
    {
        ArgumentNullException.ThrowIfNull(layout);
        var unit = checked(ranks * PartialBlock);
        return checked((layout.ArenaLength + StepMetrics.Terms + unit - 1) / unit * unit);
    }

    static (Tensor Values, Tensor Gradients, Tensor FirstMoments, Tensor SecondMoments, Tensor Partials, Tensor Received) Take(Arena arena,
        ParameterLayout layout, bool training, int shards, int ranks, bool roundsOperands)
    {
        var values = arena.Take(1, layout.ArenaLength, roundsOperands ? Readers.All : Readers.Operations);
        if (!training)
            return (values, default, default, default, default, default);
        if (shards == 1 && ranks == 1)
            return (values, Next(), Next(), Next(), default, default);

        var length = SumLength(layout, ranks);
        var partials = arena.Take(1 + BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)shards)), length);
        var received = ranks == 1 ? default : arena.Take(1, length);
        return (values, partials.RowRange(0, 1).ColumnRange(0, layout.ArenaLength), Next(), Next(), partials, received);

        Tensor Next() => arena.Take(1, layout.ArenaLength);
    }

    /// <summary>The model that they belong to.</summary>
    public ModelConfiguration Model { get; }

    internal ParameterLayout Layout { get; }

    /// <summary>Parts of a step's batch whose gradients are added here.</summary>
    internal int Shards { get; }

    /// <summary>[1, <see cref="ParameterLayout.ArenaLength"/>]; with their operands where the device rounds those.</summary>
    internal Tensor Values { get; }

    /// <summary>As <see cref="Values"/>; empty without training.</summary>
    internal Tensor Gradients { get; }

    /// <summary>Adam's mean of gradients; as <see cref="Values"/>; empty without training.</summary>
    internal Tensor FirstMoments { get; }

    /// <summary>Adam's mean of squared gradients; as <see cref="Values"/>; empty without training.</summary>
    internal Tensor SecondMoments { get; }

    /// <summary>
    /// Where the gradients of shards are added, as a matrix whose rows threads share out: 0 is <see cref="Gradients"/> with the terms of the objective behind
    /// them, 1 + l the sum of 2ˡ shards that waits for its neighbour. Only where <see cref="IsSum"/>.
    /// </summary>
    internal Tensor Partial(int index) => InBlocks(_partials.RowRange(index, 1));

    /// <summary>Room for what other ranks send of their <see cref="Partial"/> 0, as large; empty where there are none.</summary>
    internal Tensor Received => _received.IsEmpty ? default : InBlocks(_received);

    /// <summary>Whether the gradients are the sum of several shards or ranks.</summary>
    internal bool IsSum => !_partials.IsEmpty;

    static Tensor InBlocks(Tensor row) => new(row.Address, row.Columns / PartialBlock, PartialBlock, PartialBlock);

    /// <summary>[1, terms]: see <see cref="Partial"/>.</summary>
    internal Tensor TermsBehindGradients => _partials.RowRange(0, 1).ColumnRange(Layout.ArenaLength, StepMetrics.Terms);

    /// <summary>Bytes that each rank has of a sum over the ranks: gradients, the terms behind them, and padding to whole blocks.</summary>
    internal long SumBytes => (long)sizeof(float) * _partials.Columns;

    /// <summary>Device memory of the arenas in bytes.</summary>
    public long Bytes => _arena.UsedBytes;

    /// <summary>View of the parameter's values, [in, out] or [1, out]. Throws <see cref="KeyNotFoundException"/> for a name the model does not have.</summary>
    internal Tensor Value(string name) => Layout[name].In(Values);

    /// <summary>View of the parameter's gradient.</summary>
    internal Tensor Gradient(string name) => Layout[name].In(Gradients);

    /// <summary>
    /// The matrix as an operand of products, the same for every step and prior mode of these parameters; its owner is here. Whoever uses it brings it up
    /// to date with <see cref="Device.RefreshWeights"/>.
    /// </summary>
    internal Weight Operand(ParameterView view, WeightUse use)
    {
        var values = view.In(Values);
        foreach (var operand in _operands)
            if (operand.Values == values && (operand.Use & use) == use)
                return operand;
        var created = _device.CreateWeight(values, use);
        _operands.Add(created);
        return created;
    }

    /// <summary>
    /// Initialises every parameter from the seed (model.md section 8): output layers uniform in ±output_initialisation, other weights uniform
    /// in ±1/√fan-in, recurrent ones orthonormal where that is asked for, embeddings normal with the deviation embedding_initialisation, biases zero but for
    /// the forget gate's.
    /// </summary>
    internal void Initialise(long seed)
    {
        var buffer = new float[Math.Max(InitialisedAtOnce, Layout.All.Max(parameter => parameter.Columns))];
        for (var index = 0; index < Layout.All.Count; index++)
        {
            var parameter = Layout.All[index];
            var random = new CounterRandom(seed, NoiseStream.Initialisation, (uint)index, 0);
            if (parameter.Initialisation == ParameterInitialisation.Recurrent && Model.RecurrentInitialisation == RecurrentInitialisation.Orthogonal)
            {
                _device.Upload(OrthonormalRows.Draw(parameter.Rows, parameter.Columns, ref random), parameter.In(Values));
                continue;
            }

            var most = buffer.Length / parameter.Columns;
            for (var row = 0; row < parameter.Rows; row += most)
            {
                var rows = Math.Min(most, parameter.Rows - row);
                var values = buffer.AsSpan(0, rows * parameter.Columns);
                Initialise(parameter, values, ref random);
                _device.Upload(values, parameter.In(Values).RowRange(row, rows));
            }
        }
    }

    // Some rows, of which the next ones go on with the random numbers.
    void Initialise(Parameter parameter, Span<float> values, ref CounterRandom random)
    {
        switch (parameter.Initialisation)
        {
            case ParameterInitialisation.Zero:
                values.Clear();
                break;
            case ParameterInitialisation.ForgetGate:
                values.Clear();
                var units = parameter.Columns / 4;
                values.Slice(units, units).Fill((float)Model.ForgetGateBias);
                break;
            case ParameterInitialisation.Embedding:
                var deviation = (float)Model.EmbeddingInitialisation;
                foreach (ref var value in values)
                    value = deviation * random.NextNormal();
                break;
            case ParameterInitialisation.OutputLayer:
                Uniform((float)Model.OutputInitialisation, values, ref random);
                break;
            case ParameterInitialisation.FanIn or ParameterInitialisation.Recurrent:
                Uniform(1 / MathF.Sqrt(parameter.Rows), values, ref random);
                break;
            default:
                throw new InvalidOperationException($"{parameter.Name} has no initialisation of {parameter.Initialisation}.");
        }

        static void Uniform(float bound, Span<float> values, ref CounterRandom random)
        {
            foreach (ref var value in values)
                value = bound * (2 * random.NextSingle() - 1);
        }
    }

    /// <summary>Gives the device's memory back. Parameters of a trainer or a trained model are disposed with that.</summary>
    public void Dispose()
    {
        foreach (var operand in _operands)
            operand.Dispose();
        _arena.Dispose();
    }
}
