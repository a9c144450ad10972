namespace VBiLstm.Tests;

public class AtomicFileTests
{
    [Fact]
    public void A_file_is_whole_or_as_it_was_and_nothing_is_left_aside()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("new/file");
        AtomicFile.WriteText(path, "one");
        var error = Assert.Throws<IOException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new IOException("the disk is full");
        }));
        Assert.Contains($"{path} could not be written: the disk is full", error.Message, StringComparison.Ordinal);
        Assert.Equal("one", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.At("new")));
    }

    [Fact]
    public async Task What_is_awaited_is_whole_or_as_it_was_too()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("new/file");
        using var cancellation = new CancellationTokenSource();
        await AtomicFile.WriteAsync(path, stream => stream.WriteAsync("one"u8.ToArray()).AsTask(), cancellation.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AtomicFile.WriteAsync(path, async stream =>
        {
            await stream.WriteAsync(new byte[1 << 20]);
            await cancellation.CancelAsync();
        }, cancellation.Token));
        var error = await Assert.ThrowsAsync<IOException>(() => AtomicFile.WriteAsync(path, async stream =>
        {
            await stream.WriteAsync(new byte[1 << 20]);
            throw new IOException("the disk is full");
        }, CancellationToken.None));
        Assert.Contains($"{path} could not be written: the disk is full", error.Message, StringComparison.Ordinal);
        Assert.Equal("one", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.At("new")));
    }

    [Fact]
    public async Task Two_writers_of_one_file_each_finish_theirs()
    {
        using var folder = new TemporaryFolder();
        var texts = Enumerable.Range(0, 40).Select(i => new string((char)('a' + i % 26), 1 << 16)).ToList();
        await Task.WhenAll(texts.Select(text => Task.Run(() => AtomicFile.WriteText(folder.At("file"), text))));
        Assert.Contains(File.ReadAllText(folder.At("file")), texts);
    }

    [Fact]
    public void What_a_kill_left_aside_is_removed_when_it_is_old()
    {
        using var folder = new TemporaryFolder();
        var (old, young) = (folder.At(".file.99-1.tmp"), folder.At(".file.99-2.tmp"));
        File.WriteAllText(old, "");
        File.WriteAllText(young, "");
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddHours(-2));
        AtomicFile.WriteText(folder.At("file"), "");
        Assert.Equal((false, true), (File.Exists(old), File.Exists(young)));
    }

    [Fact]
    public void Devices_and_links_stay_what_they_are()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("/dev/null and /dev/full are Linux's.");
        AtomicFile.WriteText("/dev/null", "nothing");
        Assert.Empty(File.ReadAllText("/dev/null"));
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("target"), "old");
        File.CreateSymbolicLink(folder.At("link"), folder.At("target"));
        AtomicFile.WriteText(folder.At("link"), "new");
        Assert.Equal(folder.At("target"), new FileInfo(folder.At("link")).LinkTarget);
        Assert.Equal("new", File.ReadAllText(folder.At("target")));
    }
}
