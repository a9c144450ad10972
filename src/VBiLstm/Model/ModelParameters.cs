using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model;

/// <summary>The parameters of one model on one device and, for training, their gradients and Adam moments: flat arenas of one layout.</summary>
public sealed class ModelParameters : IDisposable
{
    readonly Device _device;
    readonly Arena _arena;
    readonly List<Weight> _operands = [];

    /// <param name="device">Where the arenas live.</param>
    /// <param name="model">A valid configuration.</param>
    /// <param name="training">Whether gradients and moments are needed.</param>
    public ModelParameters(Device device, ModelConfiguration model, bool training)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(model);
        model.Validate();
        _device = device;
        Model = model;
        Layout = new ParameterLayout(model);
        _arena = Arena.Create(device, "the parameters", arena => Take(arena, Layout, training), out var arenas);
        (Values, Gradients, FirstMoments, SecondMoments) = arenas;
    }

    /// <summary>Bytes that the arenas of such a model take, without taking them.</summary>
    public static long Measure(ModelConfiguration model, bool training)
    {
        var layout = new ParameterLayout(model);
        return Arena.Measure(arena => Take(arena, layout, training));
    }

    static (Tensor Values, Tensor Gradients, Tensor FirstMoments, Tensor SecondMoments) Take(Arena arena, ParameterLayout layout, bool training)
    {
        return training ? (Next(), Next(), Next(), Next()) : (Next(), default, default, default);

        Tensor Next() => arena.Take(1, layout.ArenaLength);
    }

    public ModelConfiguration Model { get; }

    public ParameterLayout Layout { get; }

    /// <summary>[1, <see cref="ParameterLayout.ArenaLength"/>].</summary>
    public Tensor Values { get; }

    /// <summary>As <see cref="Values"/>; empty without training.</summary>
    public Tensor Gradients { get; }

    /// <summary>Adam's mean of gradients; as <see cref="Values"/>; empty without training.</summary>
    public Tensor FirstMoments { get; }

    /// <summary>Adam's mean of squared gradients; as <see cref="Values"/>; empty without training.</summary>
    public Tensor SecondMoments { get; }

    public long Bytes => _arena.UsedBytes;

    /// <summary>View of the parameter's values, [in, out] or [1, out]. Throws <see cref="KeyNotFoundException"/> for a name the model does not have.</summary>
    public Tensor Value(string name) => Layout[name].In(Values);

    /// <summary>View of the parameter's gradient.</summary>
    public Tensor Gradient(string name) => Layout[name].In(Gradients);

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
    /// in ±1/√fan-in, embeddings standard normal scaled by 0.1, biases zero but for the forget gate's.
    /// </summary>
    public void Initialise(long seed)
    {
        for (var index = 0; index < Layout.All.Count; index++)
        {
            var parameter = Layout.All[index];
            var values = new float[parameter.Rows * parameter.Columns];
            var random = new CounterRandom(seed, NoiseStream.Initialisation, (uint)index, 0);
            switch (parameter.Initialisation)
            {
                case ParameterInitialisation.Zero:
                    break;
                case ParameterInitialisation.ForgetGate:
                    var units = parameter.Columns / 4;
                    values.AsSpan(units, units).Fill((float)Model.ForgetGateBias);
                    break;
                case ParameterInitialisation.Embedding:
                    foreach (ref var value in values.AsSpan())
                        value = 0.1f * random.NextNormal();
                    break;
                case ParameterInitialisation.OutputLayer:
                    Uniform((float)Model.OutputInitialisation);
                    break;
                case ParameterInitialisation.FanIn:
                    Uniform(1 / MathF.Sqrt(parameter.Rows));
                    break;
                default:
                    throw new InvalidOperationException($"{parameter.Name} has no initialisation of {parameter.Initialisation}.");
            }

            _device.Upload(values, parameter.In(Values));

            void Uniform(float bound)
            {
                foreach (ref var value in values.AsSpan())
                    value = bound * (2 * random.NextSingle() - 1);
            }
        }
    }

    public void Dispose()
    {
        foreach (var operand in _operands)
            operand.Dispose();
        _arena.Dispose();
    }
}
