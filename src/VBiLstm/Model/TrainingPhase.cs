namespace VBiLstm.Model;

/// <summary>The phases of a training step (model.md sections 5 and 6), in the order of their execution.</summary>
enum TrainingPhase
{
    /// <summary>F2′: the noise.</summary>
    F2Noise,

    /// <summary>The embedding's gather, or the projection of the vocabulary.</summary>
    F1,

    /// <summary>F1′: the backward LSTM with its input projections.</summary>
    F1BackwardLstm,

    /// <summary>Input projections of the forward LSTM and of the posterior.</summary>
    F2,

    /// <summary>The forward loop.</summary>
    F3,

    /// <summary>Prior, ξ and generator over all time steps, and every loss.</summary>
    F4,

    /// <summary>The generator.</summary>
    B1,

    /// <summary>The KL and the prior.</summary>
    B2,

    /// <summary>The ξ net.</summary>
    B3,

    /// <summary>The ψ density.</summary>
    B4,

    /// <summary>The reverse loop.</summary>
    B5,

    /// <summary>Weight gradients of the recurrence.</summary>
    B6,

    /// <summary>The backward LSTM with its weight gradients, and the inputs.</summary>
    B7,

    /// <summary>The gradients and terms of a step's shards are added.</summary>
    ShardSum,

    /// <summary>And with those of the other ranks.</summary>
    RankSum,

    /// <summary>Gradient norm, clipping, Adam, and the weights' own arrangements.</summary>
    Adam,
}

/// <summary>The phases in words.</summary>
static class TrainingPhaseNames
{
    /// <summary>Model.md's code and what the phase does, for instance <c>F3 forward loop</c>.</summary>
    public static string Describe(this TrainingPhase phase) => phase switch
    {
        TrainingPhase.F2Noise => "F2′ noise",
        TrainingPhase.F1 => "F1 inputs",
        TrainingPhase.F1BackwardLstm => "F1′ backward LSTM",
        TrainingPhase.F2 => "F2 input projections",
        TrainingPhase.F3 => "F3 forward loop",
        TrainingPhase.F4 => "F4 outputs and losses",
        TrainingPhase.B1 => "B1 generator",
        TrainingPhase.B2 => "B2 KL and prior",
        TrainingPhase.B3 => "B3 xi net",
        TrainingPhase.B4 => "B4 psi density",
        TrainingPhase.B5 => "B5 reverse loop",
        TrainingPhase.B6 => "B6 weight gradients",
        TrainingPhase.B7 => "B7 backward LSTM and inputs",
        TrainingPhase.ShardSum => "sum of the shards",
        TrainingPhase.RankSum => "sum over the ranks",
        TrainingPhase.Adam => "Adam",
        _ => throw new ArgumentOutOfRangeException(nameof(phase), phase, null),
    };
}
