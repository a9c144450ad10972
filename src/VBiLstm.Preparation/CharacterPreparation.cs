using System.Text;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>
/// Texts as streams of characters (Unicode scalar values), a vocabulary of all that occur in their code's order. Names of folders and files tell the splits,
/// the last tenth of training is validation where there is none; otherwise all text in a row is cut into 90, 5 and 5 %.
/// </summary>
sealed class CharacterPreparation(SourceFiles sources, PreparationOptions options, bool isPtb) : Preparation(sources, options)
{
    const long ShareOfTrain = 90, ShareOfValidation = 5, Whole = 100;
    const int Codes = 0x110000, TokensAtOnce = 1 << 14;
    readonly Dictionary<string, long> _characters = [];
    readonly int[] _ids = new int[Codes];
    IReadOnlyDictionary<SourceEntry, string>? _splits;
    string[] _vocabulary = [];

    public override IReadOnlyList<string> Vocabulary => _vocabulary;

    public override PreparedManifest Scan(Action<double> progress, CancellationToken cancellation)
    {
        LeaveOutByName(cancellation);
        _splits = Resolve(Sources.List(cancellation), areJoined: true);
        if (isPtb && _splits is null)
            throw new DataException("--from: there are no files for the splits, as in ptb.train.txt, ptb.valid.txt and ptb.test.txt; "
                + "for another text use text-char.");
        var seen = new bool[Codes];
        foreach (var file in Sources.Read(progress, cancellation))
        {
            var own = new HashSet<int>();
            var count = 0L;
            var isRead = file.TryRead(() =>
            {
                foreach (var piece in Pieces(file))
                {
                    foreach (var rune in piece.Span.EnumerateRunes())
                    {
                        if (!seen[rune.Value])
                            own.Add(rune.Value);
                        count++;
                    }
                }
            });
            if (!isRead)
                continue;
            foreach (var code in own)
                seen[code] = true;
            var split = SplitOf(file);
            _characters[split] = _characters.GetValueOrDefault(split) + count;
        }

        var codes = Enumerable.Range(0, Codes).Where(code => seen[code]).ToList();
        if (codes.Count == 0)
            throw new DataException("--from: there is no text in it.");
        foreach (var (id, code) in codes.Index())
            _ids[code] = id + 1;
        _vocabulary = [.. codes.Select(code => new Rune(code).ToString())];
        return new PreparedManifest
        {
            Task = isPtb ? "ptb-char" : "text-char",
            Preparation = (isPtb ? "Each line stripped of white space at both ends, a newline behind it" : "Every character as it stands")
                + (_splits is null ? "; the first 90 % for training, 5 % for validation, the last 5 % for test" : $"; {SplitsWording}")
                + (_splits is not null && !HasValidation(_splits) ? ", validation is the last tenth of training" : "")
                + (Options.TrainingCharacters > 0 ? $"; training cut after {Options.TrainingCharacters} characters." : "."),
            Licence = isPtb ? "Penn Treebank: Linguistic Data Consortium, research only; do not publish." : SourceLicence.Unknown,
            Kind = PreparedKind.Tokens,
            Unit = TaskUnit.BitsPerCharacter,
            VocabularySize = _vocabulary.Length,
            IsStream = true,
            Sources = [],
        };
    }

    public override void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation)
    {
        var (source, first, end) = Range(split);
        var buffer = new int[TokensAtOnce];
        var (used, position) = (0, 0L);
        foreach (var file in Sources.Read(progress, cancellation))
        {
            if (SplitOf(file) != source || position >= end)
                continue;
            foreach (var piece in Pieces(file))
            {
                foreach (var rune in piece.Span.EnumerateRunes())
                {
                    if (position++ < first || position > end)
                        continue;
                    if (_ids[rune.Value] == 0)
                        throw new DataException($"{file.Name} changed while it was prepared; start again.");
                    buffer[used++] = _ids[rune.Value] - 1;
                    if (used < buffer.Length)
                        continue;
                    writer.Append<int>(buffer);
                    used = 0;
                }

                if (position >= end)
                    break;
            }
        }

        writer.Append<int>(buffer.AsSpan(0, used));
    }

    string SplitOf(SourceFile file) => _splits?[file.Entry] ?? "";

    // Where a split's characters stand: of which files, from which on, up to which.
    (string Source, long First, long End) Range(string split)
    {
        var limit = Options.TrainingCharacters > 0 && split == "train" ? Options.TrainingCharacters : long.MaxValue;
        if (_splits is null)
        {
            var total = _characters[""];
            var (train, validation) = (total * ShareOfTrain / Whole, total * (ShareOfTrain + ShareOfValidation) / Whole);
            return split switch { "train" => ("", 0, Math.Min(train, limit)), "validation" => ("", train, validation), _ => ("", validation, total) };
        }

        var (source, first, end) = RangeOf(split, _splits, own => _characters.GetValueOrDefault(own));
        return (source, first, Math.Min(end, limit));
    }

    // The texts of a column stand one below the other.
    IEnumerable<ReadOnlyMemory<char>> Pieces(SourceFile file)
    {
        var rows = ColumnTexts.Read(file, Options.Values);
        return isPtb ? (rows ?? TextLines.Read(file, Options.Encoding)).Select(line => $"{line.Trim()}\n".AsMemory())
            : rows?.Select(text => $"{text}\n".AsMemory()) ?? TextPieces.Read(file, Options.Encoding);
    }

    // The Treebank's copies hold the same text by words and by characters: these are made of the words' files here.
    void LeaveOutByName(CancellationToken cancellation)
    {
        LeaveOutBinaries(cancellation);
        if (!isPtb)
            return;
        foreach (var entry in Sources.List(cancellation).Where(entry => !entry.IsNamed && entry.Split is null))
        {
            var words = SplitNames.WordsOf(entry.FileName).ToList();
            if (words.Contains("char", StringComparer.OrdinalIgnoreCase))
                Sources.LeaveOut(entry, "the Treebank by characters, which are made of the files by words");
            else if (SplitNames.Of(entry.NamePath).Count == 0)
                Sources.LeaveOut(entry, "no train, valid or test in the name");
        }
    }
}
