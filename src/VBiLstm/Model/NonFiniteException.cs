namespace VBiLstm.Model;

/// <summary>
/// A run that is no longer finite: a loss or a gradient, whose parameters are still those of the step before, or figures or parameters themselves.
/// </summary>
public sealed class NonFiniteException : Exception
{
    const string Advice = "Try a lower training.learning_rate, a smaller training.clip_norm, or training.on_non_finite=skip.";

    NonFiniteException(string message, long step, string term, string tensor) : base(message) => (Step, Term, Tensor) = (step, term, tensor);

    /// <summary>The step, counted from 1, or steps done for parameters and figures.</summary>
    public long Step { get; }

    /// <summary>What is not finite: a term of the objective, "the gradient", "the parameters" or a figure.</summary>
    public string Term { get; }

    /// <summary>The first tensor, in the order of the computation, that holds a value that is not finite; empty for figures.</summary>
    public string Tensor { get; }

    /// <summary>A loss or a gradient of a step, found before its update.</summary>
    internal static NonFiniteException OfStep(long step, string term, string tensor)
        => new($"Step {step}: {term} is not finite (first in {tensor}). The parameters are those before this step. {Advice}", step, term, tensor);

    /// <summary>Parameters or moments, found before they are saved or used.</summary>
    internal static NonFiniteException OfParameters(string where, long step, string tensor)
        => new($"{where}, step {step}: {tensor} is not finite; the run has diverged, and nothing of it is saved from here on. {Advice}",
            step, "the parameters", tensor);

    /// <summary>A figure of an evaluation.</summary>
    internal static NonFiniteException OfFigure(string where, long step, string figure)
        => new($"{where}, step {step}: {figure} is not finite; the run has diverged. {Advice}", step, figure, "");
}
