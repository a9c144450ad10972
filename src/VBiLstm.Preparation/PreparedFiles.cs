using VBiLstm.Data.Prepared;

namespace VBiLstm.Preparation;

/// <summary>The files that a preparation writes into its folder.</summary>
static class PreparedFiles
{
    const int HeadBytes = 256;

    /// <summary>Name of the manifest while splits are missing.</summary>
    public const string PartialManifest = "manifest.partial.json";

    /// <summary>Every name.</summary>
    public static IReadOnlyList<string> Names { get; } = [PreparedManifest.FileName, PartialManifest, PreparedFolder.VocabularyFile,
        .. PreparedFolder.Splits.Select(PreparedManifest.SplitFile)];

    /// <summary>Whether a file of that name is one of them, or one that is being written.</summary>
    public static bool IsOne(string name)
        => Names.Any(own => name == own || name == own + ".tmp"
            || (name.StartsWith($".{own}.", StringComparison.Ordinal) && name.EndsWith(".tmp", StringComparison.Ordinal)));

    /// <summary>Whether a folder holds prepared data, whole or in part.</summary>
    public static bool AreIn(string folder) => IsManifest(Path.Combine(folder, PreparedManifest.FileName)) || IsManifest(Path.Combine(folder, PartialManifest));

    static bool IsManifest(string path)
    {
        if (FileIdentity.Of(path).Kind != FileKind.File)
            return false;
        try
        {
            using var file = SharedFile.OpenRead(path);
            var head = new byte[HeadBytes];
            return head.AsSpan(0, file.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false)).IndexOf("\"vbilstm-data\""u8) >= 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
