using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>
/// Numbers as sequences: frames of any numbers, or tokens of whole numbers from 0 on, from arrays (.npy, .npz, HDF5) or columns (Parquet, Arrow). Names tell
/// the splits; without validation files the last tenth of training is it.
/// </summary>
sealed class ArrayPreparation(SourceFiles sources, PreparationOptions options, PreparedKind kind) : Preparation(sources, options)
{
    readonly Dictionary<SourceEntry, long> _counts = [];
    IReadOnlyDictionary<SourceEntry, string> _splits = new Dictionary<SourceEntry, string>();
    string[] _vocabulary = [];
    int _dimensions, _frameSize;

    public override IReadOnlyList<string> Vocabulary => _vocabulary;

    // A stream is one text of single tokens; its units are tokens.
    bool IsStream => kind == PreparedKind.Tokens && _dimensions == 1;

    public override PreparedManifest Scan(Action<double> progress, CancellationToken cancellation)
    {
        var (first, reading, largest) = ("", (string?)null, 0.0);
        foreach (var file in Sources.Read(progress, cancellation))
        {
            var (isOne, dimensions, size, count, own, most) = (false, 0, 0, 0L, (string?)null, 0.0);
            var isRead = file.TryRead(() =>
            {
                using var sequences = NumberSequences.Of(file, kind, Options.Columns);
                if (sequences is null)
                    return;
                foreach (var unit in sequences.Units())
                {
                    cancellation.ThrowIfCancellationRequested();
                    count++;
                    if (kind == PreparedKind.Tokens)
                        foreach (var token in unit.Span)
                            most = Math.Max(most, token);
                }

                (isOne, dimensions, size, own) = (true, sequences.Dimensions, sequences.FrameSize, sequences.Reading);
                if (count == 0)
                    throw new DataException($"{file.Name} has no rows.");
            });
            if (!isRead)
                continue;
            if (!isOne)
            {
                file.LeaveOut("neither an array of numpy or HDF5 nor columns of Parquet or Arrow");
                continue;
            }

            if (_counts.Count > 0 && (dimensions != _dimensions || size != _frameSize || (own is null) != (reading is null)))
                throw new DataException($"{file.Name} is {Describe(dimensions, size, own)}; {first} is {Describe(_dimensions, _frameSize, reading)}. "
                    + "All files have the same dimensions.");
            if (_counts.Count == 0)
                (_dimensions, _frameSize, first, reading) = (dimensions, size, file.Name, own);
            _counts[file.Entry] = count;
            largest = Math.Max(largest, most);
        }

        if (_counts.Count == 0)
            throw new DataException($"--from: there are no {(kind == PreparedKind.Frames ? "frames" : "tokens")} in it; "
                + "save them with numpy.save, numpy.savez or pandas' to_parquet.");

        // Tables are often written in parts; several arrays are by chance of one split.
        _splits = Resolve([.. _counts.Keys], areJoined: reading is not null)
            ?? throw new DataException($"{first}: one file, or none with the words train, valid and test in its name; save one a split (for instance "
                + "train.npy, valid.npy, test.npy), or say which file is which split with --train, --valid and --test.");
        if (!HasValidation(_splits) && Count("train") < 10)
            throw new DataException($"--from: {Count("train")} {(IsStream ? "tokens" : "sequences")} for training are too few to hold a tenth out; "
                + "give a validation file.");
        if (kind == PreparedKind.Tokens)
            _vocabulary = [.. Enumerable.Range(0, (int)largest + 1).Select(id => id.ToString(CultureInfo.InvariantCulture))];
        return new PreparedManifest
        {
            Task = kind == PreparedKind.Frames ? "frames" : "tokens",
            Preparation = $"{(reading is null ? "The arrays' numbers as they stand" : $"Numbers as they stand; {reading}")}; {SplitsWording}"
                + (HasValidation(_splits) ? "." : $", validation is the last tenth of training's {(IsStream ? "tokens" : "sequences")}."),
            Licence = SourceLicence.Unknown,
            Kind = kind,
            Unit = kind == PreparedKind.Frames ? TaskUnit.Nats : TaskUnit.Perplexity,
            FrameSize = _frameSize,
            VocabularySize = _vocabulary.Length,
            IsStream = IsStream,
            Sources = [],
        };
    }

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "Each file's are disposed before the next is read.")]
    public override void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation)
    {
        var (own, first, end) = RangeOf(split, _splits, Count);
        var position = 0L;
        var (frames, tokens) = (Array.Empty<float>(), Array.Empty<int>());
        foreach (var file in Sources.Read(progress, cancellation))
        {
            if (!_splits.TryGetValue(file.Entry, out var source) || source != own)
                continue;
            using var sequences = NumberSequences.Of(file, kind, Options.Columns) ?? throw Changed(file);
            var before = position;
            foreach (var unit in sequences.Units())
            {
                if (position++ < first || position > end)
                    continue;
                cancellation.ThrowIfCancellationRequested();
                if (kind == PreparedKind.Tokens)
                    writer.Append<int>(Convert(unit.Span, ref tokens, value => (int)value));
                else
                    writer.Append<float>(Convert(unit.Span, ref frames, value => (float)value));
                if (!IsStream)
                    writer.EndSequence();
            }

            if (position - before != _counts[file.Entry])
                throw Changed(file);
        }
    }

    static DataException Changed(SourceFile file) => new($"{file.Name} changed while it was prepared; start again.");

    long Count(string split) => _splits.Where(file => file.Value == split).Sum(file => _counts[file.Key]);

    string Describe(int dimensions, int size, string? reading)
        => $"{(reading is null ? "an array" : $"columns ({reading})")} of {dimensions} dimension{(dimensions == 1 ? "" : "s")}"
            + (kind == PreparedKind.Frames ? $", the last of {size}" : "");

    static ReadOnlySpan<T> Convert<T>(ReadOnlySpan<double> values, ref T[] converted, Func<double, T> convert)
    {
        if (converted.Length < values.Length)
            converted = new T[values.Length];
        for (var i = 0; i < values.Length; i++)
            converted[i] = convert(values[i]);
        return converted.AsSpan(0, values.Length);
    }
}
