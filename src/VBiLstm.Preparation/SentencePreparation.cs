using System.IO.Hashing;
using System.Text;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>
/// Sentences, one a line of a text or a row of a column, as words between white space: those of 2 to a number of words are kept, each between its begin
/// and its end token; the words most frequent in training have ids, the others are the unknown word. Names of folders and files tell the splits, one of
/// 10 sentences of training, by its hash, is for validation where there is none; otherwise each distinct sentence goes by its hash to training (8 of 10),
/// validation or test.
/// </summary>
sealed class SentencePreparation(SourceFiles sources, PreparationOptions options) : Preparation(sources, options)
{
    const int Begin = 0, End = 1, Unknown = 2, Shares = 10, ValidationShare = 8, TestShare = 9;
    readonly Dictionary<string, int> _ids = [];
    string[] _vocabulary = [];
    IReadOnlyDictionary<SourceEntry, string>? _splits;

    public override IReadOnlyList<string> Vocabulary => _vocabulary;

    public override PreparedManifest Scan(Action<double> progress, CancellationToken cancellation)
    {
        LeaveOutBinaries(cancellation);
        _splits = Resolve(Sources.List(cancellation), areJoined: true);
        var counts = new Dictionary<string, long>();
        var statistics = new Dictionary<string, long>();
        void Count(string name, long by = 1) => statistics[name] = statistics.GetValueOrDefault(name) + by;
        foreach (var (split, words, fate) in Sentences(isScan: true, progress, cancellation))
        {
            Count(fate);
            if (fate == "sentences" && split == "train")
                foreach (var word in words)
                    counts[word] = counts.GetValueOrDefault(word) + 1;
        }

        if (counts.Count == 0)
            throw new DataException($"--from: there is no sentence of 2 to {Options.MaximumWords} words for training; sentences stand one a line.");
        foreach (var special in new[] { SpecialTokens.BeginOfSentence, SpecialTokens.EndOfSentence, SpecialTokens.Unknown })
            counts.Remove(special);
        Count("distinct_training_words", counts.Count);
        _vocabulary = [SpecialTokens.BeginOfSentence, SpecialTokens.EndOfSentence, SpecialTokens.Unknown,
            .. counts.OrderByDescending(word => word.Value).ThenBy(word => word.Key, StringComparer.Ordinal).Take(Options.Vocabulary - 3)
                .Select(word => word.Key)];
        for (var id = Unknown + 1; id < _vocabulary.Length; id++)
            _ids[_vocabulary[id]] = id;
        return new PreparedManifest
        {
            Task = "sentences",
            Preparation = $"Sentences of 2 to {Options.MaximumWords} words, one a line, words between white space as they stand, <s> before and </s> behind; "
                + (_splits is not null
                    ? HasValidation(_splits) ? $"{SplitsWording}." : $"{SplitsWording}, of 10 training sentences (by a hash) one for validation."
                    : "repeated sentences dropped; 8 of 10 for training, 1 for validation, 1 for test by a hash of the sentence."),
            Licence = SourceLicence.Unknown,
            Kind = PreparedKind.Tokens,
            Unit = TaskUnit.Perplexity,
            VocabularySize = _vocabulary.Length,
            Statistics = statistics,
            Sources = [],
        };
    }

    public override void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation)
    {
        Span<int> ids = new int[Options.MaximumWords + 2];
        foreach (var (own, words, fate) in Sentences(isScan: false, progress, cancellation))
        {
            if (own != split || fate != "sentences")
                continue;
            ids[0] = Begin;
            for (var k = 0; k < words.Length; k++)
                ids[k + 1] = _ids.GetValueOrDefault(words[k], Unknown);
            ids[words.Length + 1] = End;
            writer.Append<int>(ids[..(words.Length + 2)]);
            writer.EndSequence();
        }
    }

    // Every line with its split and what became of it. A file that cannot be read is left out before any of its lines is given.
    IEnumerable<(string Split, string[] Words, string Fate)> Sentences(bool isScan, Action<double> progress, CancellationToken cancellation)
    {
        var seen = new HashSet<UInt128>();
        foreach (var file in Sources.Read(progress, cancellation))
        {
            var lines = ColumnTexts.Read(file, Options.Values) ?? TextLines.Read(file, Options.Encoding);
            if (isScan && Options.SkipUnreadable)
            {
                var kept = new List<string>();
                if (!file.TryRead(() => kept.AddRange(lines)))
                    continue;
                lines = kept;
            }

            foreach (var line in lines)
            {
                var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
                if (words.Length < 2 || words.Length > Options.MaximumWords)
                {
                    yield return ("", words, words.Length < 2 ? "lines_under_2_words" : "sentences_too_long");
                    continue;
                }

                var hash = XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(string.Join(' ', words)));
                var share = (int)(hash % Shares);
                if (_splits is not null)
                {
                    var own = _splits[file.Entry];
                    yield return (own == "train" && !HasValidation(_splits) && share == ValidationShare ? "validation" : own, words, "sentences");
                    continue;
                }

                var split = share switch { ValidationShare => "validation", TestShare => "test", _ => "train" };
                yield return (split, words, seen.Add(hash) ? "sentences" : "repeated_sentences");
            }
        }
    }
}
