namespace VBiLstm.Preparation.Sources;

/// <summary>What the name of a file says of it, before it is read.</summary>
static class SourceNames
{
    static readonly string[] Licences = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];
    static readonly string[] Documentation = ["README", "READ_ME", "READ-ME", .. Licences, "AUTHORS", "CHANGELOG"];
    static readonly string[] Checksums = ["MD5SUMS", "SHA1SUMS", "SHA256SUMS", "SHA512SUMS"];
    static readonly string[] ChecksumEndings = [".md5", ".sha1", ".sha256", ".sha512", ".asc", ".sig"];
    static readonly string[] SystemFiles = ["Thumbs.db", "desktop.ini"];
    static readonly string[] Compressed = [".gz", ".xz", ".bz2", ".zst", ".zstd"];
    static readonly Dictionary<string, string> Tars = new(StringComparer.OrdinalIgnoreCase)
    {
        [".tgz"] = ".tar",
        [".txz"] = ".tar",
        [".tbz"] = ".tar",
        [".tbz2"] = ".tar",
        [".tzst"] = ".tar"
    };

    // Whether they can be read here or not.
    static readonly string[] Recordings =
    [
        ".wav", ".wave", ".sph", ".sphere", ".nist", ".wv", ".wv1", ".wv2", ".rf64", ".w64", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc",
        ".au", ".snd", ".caf", ".m4a", ".aac", ".wma", ".amr", ".shn",
    ];

    static readonly string[] Pictures = [".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm", ".ico"];
    static readonly string[] Columns = [".parquet", ".pq", ".arrow", ".feather"];
    static readonly string[] Arrays = [".npy", ".npz", ".mat", ".h5", ".hdf5", ".pt", ".pth", ".pkl", ".pickle", .. Columns, ".safetensors", ".onnx"];
    static readonly string[] OtherBinary = [".pdf", ".doc", ".docx", ".xls", ".xlsx", ".mp4", ".mov", ".avi", ".mkv", ".exe", ".dll", ".so", ".o", ".a", ".pyc",
        ".class", ".jar", ".db", ".sqlite", ".ttf", ".otf"];
    static readonly string[] Texts = [".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".htm", ".py", ".m", ".c", ".h", ".sh", ".bat",
        ".pl", ".yml", ".yaml", ".toml", ".cfg", ".ini", ".log", ".tex"];

    /// <summary>Whether the file's name is that of a licence.</summary>
    public static bool IsLicence(string file) => Licences.Contains(file.Split('.')[0], StringComparer.OrdinalIgnoreCase);

    /// <summary>Why a file that nobody named is none of the data, as its name says; null where it may be.</summary>
    public static string? WhyNotData(string path)
    {
        var parts = path.Split('/');
        if (parts.Contains("__MACOSX"))
            return "macOS's own";
        if (parts.Any(part => part.StartsWith('.') && part is not ("." or "..")))
            return "hidden";
        var file = parts[^1];
        var stem = file.Split('.')[0];
        if (SystemFiles.Contains(file, StringComparer.OrdinalIgnoreCase))
            return "the system's own";
        if (Documentation.Any(word => stem.Equals(word, StringComparison.OrdinalIgnoreCase))
            || SplitNames.WordsOf(stem).FirstOrDefault()?.Equals("README", StringComparison.OrdinalIgnoreCase) == true)
            return "documentation";
        if (Checksums.Contains(stem, StringComparer.OrdinalIgnoreCase) || HasEnding(file, ChecksumEndings))
            return "checksums";
        return IsLabels(path) ? "labels" : null;
    }

    /// <summary>Whether the file's name has the word labels.</summary>
    public static bool IsLabels(string path)
        => SplitNames.WordsOf(path[(path.LastIndexOf('/') + 1)..])
        .Any(word => word.Equals("labels", StringComparison.OrdinalIgnoreCase) || word.Equals("label", StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether the name, less the ending of a compression, is that of a recording.</summary>
    public static bool IsRecording(string path)
    {
        var ending = Path.GetExtension(path).ToLowerInvariant();
        return ending is ".gz" or ".xz" or ".bz2" or ".zst" ? IsRecording(path[..^ending.Length]) : Recordings.Contains(ending);
    }

    /// <summary>Whether the name is that of a picture.</summary>
    public static bool IsPicture(string path) => HasEnding(path, Pictures);

    /// <summary>Whether the name is that of arrays of numbers.</summary>
    public static bool IsArray(string path) => HasEnding(path, Arrays);

    /// <summary>Whether the name is that of columns (Parquet, Arrow).</summary>
    public static bool IsColumns(string path) => HasEnding(path, Columns);

    /// <summary>Whether the name is that of a text.</summary>
    public static bool IsText(string path) => HasEnding(path, Texts);

    /// <summary>Whether the name is that of something else than a text.</summary>
    public static bool IsBinary(string path) => IsRecording(path) || IsPicture(path) || IsArray(path) || HasEnding(path, OtherBinary);

    /// <summary>The name without what says that the file is compressed.</summary>
    public static string WithoutCompression(string path)
    {
        foreach (var ending in Compressed)
            if (path.Length > ending.Length && path.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
                return path[..^ending.Length];
        foreach (var (ending, tar) in Tars)
            if (path.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
                return path[..^ending.Length] + tar;
        return path;
    }

    /// <summary>An entry's path in an archive as one below the archive, whatever it says: no drive, no root, no way up.</summary>
    public static string Below(string path)
        => string.Join('/', path.Split('/').Where((part, i) => part is not ("" or "." or "..") && !(i == 0 && part.Length == 2 && part[1] == ':')));

    static bool HasEnding(string path, string[] endings) => endings.Any(ending => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase));
}
