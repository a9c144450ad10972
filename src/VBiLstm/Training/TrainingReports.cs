using VBiLstm.Evaluation;
using VBiLstm.Model;

namespace VBiLstm.Training;

/// <summary>One finished training step.</summary>
/// <param name="Step">Steps done, this one included.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="Epoch">Passes over the training set done.</param>
/// <param name="Metrics">Sums in nats per sequence, and the gradient norm before clipping.</param>
/// <param name="LearningRate">Rate of this step.</param>
/// <param name="Sequences">Sequences in the batch.</param>
/// <param name="Skipped">Steps skipped so far because something was not finite.</param>
public readonly record struct StepReport(long Step, long TotalSteps, double Epoch, StepMetrics Metrics, double LearningRate, int Sequences, long Skipped);

/// <summary>One finished evaluation on the validation split.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Result">The figures.</param>
/// <param name="IsBest">Whether the bound is the best so far.</param>
public sealed record EvaluationReport(long Step, EvaluationResult Result, bool IsBest)
{
    /// <summary>The split in prior mode by how latents are taken; empty unless <c>training.evaluate_prior_mode</c> is on.</summary>
    public IReadOnlyDictionary<LatentMode, EvaluationResult> PriorMode { get; init; } = new Dictionary<LatentMode, EvaluationResult>();
}

/// <summary>
/// Is told what happens in a training, on its thread: logs and displays are observers, and so is whatever a program wants to do between steps.
/// </summary>
public interface ITrainingObserver
{
    /// <summary>A step is done. What an observer throws ends the run.</summary>
    /// <param name="report">Of the step.</param>
    void OnStep(in StepReport report);

    /// <summary>An evaluation goes on.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="share">Of the validation split, from 0 to 1.</param>
    void OnEvaluating(long step, double share)
    {
    }

    /// <summary>An evaluation is done; where it is the best, its checkpoint follows.</summary>
    /// <param name="report">Of the evaluation.</param>
    void OnEvaluation(EvaluationReport report);

    /// <summary>A checkpoint follows: what was told until now must be safe before it, for a resumed run tells nothing twice.</summary>
    /// <param name="step">Steps done.</param>
    void OnSaving(long step)
    {
    }

    /// <summary>Something went wrong beside the training, which goes on.</summary>
    /// <param name="message">What, and what to do.</param>
    void OnWarning(string message)
    {
    }
}

/// <summary>Why a run ended.</summary>
public enum TrainingOutcome
{
    /// <summary>All steps are done.</summary>
    Completed,

    /// <summary>The validation bound stopped improving.</summary>
    StoppedEarly,

    /// <summary>Cancelled after a finished step or during an evaluation; the last checkpoint continues from there.</summary>
    Interrupted,
}
