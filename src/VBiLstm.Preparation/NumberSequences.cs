using System.Diagnostics.CodeAnalysis;
using VBiLstm.Columns;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>The sequences of frames or tokens in a file: an array of numpy's, or columns.</summary>
abstract class NumberSequences : IDisposable
{
    /// <summary>Ids that a vocabulary may have.</summary>
    public const int MaximumTokens = 1 << 24;

    /// <summary>3 of sequences of frames, 2 of one sequence of frames or of sequences of tokens, 1 of a stream of tokens.</summary>
    public required int Dimensions { get; init; }

    /// <summary>V, numbers of a frame, known behind the first sequence; 0 of tokens.</summary>
    public int FrameSize { get; protected set; }

    /// <summary>How columns are read, in a clause; null where nothing was to be inferred.</summary>
    public string? Reading { get; protected init; }

    /// <summary>Whether the file is of columns.</summary>
    public bool IsOfColumns => Reading is not null;

    /// <summary>The numbers of each sequence, or of each token of a stream, the next in the place of the last. They are read once.</summary>
    /// <exception cref="DataException">Names the file and the place of what is no frame or token id.</exception>
    public abstract IEnumerable<ReadOnlyMemory<double>> Units();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    /// <summary>Whether a number is part of a frame, or a token id.</summary>
    protected static bool IsUsable(double value, PreparedKind kind)
        => kind == PreparedKind.Frames ? float.IsFinite((float)value) : value is >= 0 and < MaximumTokens && value == Math.Floor(value);

    /// <summary>What should stand in the place of a number that is not usable.</summary>
    protected static string Expected(PreparedKind kind)
        => kind == PreparedKind.Frames ? "a finite number of 32 bits" : $"a token id, a whole number of 0 to {MaximumTokens - 1:N0},";

    /// <summary>The sequences of a file; null where it is neither and need not be.</summary>
    /// <exception cref="DataException">It is to be by its name and is none, or holds what frames or tokens are not.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "What is returned owns the file.")]
    public static NumberSequences? Of(SourceFile file, PreparedKind kind, ColumnChoice choice)
    {
        if (file.OpenColumns() is { } columns)
            return new ColumnSequences(columns, kind, choice);
        if (NpyFile.IsOne(file.Content.Head.Span))
            return new ArraySequences(NpyFile.Read(file.Content, file.Name), file.Name, kind);
        if (!file.Entry.IsNamed && file.Entry.Split is null && !SourceNames.IsArray(file.FileName))
            return null;
        throw new DataException($"{file.Name}, offset 0: the file begins neither as numpy's .npy does nor as Parquet, Arrow (Feather) or HDF5; "
            + "save each split as one array with numpy.save.");
    }
}
