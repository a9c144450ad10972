using System.Globalization;
using System.Runtime.InteropServices;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>
/// Numpy's arrays (.npy, .npz) as sequences: frames [sequences, frames, samples] or [frames, samples] of any numbers, or tokens [sequences, tokens] or [tokens]
/// of whole numbers from 0 on. Names tell the splits; without validation arrays the last tenth of training is it.
/// </summary>
sealed class ArrayPreparation(SourceFiles sources, PreparationOptions options, PreparedKind kind) : Preparation(sources, options)
{
    const int HeadBytes = 16, MaximumTokens = 1 << 24;
    readonly Dictionary<SourceEntry, int> _counts = [];
    readonly List<float> _frame = [];
    IReadOnlyDictionary<SourceEntry, string> _splits = new Dictionary<SourceEntry, string>();
    string[] _vocabulary = [];
    int _dimensions, _frameSize;

    public override IReadOnlyList<string> Vocabulary => _vocabulary;

    // A stream is one text of single tokens; its units are tokens.
    bool IsStream => kind == PreparedKind.Tokens && _dimensions == 1;

    public override PreparedManifest Scan(Action<double> progress, CancellationToken cancellation)
    {
        var (first, largest) = ("", 0);
        foreach (var (file, array) in Arrays(progress, cancellation))
        {
            var size = kind == PreparedKind.Frames ? array.Sizes[^1] : 0;
            if (_counts.Count > 0 && (array.Sizes.Count != _dimensions || size != _frameSize))
                throw new DataException($"{file.Name} is an array of {string.Join('×', array.Sizes)}, "
                    + $"{first} is of {_dimensions} dimensions{(kind == PreparedKind.Frames ? $", the last of {_frameSize}" : "")}.");
            (_dimensions, _frameSize, first) = (array.Sizes.Count, size, _counts.Count == 0 ? file.Name : first);
            _counts[file.Entry] = Units(array);
            largest = Math.Max(largest, Check(array, file.Name, kind));
        }

        if (_counts.Count == 0)
            throw new DataException($"--from: there is no array of {(kind == PreparedKind.Frames ? "frames" : "tokens")} in it; "
                + "save it with numpy.save or numpy.savez.");
        _splits = Resolve([.. _counts.Keys], areJoined: false)
            ?? throw new DataException($"{first}: one array, or none with the words train, valid and test in its name; save one a split (train.npy, valid.npy, "
                + "test.npy), or say which file is which split with --train, --valid and --test.");
        if (!HasValidation(_splits) && Count("train") < 10)
            throw new DataException($"--from: {Count("train")} {(IsStream ? "tokens" : "sequences")} for training are too few to hold a tenth out; "
                + "give a validation array.");
        if (kind == PreparedKind.Tokens)
            _vocabulary = [.. Enumerable.Range(0, largest + 1).Select(id => id.ToString(CultureInfo.InvariantCulture))];
        return new PreparedManifest
        {
            Task = kind == PreparedKind.Frames ? "frames" : "tokens",
            Preparation = $"The arrays' numbers as they stand; {SplitsWording}"
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

    public override void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation)
    {
        var (own, first, end) = RangeOf(split, _splits, Count);
        var position = 0L;
        foreach (var (file, array) in Arrays(progress, cancellation))
        {
            if (!_counts.TryGetValue(file.Entry, out var count) || Units(array) != count)
                throw new DataException($"{file.Name} changed while it was prepared; start again.");
            if (_splits[file.Entry] != own)
                continue;
            var size = array.Count / count; // numbers of a unit
            for (var unit = Math.Clamp(first - position, 0, count); unit < Math.Clamp(end - position, 0, count); unit++)
            {
                for (var i = unit * size; i < (unit + 1) * size; i++)
                    Append(writer, array, i);
                if (!IsStream)
                    writer.EndSequence();
            }

            position += count;
        }
    }

    long Count(string split) => _splits.Where(file => file.Value == split).Sum(file => (long)_counts[file.Key]);

    // What a tenth is held out of: sequences, the tokens of a text, or one sequence of frames.
    int Units(NumberArray array) => kind == PreparedKind.Frames && array.Sizes.Count == 2 ? 1 : array.Sizes[0];

    void Append(PreparedSplitWriter writer, NumberArray array, long index)
    {
        if (kind == PreparedKind.Tokens)
        {
            writer.Append<int>([(int)array[index]]);
            return;
        }

        _frame.Add((float)array[index]);
        if (_frame.Count < _frameSize)
            return;
        writer.Append<float>(CollectionsMarshal.AsSpan(_frame));
        _frame.Clear();
    }

    /// <summary>Refuses numbers that are no frames, or no token ids.</summary>
    /// <returns>The largest token id; 0 for frames.</returns>
    /// <exception cref="DataException">Names the value.</exception>
    internal static int Check(NumberArray array, string name, PreparedKind kind)
    {
        var largest = 0;
        for (var i = 0L; i < array.Count; i++)
        {
            var value = array[i];
            if (kind == PreparedKind.Frames ? !float.IsFinite((float)value) : !(value is >= 0 and < MaximumTokens) || value != Math.Floor(value))
                throw new DataException($"{name}, value {i}: {value} where "
                    + $"{(kind == PreparedKind.Frames ? "a finite number" : $"a token id, a whole number of 0 to {MaximumTokens - 1:N0},")} should stand.");
            if (kind == PreparedKind.Tokens)
                largest = Math.Max(largest, (int)value);
        }

        return largest;
    }

    IEnumerable<(SourceFile File, NumberArray Array)> Arrays(Action<double> progress, CancellationToken cancellation)
    {
        foreach (var file in Sources.Read(progress, cancellation))
        {
            NumberArray? array = null;
            if (!file.TryRead(() => array = Read(file, kind)))
                continue;
            if (array is null)
                file.LeaveOut("no array of numpy's");
            else
                yield return (file, array);
        }
    }

    /// <summary>The array of a file; null where it is none and need not be one.</summary>
    /// <exception cref="DataException">It is to be one by its name and is none, or has dimensions or a type that frames or tokens do not have.</exception>
    internal static NumberArray? Read(SourceFile file, PreparedKind kind)
    {
        var head = new byte[HeadBytes];
        var length = file.Content.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (!NpyFile.IsOne(head.AsSpan(0, length)))
        {
            return !file.Entry.IsNamed && file.Entry.Split is null && !SourceNames.IsArray(file.FileName)
                ? null
                : throw new DataException($"{file.Name}, offset 0: the file does not begin as numpy's .npy does; "
                    + "save each split as one array with numpy.save.");
        }

        using var content = new PrefixedStream(head.AsMemory(0, length), file.Content);
        var array = NpyFile.Read(content, file.Name);
        var (least, most) = kind == PreparedKind.Frames ? (2, 3) : (1, 2);
        if (array.Sizes.Count < least || array.Sizes.Count > most)
        {
            var expected = kind == PreparedKind.Frames
                ? "frames have two or three dimensions ([sequences,] frames, samples)"
                : "tokens have one or two dimensions ([sequences,] tokens)";
            throw new DataException($"{file.Name} is an array of {string.Join('×', array.Sizes)}; {expected}.");
        }

        return kind == PreparedKind.Frames || array.Kind is NumberKind.Signed or NumberKind.Unsigned
            ? array
            : throw new DataException($"{file.Name} holds no whole numbers, so no token ids; save it with .astype('int32').");
    }
}
