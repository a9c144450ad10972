using System.Text.RegularExpressions;
using VBiLstm.Data;

namespace VBiLstm.Preparation.Sources;

/// <summary>The splits that names speak of, by whole words: latest, contest and medieval speak of none.</summary>
static partial class SplitNames
{
    static readonly Dictionary<string, string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        ["train"] = "train",
        ["training"] = "train",
        ["valid"] = "validation",
        ["validation"] = "validation",
        ["val"] = "validation",
        ["dev"] = "validation",
        ["test"] = "test",
        ["testing"] = "test",
        ["t10k"] = "test",
    };

    /// <summary>The words that name a split, for messages.</summary>
    public static string Spelling(string split) => string.Join(" or ", Words.Where(word => word.Value == split).Select(word => word.Key));

    /// <summary>The words of a name: parted at what is neither letter nor digit, and within at digits and at capitals behind small letters.</summary>
    public static IEnumerable<string> WordsOf(string name)
    {
        foreach (var part in NotAlphanumeric().Split(name))
        {
            if (Words.ContainsKey(part))
                yield return part;
            else
                foreach (Match word in Letters().Matches(part))
                    yield return word.Value;
        }
    }

    /// <summary>The splits that a path speaks of: its file's name, and the folders that name one split each.</summary>
    public static IReadOnlyList<string> Of(string path)
    {
        var parts = path.Split('/');
        return [.. parts[..^1].Select(InName).Where(splits => splits.Count == 1).Append(InName(parts[^1])).SelectMany(splits => splits).Distinct()];
    }

    /// <summary>Whether the file's own name speaks of a split.</summary>
    public static bool IsInFileName(string path) => InName(path[(path.LastIndexOf('/') + 1)..]).Count > 0;

    /// <summary>The split of each file, or null where the files are of no split each and what they hold is to be split.</summary>
    /// <param name="files">Those that are read.</param>
    /// <param name="sources">Names of the sources' own folders or files, which speak where names within do not.</param>
    /// <param name="areJoined">Whether several files of a split are one behind the other; else a split is one file.</param>
    /// <exception cref="DataException">Names that contradict each other; a split without a file; files that nobody can know to be parts of one
    /// split.</exception>
    public static IReadOnlyDictionary<SourceEntry, string>? Resolve(IReadOnlyList<SourceEntry> files, IReadOnlyList<string> sources, bool areJoined)
    {
        var outer = OfSources(sources);
        var named = files.ToDictionary(file => file,
            file => file.Split is { } said
            ? [said]
            : Of(file.NamePath) is { Count: > 0 } own ? own : outer[file.Source] is { } split ? [split] : (IReadOnlyList<string>)[]);
        if (files.Count < 2 && files.All(file => file.Split is null) || named.Values.All(splits => splits.Count == 0))
            return null;
        const string Say = "say which files are of which split with --train, --valid and --test instead of --from";
        foreach (var (file, splits) in named)
        {
            if (splits.Count > 1)
                throw new DataException($"{file.Name}: the name speaks of {string.Join(" and of ", splits)}; {Say}.");
            if (splits.Count == 0)
                throw new DataException($"{file.Name}: the name has none of train, valid and test, but other files' names have; {Say}, or take it out.");
        }

        var assigned = named.ToDictionary(file => file.Key, file => file.Value[0]);
        foreach (var split in new[] { "train", "test" })
            if (!assigned.ContainsValue(split))
                throw new DataException($"{(files.Any(file => file.Split is not null) ? $"--{split}" : "--from")}: there is no file for the {split} split; "
                    + $"its name has the word {Spelling(split)}. Found: "
                    + $"{string.Join(", ", assigned.Take(6).Select(file => $"{file.Key.Name} ({file.Value})"))}{(assigned.Count > 6 ? ", …" : "")}. Or {Say}.");
        foreach (var split in assigned.Where(file => file.Key.Split is null).GroupBy(file => file.Value, file => file.Key))
            CheckJoined([.. split], split.Key, areJoined, Say);
        return assigned;
    }

    // Parts of a text stand in a folder of the split, or have names that differ in a number; others are only by chance of one split.
    static void CheckJoined(IReadOnlyList<SourceEntry> files, string split, bool areJoined, string say)
    {
        static string Stem(SourceEntry file) => Number().Replace(file.RelativePath, "#");
        var other = !areJoined
            ? files.Select(file => (First: files[0], Other: file)).FirstOrDefault(pair => pair.First != pair.Other)
            : files.Where(file => IsInFileName(file.RelativePath)).GroupBy(file => file.Source)
                .SelectMany(own => own.Select(file => (First: own.First(), Other: file))).FirstOrDefault(pair => Stem(pair.First) != Stem(pair.Other));
        if (other.Other is not null)
            throw new DataException($"{other.First.Name} and {other.Other.Name} could both be the {split} split, "
                + $"and nobody can know which one{(areJoined ? ", or whether they are parts of it" : "")}; {say}, or take one out.");
    }

    // The sources' own names speak only where they tell training from others.
    static List<string?> OfSources(IReadOnlyList<string> sources)
    {
        var splits = sources.Select(source => InName(source) is { Count: 1 } one ? one[0] : null).ToList();
        return splits.Contains("train") && splits.Distinct().Count() > 1 ? splits : [.. splits.Select(_ => (string?)null)];
    }

    static IReadOnlyList<string> InName(string name) => [.. WordsOf(name).Where(Words.ContainsKey).Select(word => Words[word]).Distinct()];

    [GeneratedRegex(@"[^\p{L}\p{Nd}]+")]
    private static partial Regex NotAlphanumeric();

    [GeneratedRegex(@"\p{Lu}?\p{Ll}+|\p{Lu}+(?!\p{Ll})|\p{L}")]
    private static partial Regex Letters();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();
}
