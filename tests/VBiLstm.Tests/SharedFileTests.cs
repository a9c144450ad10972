using System.Runtime.InteropServices;

namespace VBiLstm.Tests;

/// <summary>Files that another program has open: on Windows the work waits for it, and says in the end which file it is.</summary>
public class SharedFileTests
{
    // As .NET makes them of Windows' numbers.
    const int FromWindows = unchecked((int)0x80070000);

    static bool IsWine => OperatingSystem.IsWindows() && NativeLibrary.TryGetExport(NativeLibrary.Load("ntdll.dll"), "wine_get_version", out _);

    public static TheoryData<Exception> Held => [
        new IOException("sharing violation", FromWindows | 32),
        new IOException("lock violation", FromWindows | 33),
        new IOException("folder not empty", FromWindows | 145),
        new IOException("mapped", FromWindows | 1224),
        new UnauthorizedAccessException("access denied"),
    ];

    [Theory]
    [MemberData(nameof(Held))]
    public void What_another_program_has_open_is_waited_for(Exception held)
    {
        var attempts = 0;
        Assert.Equal("done", SharedFile.Attempt("a.png", () => ++attempts < 4 ? throw held : "done", isWindows: true, TimeSpan.FromMinutes(1)));
        Assert.Equal(4, attempts);
    }

    [Theory]
    [MemberData(nameof(Held))]
    public void Whoever_keeps_it_open_is_told_of_with_the_path(Exception held)
    {
        var e = Assert.Throws<IOException>(() => SharedFile.Attempt<int>("runs/a/curves.png", () => throw held, isWindows: true, TimeSpan.Zero));
        Assert.Contains("runs/a/curves.png is open in another program", e.Message, StringComparison.Ordinal);
        Assert.Same(held, e.InnerException);
    }

    [Theory]
    [MemberData(nameof(Held))]
    public void Elsewhere_what_is_refused_stays_refused(Exception refused)
    {
        var attempts = 0;
        Assert.Same(refused, Assert.ThrowsAny<Exception>(() => SharedFile.Attempt<int>("a.png", () =>
        {
            attempts++;
            throw refused;
        }, isWindows: false, TimeSpan.FromMinutes(1))));
        Assert.Equal(1, attempts);
    }

    [Fact]
    public void A_full_disk_is_not_waited_for()
    {
        var full = new IOException("There is not enough space on the disk.", FromWindows | 112);
        Assert.Same(full, Assert.Throws<IOException>(() => SharedFile.Attempt<int>("a.png", () => throw full, isWindows: true, TimeSpan.FromMinutes(1))));
    }

    [Fact]
    public void A_file_that_is_read_can_be_written_replaced_and_deleted_meanwhile()
    {
        Assert.SkipWhen(IsWine, "Wine does not replace a file that is open, whatever those who have it open share.");
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var path = Path.Combine(folder.FullName, "metrics.jsonl");
            File.WriteAllText(path, "old");
            using (var log = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
            using (var reader = SharedFile.OpenRead(path))
            {
                log.Write("new"u8);
                log.Flush();
                AtomicFile.WriteText(path, "another");
                Assert.Equal("new", new StreamReader(reader).ReadToEnd());
            }

            Assert.Equal("another"u8.ToArray(), SharedFile.ReadAllBytes(path));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
