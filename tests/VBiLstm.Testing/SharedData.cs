namespace VBiLstm.Tests;

/// <summary>Real data that are not part of the repository: the folder of the environment variable VBILSTM_DATA, or shared/data beside the checkout.</summary>
public static class SharedData
{
    /// <summary>Path of a file there; null where it is absent.</summary>
    public static string? Find(string name)
    {
        if (Environment.GetEnvironmentVariable("VBILSTM_DATA") is { Length: > 0 } given)
            return Existing(Path.Combine(given, name));
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Existing(Path.Combine(folder.FullName, "shared", "data", name)) is { } path)
                return path;
        return null;
    }

    static string? Existing(string path) => File.Exists(path) ? path : null;
}
