using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;
using VBiLstm.Model.Models;

namespace VBiLstm.Cli.Reports;

/// <summary>Evaluation figures as people read them.</summary>
static class EvaluationTables
{
    const double MnistUntrained = 543, MnistPixelMeans = 206;
    const int MnistPixels = 784;

    public static void Print(string title, EvaluationResult result, ModelConfiguration configuration, SequenceDataset data)
    {
        var model = SequenceModel.Of(configuration);
        var (value, unit) = result.InTaskUnit(configuration);
        var kind = model.ReadsFuture
            ? "reads the future: not a sequence likelihood"
            : !model.HasLatent ? "log-likelihood, exact" : result.IsBound ? "bound" : "not a bound";
        Console.WriteLine();
        Console.WriteLine(title);
        Console.WriteLine($"  {value,9:F2} {unit}, {kind}");
        Console.WriteLine($"  {result.Nll,9:F2} NLL + {result.Kl:F2} KL, nats per sequence; {result.Sequences:N0} sequences, "
            + $"{result.Tokens:N0} predicted steps");
        if (result.ImportanceWeightedBound is { } weighted)
            Console.WriteLine($"  {-weighted,9:F2} importance-weighted bound with {result.ImportanceSamples} samples, same sign");
        if (result.Trajectories > 1)
            Console.WriteLine($"  {result.Trajectories,9} {(result.IsFiltered ? "particles of a filter" : "trajectories")} from the prior per sequence");
        if (model.HasLatent && result.KlPerLatent.Count > 0)
            Console.WriteLine($"  {result.ActiveUnits,9} of {configuration.LatentUnits} latent units active");
        if (data is ImageDataset images && images.Height * images.Width == MnistPixels && configuration.OutputDistribution == OutputDistribution.Bernoulli)
            Console.WriteLine($"  yardsticks on binarised MNIST digits: {MnistUntrained} untrained, {MnistPixelMeans} pixel means");
    }
}
