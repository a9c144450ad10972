using VBiLstm.Configuration;
using VBiLstm.Model.Models;

namespace VBiLstm.Training;

/// <summary>What a training's figures say to whoever knows how to read them: that it overfits, diverges, or leaves its latents unused.</summary>
sealed class TrainingHints
{
    // Single evaluations go up and down; a fall of the training bound by this share of itself is no noise.
    const int EvaluationsToTell = 3;
    const double LeastFall = 0.1, FewUnits = 0.1;

    readonly ModelConfiguration _model;
    readonly List<(EvaluationReport Validation, double Training)> _evaluations = [];
    double _sum;
    int _steps;

    /// <param name="model">What is trained.</param>
    public TrainingHints(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
    }

    /// <summary>Tells a step.</summary>
    public void Add(in StepReport report)
    {
        _sum += report.Metrics.Bound;
        _steps++;
    }

    /// <summary>Tells an evaluation.</summary>
    public void Add(EvaluationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        _evaluations.Add((report, _sum / _steps));
        (_sum, _steps) = (0, 0);
    }

    /// <summary>What has been told until now means, a sentence or two each; nothing where nothing is wrong.</summary>
    public IEnumerable<string> Tell()
    {
        if (_evaluations.Count == 0)
            yield break;
        var best = _evaluations.FindLastIndex(evaluation => evaluation.Validation.IsBest);
        var (last, training) = _evaluations[^1];
        if (best >= 0 && _evaluations.Count - 1 - best >= EvaluationsToTell)
        {
            var (then, before) = _evaluations[best];
            if (training < before - LeastFall * Math.Abs(before))
                yield return $"it diverges: the training bound was {before:F2} around step {then.Step:N0} and is {training:F2}. Try a lower "
                    + "training.learning_rate, training.learning_rate_warmup, or a smaller training.clip_norm.";
            else if (training > before)
                yield return $"it overfits: the validation bound was best at step {then.Step:N0} ({then.Result.Bound:F2}, now {last.Result.Bound:F2}), while "
                    + "that of training goes on rising. The best checkpoint is kept. training.early_stop ends such a run; model.output_dropout, "
                    + "model.recurrent_dropout, a smaller model or more data put it off.";
        }

        if (SequenceModel.Of(_model).HasLatent && last.Result.ActiveUnits <= FewUnits * _model.LatentUnits)
            yield return $"{last.Result.ActiveUnits} of {_model.LatentUnits} latent units are active: the latents carry little. Longer training, "
                + "training.kl_warmup (with training.kl_weight_initial) or another model.alpha may wake them.";
    }
}
