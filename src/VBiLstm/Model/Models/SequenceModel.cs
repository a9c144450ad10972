using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Outputs;
using VBiLstm.Model.Parts;

namespace VBiLstm.Model.Models;

/// <summary>
/// A model as a composition of parts: what it is made of, its pass over the time steps of a batch, and one step of its generative process. One file for each;
/// <see cref="Create"/> is where they are registered.
/// </summary>
abstract class SequenceModel
{
    private protected SequenceModel(ModelConfiguration configuration, ParameterLayout layout)
    {
        (Configuration, Layout) = (configuration, layout);
        Output = Output.Of(configuration);
    }

    /// <summary>What a valid configuration is made of.</summary>
    /// <exception cref="ConfigurationException">More parameters than an arena can hold.</exception>
    public static SequenceModel Of(ModelConfiguration model) => new ParameterLayout(model).Model;

    /// <summary>Makes the model's parts, which add their parameters to the layout.</summary>
    internal static SequenceModel Create(ModelConfiguration configuration, ParameterLayout layout) => configuration.Kind switch
    {
        ModelKind.VariationalBiLstm => new VariationalBiLstm(configuration, layout),
        ModelKind.ZForcing => new ZForcing(configuration, layout),
        ModelKind.Lstm => new PlainLstm(configuration, layout),
        ModelKind.BiLstm => new BiLstm(configuration, layout),
        ModelKind.TwinNet => new TwinNet(configuration, layout),
        ModelKind.Vrnn => new Vrnn(configuration, layout),
        ModelKind.Srnn => new Srnn(configuration, layout),
        _ => throw new ConfigurationException($"model.kind {configuration.Kind} has no implementation."),
    };

    public ModelConfiguration Configuration { get; }

    /// <summary>Where its parameters stand.</summary>
    internal ParameterLayout Layout { get; }

    /// <summary>The output distribution.</summary>
    public Output Output { get; }

    /// <summary>Whether there is a latent z, so that a score is a bound and not the likelihood itself.</summary>
    public virtual bool HasLatent => false;

    /// <summary>Whether the generator itself reads the future: the score is the sum of log p(y_t | all other tokens), not a sequence's likelihood.</summary>
    public virtual bool ReadsFuture => false;

    /// <summary>Values that training changes: all but those of nets whose weight in the objective is 0, which get no gradient.</summary>
    public long TrainedParameters => Layout.CountOf(parameter => !Belongs(parameter, UntrainedParts)) - UntrainedValues;

    /// <summary>Values that the model predicts with: those of the generative process; of a model that reads the future all.</summary>
    public long GenerativeParameters => Layout.CountOf(parameter => !Belongs(parameter, InferenceParts)) - UnreadValues;

    // Parts are known by the first word of their parameters' names.
    private protected virtual IReadOnlyList<string> UntrainedParts => [];

    private protected virtual IReadOnlyList<string> InferenceParts => [];

    // Values of other parts that get no gradient either.
    private protected virtual long UntrainedValues => 0;

    // Values of the generative process that it does not read.
    private protected virtual long UnreadValues => 0;

    // What gives log-variances in the output layer of a net that reconstructs h or b.
    private protected long ReconstructionVarianceValues => (Configuration.MlpUnits + 1L) * Configuration.LstmUnits;

    private protected bool LearnsReconstructionVariance => Configuration.ReconstructionVariance == ReconstructionVariance.Learned;

    static bool Belongs(Parameter parameter, IReadOnlyList<string> parts) => parts.Contains(parameter.Name.Split('.')[0]);

    /// <summary>Multiply-adds of the forward pass for one row of one time step (model.md section 7); element-wise work is not counted.</summary>
    public abstract long ForwardMultiplyAdds { get; }

    /// <summary>As <see cref="ForwardMultiplyAdds"/>, of what a score needs: without auxiliary costs.</summary>
    public virtual long ScoreMultiplyAdds => ForwardMultiplyAdds;

    /// <summary>Those of <see cref="ScoreMultiplyAdds"/> that are the same for every sample of the latents.</summary>
    public virtual long SharedMultiplyAdds => ScoreMultiplyAdds;

    /// <summary>Multiply-adds of the generative process for one row of one time step; 0 where the model has none.</summary>
    public abstract long GenerativeMultiplyAdds { get; }

    /// <summary>Those that the backward pass saves where the inputs are frames, whose gradient nobody needs.</summary>
    private protected abstract long InputMultiplyAdds { get; }

    /// <summary>
    /// Floating-point operations of one training step, two per multiply-add: the backward pass costs twice the forward pass, less the gradient with respect
    /// to frames. What gathered projections save is not taken off.
    /// </summary>
    public double TrainingStepOperations(int steps, int batchSize)
        => 2.0 * steps * batchSize * (3 * ForwardMultiplyAdds - (Configuration.IsCategorical ? 0 : InputMultiplyAdds));

    /// <summary>Floating-point operations of scores of so many trajectories of each sequence, two per multiply-add.</summary>
    public double ScoreOperations(int steps, int sequences, int trajectories)
        => 2.0 * steps * sequences * (SharedMultiplyAdds + (double)trajectories * (ScoreMultiplyAdds - SharedMultiplyAdds));

    /// <summary>Time steps that a phase walks one after the other; 0 where it takes all at once.</summary>
    internal virtual int LoopSteps(TrainingPhase phase, int timeSteps) => phase is TrainingPhase.F3 or TrainingPhase.B5 ? timeSteps : 0;

    /// <summary>Each recurrence that the device runs as one operation.</summary>
    /// <param name="maximumSteps">Largest T.</param>
    /// <param name="joinsDirections">As <see cref="StepSizes.JoinsDirections"/>.</param>
    internal abstract IEnumerable<DeviceRecurrence> DeviceRecurrences(int maximumSteps, bool joinsDirections);

    /// <summary>The pass over a batch.</summary>
    internal abstract ModelPass CreatePass(Workspace workspace, StepFrame frame, in StepSizes sizes);

    /// <summary>One step of the generative process.</summary>
    /// <exception cref="ConfigurationException">The model has none.</exception>
    internal abstract GenerativeStep CreateGenerativeStep(Workspace workspace, GenerativeFrame frame);

    private protected static Parameter? AddEmbedding(ModelConfiguration model, ParameterLayout layout) => model.IsCategorical
        ? layout.Add("embedding.weight", model.VocabularySize, model.EmbeddingSize, TrainingPhase.B7, ParameterInitialisation.Embedding)
        : null;
}
