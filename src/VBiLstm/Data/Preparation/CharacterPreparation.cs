using System.Text;
using VBiLstm.Data.Prepared;

namespace VBiLstm.Data.Preparation;

/// <summary>
/// Texts as streams of characters (Unicode scalar values), a vocabulary of all that occur in their code's order. Files with train, val and test in their names are
/// the splits; otherwise all text in a row is cut into 90, 5 and 5 %.
/// </summary>
sealed class CharacterPreparation(SourceFiles sources, PreparationOptions options, bool isPtb) : Preparation(sources, options)
{
    const long ShareOfTrain = 90, ShareOfValidation = 5, Whole = 100;
    readonly Dictionary<string, long> _characters = [];
    Dictionary<int, int> _ids = [];
    string[] _vocabulary = [];
    bool _isNamed;

    public override IReadOnlyList<string> Vocabulary => _vocabulary;

    public override PreparedManifest Scan(Action<double> progress, CancellationToken cancellation)
    {
        var seen = new HashSet<int>();
        var unnamed = "";
        foreach (var file in Files(progress, cancellation))
        {
            var split = SplitOf(file) ?? "";
            if (split.Length == 0)
                unnamed = file.Name;
            foreach (var rune in Characters(file))
            {
                seen.Add(rune);
                _characters[split] = _characters.GetValueOrDefault(split) + 1;
            }
        }

        _isNamed = isPtb || _characters.Keys.Any(split => split.Length > 0);
        if (_isNamed)
            CheckNames(unnamed);
        if (seen.Count == 0)
            throw new DataException("--from: there is no text in it.");
        var codes = seen.Order().ToList();
        _ids = codes.Index().ToDictionary(code => code.Item, code => code.Index);
        _vocabulary = [.. codes.Select(code => new Rune(code).ToString())];
        return new PreparedManifest
        {
            Task = isPtb ? "ptb-char" : "text-char",
            Preparation = (isPtb ? "Each line stripped of white space at both ends, a newline behind it" : "Every character as it stands")
                + (_isNamed ? "; splits as the files are named" : "; the first 90 % for training, 5 % for validation, the last 5 % for test")
                + (Options.TrainingCharacters > 0 ? $"; training cut after {Options.TrainingCharacters} characters." : "."),
            Licence = isPtb ? "Penn Treebank: Linguistic Data Consortium, research only; do not publish." : "As the source says.",
            Kind = PreparedKind.Tokens,
            Unit = TaskUnit.BitsPerCharacter,
            VocabularySize = _vocabulary.Length,
            IsStream = true,
            Sources = [],
        };
    }

    public override void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation)
    {
        var (first, end) = Range(split);
        var buffer = new int[1 << 14];
        var (used, position) = (0, 0L);
        foreach (var file in Files(progress, cancellation))
        {
            if (_isNamed && SplitOf(file) != split)
                continue;
            foreach (var rune in Characters(file))
            {
                if (position++ < first)
                    continue;
                if (position > end)
                    break;
                if (!_ids.TryGetValue(rune, out var id))
                    throw new DataException($"{file.Name} changed while it was prepared; start again.");
                buffer[used++] = id;
                if (used == buffer.Length)
                {
                    writer.Append<int>(buffer);
                    used = 0;
                }
            }
        }

        writer.Append<int>(buffer.AsSpan(0, used));
    }

    (long First, long End) Range(string split)
    {
        var limit = Options.TrainingCharacters > 0 && split == "train" ? Options.TrainingCharacters : long.MaxValue;
        if (_isNamed)
            return (0, limit);
        var total = _characters[""];
        var (train, validation) = (total * ShareOfTrain / Whole, total * (ShareOfTrain + ShareOfValidation) / Whole);
        return split switch { "train" => (0, Math.Min(train, limit)), "validation" => (train, validation), _ => (validation, total) };
    }

    IEnumerable<SourceFile> Files(Action<double> progress, CancellationToken cancellation)
        => Sources.Read(progress, cancellation).Where(file => !IsDocumentation(file) && (!isPtb || SplitOf(file) is not null));

    IEnumerable<int> Characters(SourceFile file)
    {
        foreach (var line in TextLines.Read(file, Options.Encoding))
        {
            foreach (var rune in (isPtb ? line.Text.Trim() : line.Text).EnumerateRunes())
                yield return rune.Value;
            if (isPtb || line.IsEnded)
                yield return '\n';
        }
    }

    void CheckNames(string unnamed)
    {
        if (unnamed.Length > 0)
            throw new DataException($"{unnamed}: the name has none of train, val and test, but other files' names have; take it out, or give one file only.");
        foreach (var split in PreparedFolder.Splits)
            if (!_characters.ContainsKey(split))
                throw new DataException($"--from: there is no text for the {split} split; its file has {(split == "validation" ? "val" : split)} in its name{(isPtb ? ", as in ptb.train.txt, ptb.valid.txt and ptb.test.txt" : "")}.");
    }
}
