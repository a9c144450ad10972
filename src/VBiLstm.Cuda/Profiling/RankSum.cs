using VBiLstm.Configuration;
using VBiLstm.Model;

namespace VBiLstm.Cuda.Profiling;

/// <summary>The sum of gradients over ranks that ends a step, as TrainingStep makes it; nothing overlaps it.</summary>
/// <param name="Levels">One after the other; none for one rank.</param>
sealed record RankSum(IReadOnlyList<SumLevel> Levels)
{
    /// <summary>V, bytes of the gradients and the terms behind them; 0 for one rank.</summary>
    public long Bytes => Levels.Count == 0 ? 0 : Levels[0].Bytes;

    /// <summary>Bytes that a rank sends, and receives: 2 (R − 1) / R · V.</summary>
    public long ExchangedBytes => Levels.Sum(level => level.ExchangedBytes);

    public double Seconds(GpuSpecification gpu, RankLinks links)
        => Levels.Sum(level => level.ExchangeSeconds(links) + level.AdditionSeconds(gpu));

    /// <summary>Of the gradients of a model.</summary>
    public static RankSum Of(ModelConfiguration model, RankPlacement placement)
    {
        ArgumentNullException.ThrowIfNull(placement);
        return placement.Ranks == 1 ? new RankSum([])
            : Of((long)ModelParameters.SumLength(new ParameterLayout(model), placement.Ranks) * sizeof(float), placement);
    }

    /// <summary>Of that many bytes, a whole number for each rank; every level adds the slice that the one before leaves.</summary>
    internal static RankSum Of(long bytes, RankPlacement placement)
    {
        var levels = new List<SumLevel>();
        foreach (var level in placement.Levels)
        {
            levels.Add(new SumLevel(level, bytes));
            bytes /= level.Ranks;
        }

        return new RankSum(levels);
    }
}
