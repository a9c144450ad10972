namespace VBiLstm.Preparation;

/// <summary>What a user says of the columns of a file, where they do not say it themselves.</summary>
/// <param name="Sequence">The column that tells the sequences apart, where each row is a step; null where its name tells it, or there is none.</param>
/// <param name="Values">The columns that hold the values; empty where the file has no others.</param>
/// <param name="FrameSize">D, numbers of a frame in a column whose lists hold sequences flat; null for other columns.</param>
public sealed record ColumnChoice(string? Sequence, IReadOnlyList<string> Values, int? FrameSize)
{
    /// <summary>D of a trained model: lists are flat frames of it where no column tells sequences apart; null where there is none.</summary>
    internal int? ModelFrameSize { get; init; }

    /// <summary>Nothing.</summary>
    public static ColumnChoice None { get; } = new(null, [], null);
}
