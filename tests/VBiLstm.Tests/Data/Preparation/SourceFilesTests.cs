using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Tests.Data.Preparation;

public class SourceFilesTests
{
    // What the programs of these names make of the text below.
    const string Bz2 = "QlpoOTFBWSZTWeTuKHAAAMfRgAAQQAACQZSAIABQgyYgKVQek9TsTBOgmCcE+E9E0TgmiaEwT8XckU4UJDk7ihwA";
    const string Xz = "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AIvABZdADebiM524vTjZd79IVAZ4VMf70hpCAAAAADJs8OQ81AqJwABMrAEAAAAOO1CFbHEZ/sCAAAAAARZWg==";
    const string Zst = "KLUv/QRYrQAAcG9uZSB0d28gdGhyZWUKAQAfoppKkA2s9w==";

    static byte[] Text => Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("one two three\n", 40)));

    static string Content(SourceFile file)
    {
        using var reader = new StreamReader(file.Content);
        return reader.ReadToEnd();
    }

    static Dictionary<string, string> Read(params string[] paths)
    {
        using var sources = new SourceFiles([.. paths.Select(path => new SourcePath(path))]);
        var read = new Dictionary<string, string>();
        foreach (var file in sources.Read(cancellation: TestContext.Current.CancellationToken))
            read.Add(file.RelativePath, Content(file));
        return read;
    }

    static Dictionary<string, string> LeftOut(params string[] paths)
    {
        using var sources = new SourceFiles([.. paths.Select(path => new SourcePath(path))]);
        sources.List(TestContext.Current.CancellationToken);
        return sources.LeftOut.SelectMany(reason => reason.Names.Select(name => (name, reason.Reason)))
            .ToDictionary(entry => entry.name, entry => entry.Reason);
    }

    static string Refused(params string[] paths) => Assert.Throws<DataException>(() => Read(paths)).Message;

    static byte[] Gzip(byte[] content)
    {
        var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.Fastest))
            gzip.Write(content);
        return target.ToArray();
    }

    static byte[] Zip(params (string Name, byte[] Content)[] entries)
    {
        var target = new MemoryStream();
        using (var archive = new ZipArchive(target, ZipArchiveMode.Create))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = archive.CreateEntry(name).Open();
                entry.Write(content);
            }
        }

        return target.ToArray();
    }

    static byte[] Tar(TarEntryFormat format, params (TarEntryType Type, string Name, string Target)[] entries)
    {
        var target = new MemoryStream();
        using (var archive = new TarWriter(target, format, leaveOpen: true))
        {
            foreach (var (type, name, content) in entries)
            {
                TarEntry entry = format switch
                {
                    TarEntryFormat.V7 => new V7TarEntry(type, name),
                    TarEntryFormat.Ustar => new UstarTarEntry(type, name),
                    TarEntryFormat.Gnu => new GnuTarEntry(type, name),
                    _ => new PaxTarEntry(type, name),
                };
                if (type is TarEntryType.HardLink or TarEntryType.SymbolicLink)
                    entry.LinkName = content;
                else if (type != TarEntryType.Fifo)
                    entry.DataStream = new MemoryStream(Encoding.ASCII.GetBytes(content));
                archive.WriteEntry(entry);
            }
        }

        return target.ToArray();
    }

    [Fact]
    public void What_is_no_data_by_its_name_is_listed_and_what_is_named_is_read()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[]
        {
            "a.txt", "README.txt", "readme-first.md", "LICENSE", "LICENCE.md", "LICENSE_PLATES.txt", "readmes.txt", ".hidden.txt", ".git/x",
            "__MACOSX/a.txt", "SHA256SUMS", "train-labels-idx1-ubyte", "sub/Thumbs.db",
        })
        {
            folder.Write($"raw/{name}", name);
        }

        Assert.Equal(["LICENSE_PLATES.txt", "a.txt", "readmes.txt"], Read(folder.At("raw")).Keys.Order(StringComparer.Ordinal));
        var leftOut = LeftOut(folder.At("raw"));
        Assert.Equal(10, leftOut.Count);
        Assert.Equal(("documentation", "documentation", "hidden", "macOS's own", "labels", "checksums"),
            (leftOut[folder.At("raw/README.txt")], leftOut[folder.At("raw/LICENSE")], leftOut[folder.At("raw/.git")], leftOut[folder.At("raw/__MACOSX")],
                leftOut[folder.At("raw/train-labels-idx1-ubyte")], leftOut[folder.At("raw/SHA256SUMS")]));
        foreach (var name in new[] { "README.txt", ".hidden.txt", "LICENSE", "train-labels-idx1-ubyte" })
            Assert.Equal(name, Assert.Single(Read(folder.At($"raw/{name}"))).Value);
    }

    [Fact]
    public void The_same_file_twice_is_read_once_and_another_in_its_place_is_an_error()
    {
        using var folder = new TemporaryFolder();
        folder.Write("raw/x.txt", "same");
        folder.Write("raw/x.txt.gz", Gzip("same"u8.ToArray()));
        folder.Write("raw/y/z.txt", "other");
        folder.Write("raw/y.zip", Zip(("y/z.txt", "other"u8.ToArray())));
        Assert.Equal(["x.txt", "y/z.txt"], Read(folder.At("raw")).Keys.Order());
        Assert.Equal(2, LeftOut(folder.At("raw")).Count);
        Assert.Single(Read(folder.At("raw/x.txt"), folder.At("raw/x.txt")));
        folder.Write("raw/x.txt.gz", Gzip("different"u8.ToArray()));
        var error = Refused(folder.At("raw"));
        Assert.Contains(folder.At("raw/x.txt") + " and ", error, StringComparison.Ordinal);
        Assert.Contains("x.txt.gz", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_names_of_two_sources_are_two_files_where_they_differ()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a/text.txt", "one");
        folder.Write("b/text.txt", "two");
        folder.Write("c/text.txt", "one");
        using var sources = new SourceFiles([new SourcePath(folder.At("a")), new SourcePath(folder.At("b")), new SourcePath(folder.At("c"))]);
        Assert.Equal(["one", "two"], sources.Read(cancellation: TestContext.Current.CancellationToken).Select(Content));
        Assert.StartsWith("the same as", Assert.Single(sources.LeftOut).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TarEntryFormat.V7)]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public void Tar_archives_of_every_kind_are_read_with_their_links(TarEntryFormat format)
    {
        using var folder = new TemporaryFolder();
        var name = "c/" + new string('l', format is TarEntryFormat.V7 or TarEntryFormat.Ustar ? 60 : 200) + ".txt";
        var file = format == TarEntryFormat.V7 ? TarEntryType.V7RegularFile : TarEntryType.RegularFile;
        byte[] archive = Tar(format, (file, name, "long"), (file, "c/b.txt", "content"),
            (TarEntryType.HardLink, "c/hard.txt", "c/b.txt"), (TarEntryType.SymbolicLink, "c/soft.txt", "b.txt"));
        foreach (var path in new[] { folder.Write("a.bin", archive), folder.Write("a.tgz", Gzip(archive)), folder.Write("a.zip", Zip(("in.tar", archive))) })
        {
            var read = Read(path);
            Assert.Equal(["long", "content", "content"], read.Values);
            Assert.Equal("c/hard.txt", read.Keys.Last());
            Assert.EndsWith("soft.txt", Assert.Single(LeftOut(path)).Key, StringComparison.Ordinal);
        }

        Assert.Contains("cut.tar", Refused(folder.Write("cut.tar", archive[..^1024])), StringComparison.Ordinal); // without the two empty blocks at the end
        Assert.Contains("behind the end", Refused(folder.Write("two.tar", [.. archive, .. archive])), StringComparison.Ordinal);
        Assert.Contains("not in the archive",
            Refused(folder.Write("gone.tar", Tar(format, (TarEntryType.SymbolicLink, "c/soft.txt", "../../etc/passwd")))), StringComparison.Ordinal);
        Assert.Contains("special file", Refused(folder.Write("fifo.tar", Tar(TarEntryFormat.Ustar, (TarEntryType.Fifo, "p", "")))), StringComparison.Ordinal);
    }

    [Fact]
    public void Zip_paths_never_leave_their_archive_and_archives_in_it_are_read()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("a.zip", Zip(
            ("TIMIT\\TRAIN\\x.txt", Text), ("empty\\", []), ("../../up.txt", Text), ("C:\\root.txt", Text), ("/abs.txt", Text),
            ("in.gz", Gzip(Text)), ("deep.zip", Zip(("b.txt.gz", Gzip(Text))))));
        var read = Read(path);
        Assert.Equal(["TIMIT/TRAIN/x.txt", "abs.txt", "b.txt", "in", "root.txt", "up.txt"], read.Keys.Order(StringComparer.Ordinal));
        Assert.All(read.Values, text => Assert.Equal(Encoding.ASCII.GetString(Text), text));

        var encrypted = Zip(("secret.txt", Text));
        encrypted[6] |= 1; // the flag, in the entry's header and in the directory
        encrypted[encrypted.AsSpan().LastIndexOf("PK\x01\x02"u8) + 8] |= 1;
        Assert.Contains("secret.txt is encrypted", Refused(folder.Write("secret.zip", encrypted)), StringComparison.Ordinal);
    }

    [Fact]
    public void Compressed_files_may_have_several_parts_and_nothing_else_behind_them()
    {
        using var folder = new TemporaryFolder();
        var bz2 = Convert.FromBase64String(Bz2);
        var text = Encoding.ASCII.GetString(Text);
        foreach (var (packed, zeros, name) in new[]
        {
            (Gzip(Text), 512, "x.gz"), (bz2, 0, "x.bz2"), (Convert.FromBase64String(Xz), 8, "x.xz"), (Convert.FromBase64String(Zst), 0, "x.zst"),
        })
        {
            Assert.Equal(text + text, Read(folder.Write(name, [.. packed, .. packed, .. new byte[zeros]]))["x"]);
            Assert.Contains(name, Refused(folder.Write(name, [.. packed, 1, 2, 3, 4, 5, 6, 7, 8])), StringComparison.Ordinal);
            for (var cut = 1; cut < packed.Length - 12; cut += 3) // less is not recognised
                Assert.Contains(name, Refused(folder.Write(name, packed[..^cut])), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("526172211a0700cf", "unrar")]
    [InlineData("1f9d900000", "gzip -d")]
    [InlineData("04224d1864405a", "lz4 -d")]
    [InlineData("5d00008000ffffffffffffffff", "lzma")]
    [InlineData("4c5a495001ff", "lzip -d")]
    public void What_is_not_read_is_named_with_the_command_that_unpacks_it(string hex, string command)
    {
        using var folder = new TemporaryFolder();
        Assert.Contains(command, Refused(folder.Write("x", Convert.FromHexString(hex))), StringComparison.Ordinal);
    }

    [Fact]
    public void Bombs_are_refused()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("1,000 to 1", Refused(folder.Write("x.gz", Gzip(Gzip(new byte[40 << 20])))), StringComparison.Ordinal);
        Assert.Contains("1,000 to 1",
            Refused(folder.Write("x.zip", Zip(("a.gz", Gzip(new byte[20 << 20])), ("b.gz", Gzip(new byte[20 << 20]))))), StringComparison.Ordinal);
        Assert.Equal(4 << 20, Read(folder.Write("small.gz", Gzip(new byte[4 << 20]))).Single().Value.Length);
    }

    [Fact]
    public void Links_are_followed_once_and_special_files_never_opened()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no FIFOs, and links need a privilege there.");
        using var folder = new TemporaryFolder();
        folder.Write("raw/a/t.txt", "text");
        File.CreateSymbolicLink(folder.At("raw/a/link.txt"), "t.txt");
        Directory.CreateSymbolicLink(folder.At("raw/a/up"), "..");
        Directory.CreateSymbolicLink(folder.At("raw/b"), "a");
        Assert.Equal(["a/t.txt"], Read(folder.At("raw")).Keys);
        Assert.Equal(3, LeftOut(folder.At("raw")).Count);
        Assert.Equal("text", Read(folder.At("raw/a/link.txt"))["link.txt"]);

        File.CreateSymbolicLink(folder.At("raw/gone"), "nowhere");
        Assert.Contains("link to nowhere", Refused(folder.At("raw")), StringComparison.Ordinal);
        File.Delete(folder.At("raw/gone"));
        Assert.Equal(0, mkfifo(folder.At("raw/pipe"), 0x180));
        Assert.Contains("pipe", Refused(folder.At("raw")), StringComparison.Ordinal);
        using var skipping = new SourceFiles([new SourcePath(folder.At("raw"))], skipsUnreadable: true);
        Assert.Equal(["a/t.txt"], skipping.Read(cancellation: TestContext.Current.CancellationToken).Select(file => file.RelativePath));
        Assert.Contains(skipping.LeftOut, reason => reason.Names.Contains(folder.At("raw/pipe")));
        Assert.Contains("device", Refused("/dev/zero"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pipe_that_is_named_is_read_and_waiting_for_it_can_be_ended()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no FIFOs.");
        using var folder = new TemporaryFolder();
        var (pipe, abandoned) = (folder.At("pipe"), folder.At("abandoned"));
        Assert.Equal((0, 0), (mkfifo(pipe, 0x180), mkfifo(abandoned, 0x180)));
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        using (var waiting = new SourceFiles([new SourcePath(abandoned)]))
            Assert.ThrowsAny<OperationCanceledException>(() => waiting.Describe(cancellation: stop.Token));
        var writing = Task.Run(() => File.WriteAllBytes(pipe, Text), TestContext.Current.CancellationToken);
        using var sources = new SourceFiles([new SourcePath(pipe)]);
        Assert.Equal(Text.Length, sources.Describe(cancellation: TestContext.Current.CancellationToken)[0].Bytes);
        // The pipe's content is read more than once.
        Assert.Equal(Encoding.ASCII.GetString(Text), sources.Read(cancellation: TestContext.Current.CancellationToken).Select(Content).Single());
        await writing;
    }

    [Fact]
    public void Reading_ends_when_it_is_cancelled()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a", Text);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        using var sources = new SourceFiles([new SourcePath(folder.At(""))]);
        Assert.ThrowsAny<OperationCanceledException>(() => sources.Read(cancellation: stop.Token).Count());
        Assert.ThrowsAny<OperationCanceledException>(() => sources.Describe(cancellation: stop.Token));
    }

    [DllImport("libc", CharSet = CharSet.Ansi), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    static extern int mkfifo([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);
}
