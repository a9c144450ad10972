namespace VBiLstm.Preparation.Sources;

/// <summary>What a source says of its own licence.</summary>
static class SourceLicence
{
    /// <summary>Where nothing more is known.</summary>
    public const string Unknown = "As the source says.";

    const int MaximumCharacters = 200;

    /// <summary>The first line of the licence file of each folder among the sources, with the file's name; <see cref="Unknown"/> without one.</summary>
    /// <exception cref="IOException">A folder or file cannot be read.</exception>
    public static string Of(IEnumerable<SourcePath> sources)
    {
        var licences = sources.Select(source => source.Path).Where(Directory.Exists).SelectMany(Directory.GetFiles)
            .Where(file => SourceNames.IsLicence(Path.GetFileName(file))).Order(StringComparer.Ordinal)
            .Select(file => (Name: Path.GetFileName(file), Line: File.ReadLines(file).FirstOrDefault(line => !string.IsNullOrWhiteSpace(line))?.Trim()))
            .Where(licence => licence.Line is not null)
            .Select(licence => $"{(licence.Line!.Length <= MaximumCharacters ? licence.Line : licence.Line[..MaximumCharacters] + "…")} ({licence.Name})")
            .Distinct().ToList();
        return licences.Count == 0 ? Unknown : string.Join("; ", licences);
    }
}
