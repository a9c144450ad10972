using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>
/// The operands of the training step's products, null where the model has no such part; a trailing <c>Stack</c> is several weights side by side.
/// </summary>
sealed class ModelWeights
{
    readonly List<Weight> _all = [];

    public ModelWeights(Device device, ModelParameters parameters, bool training, bool inputGradient)
    {
        var model = parameters.Model;
        var both = training ? WeightUse.Forward | WeightUse.Transposed : WeightUse.Forward;
        var input = training && inputGradient ? both : WeightUse.Forward;
        var (h, z, m) = (model.LstmUnits, model.LatentUnits, model.MlpUnits);

        Weight Create(Tensor values, WeightUse use)
        {
            var weight = device.CreateWeight(values, use);
            _all.Add(weight);
            return weight;
        }

        Weight Named(string name, WeightUse use) => Create(parameters.Value(name), use);

        ForwardInput = Named("forward_lstm.weight_input", input);
        if (model.HasBackwardLstm)
        {
            BackwardInput = Named("backward_lstm.weight_input", input);
            BackwardRecurrent = Named("backward_lstm.weight_recurrent", both);
        }

        if (model.HasChannel)
        {
            var stack = parameters.Layout.Stack(parameters.Values);
            HiddenStack = Create(stack.RowRange(0, h), WeightUse.Forward);
            PosteriorB = Named("posterior.hidden.weight_b", both);
            PosteriorOutput = Named("posterior.output.weight", both);
            PsiOutput = Named("psi.output.weight", both);
            if (model.FeedsBTilde)
            {
                LatentStack = Create(stack.RowRange(h, z + h).ColumnRange(m, 4 * h), WeightUse.Forward);
            }
            else
            {
                ForwardZ = Named("forward_lstm.weight_z", WeightUse.Forward);
            }

            PsiHidden = Named("psi.hidden.weight_z", both);

            if (training)
            {
                RecurrentStack = Create(stack.ColumnRange(m, 4 * h), WeightUse.Transposed);
                PosteriorH = Named("posterior.hidden.weight_h", WeightUse.Transposed);
            }

            if (model.HasLearnedPrior)
            {
                PriorHidden = Named("prior.hidden.weight_h", both);
                PriorOutput = Named("prior.output.weight", both);
            }

            if (model.HasXi && model.Beta > 0)
            {
                XiHidden = Named("xi.hidden.weight_z", both);
                XiOutput = Named("xi.output.weight", both);
            }
        }
        else
        {
            ForwardRecurrent = Named("forward_lstm.weight_recurrent", both);
        }

        var generator = parameters.Value("generator.hidden.weight");
        GeneratorH = Create(generator.RowRange(0, h), both);
        if (model.GeneratorInput == GeneratorInput.HZBTilde)
        {
            GeneratorZ = Create(generator.RowRange(h, z), both);
            GeneratorBTilde = Create(generator.RowRange(h + z, h), both);
        }

        if (model.ReadsFuture)
            GeneratorB = Create(generator.RowRange(h, h), both);
        GeneratorOutput = Named("generator.output.weight", both);
    }

    /// <summary>Everything that <see cref="Device.RefreshWeights"/> must bring up to date.</summary>
    public IReadOnlyList<Weight> All => _all;

    public Weight ForwardInput { get; }

    public Weight ForwardRecurrent { get; } = null!;

    public Weight BackwardInput { get; } = null!;

    public Weight BackwardRecurrent { get; } = null!;

    /// <summary>[Q_1h | U_f], [H, M+4H].</summary>
    public Weight HiddenStack { get; } = null!;

    /// <summary>[W_z; W_b̃], [Z+H, 4H].</summary>
    public Weight LatentStack { get; } = null!;

    /// <summary>[U_f; W_z; W_b̃], [H+Z(+H), 4H], for the reverse loop.</summary>
    public Weight RecurrentStack { get; } = null!;

    public Weight ForwardZ { get; } = null!;

    public Weight PosteriorH { get; } = null!;

    public Weight PosteriorB { get; } = null!;

    public Weight PosteriorOutput { get; } = null!;

    public Weight PriorHidden { get; } = null!;

    public Weight PriorOutput { get; } = null!;

    public Weight PsiHidden { get; } = null!;

    public Weight PsiOutput { get; } = null!;

    public Weight XiHidden { get; } = null!;

    public Weight XiOutput { get; } = null!;

    public Weight GeneratorH { get; }

    public Weight GeneratorZ { get; } = null!;

    public Weight GeneratorBTilde { get; } = null!;

    public Weight GeneratorB { get; } = null!;

    public Weight GeneratorOutput { get; }
}
