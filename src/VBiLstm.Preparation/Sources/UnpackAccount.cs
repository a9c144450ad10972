namespace VBiLstm.Preparation.Sources;

/// <summary>What is known of the archives of all sources, from listing to reading them.</summary>
/// <param name="leaveOut">Told what is no file of its own, and why.</param>
/// <param name="takesArchives">Whether archives of files are taken apart; compressed files always are.</param>
sealed class UnpackAccount(Action<string, string> leaveOut, bool takesArchives)
{
    /// <summary>What hard links in tar archives lead to: filled by a listing, needed to read.</summary>
    public HashSet<string> HardLinked { get; } = [];

    /// <summary>Every format that was met.</summary>
    public SortedSet<ArchiveFormat> Formats { get; } = [];

    /// <summary>Whether a file of that format is to be unpacked; one that is not is left out.</summary>
    public bool Unpacks(ArchiveFormat format, PackedFile file)
    {
        var isOfFiles = format is ArchiveFormat.Zip or ArchiveFormat.SevenZip or ArchiveFormat.Tar;
        if (isOfFiles && !takesArchives && !file.Path.EndsWith(".npz", StringComparison.OrdinalIgnoreCase))
        {
            leaveOut(file.Name, "archives");
            return false;
        }

        Formats.Add(format);
        return true;
    }

    /// <summary>Says that something in an archive is no file of its own.</summary>
    public void LeaveOut(string name, string reason) => leaveOut(name, reason);
}
