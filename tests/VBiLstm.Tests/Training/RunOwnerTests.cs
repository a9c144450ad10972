using System.Text.Json.Nodes;
using VBiLstm.Configuration;
using VBiLstm.Runs;

namespace VBiLstm.Tests.Training;

public class RunOwnerTests
{
    // Above the largest number that Linux gives a process.
    const int NoProcess = 1 << 23;

    static string FileOf(RunFolder run) => Path.Combine(run.Path, "owner.json");

    static void Edit(RunFolder run, Action<JsonObject> change)
    {
        var owner = JsonNode.Parse(File.ReadAllText(FileOf(run)))!.AsObject();
        change(owner);
        owner["token"] = "another";
        File.WriteAllText(FileOf(run), owner.ToJsonString());
    }

    [Fact]
    public void A_run_in_use_is_refused_and_free_again_when_its_owner_ends()
    {
        using var folder = new TemporaryFolder();
        var run = new RunFolder(folder.At("run"));
        using (RunOwner.Acquire(run))
        {
            var message = Assert.Throws<ConfigurationException>(() => RunOwner.Acquire(run)).Message;
            Assert.Contains($"in use by process {Environment.ProcessId} on {Environment.MachineName}", message, StringComparison.Ordinal);
        }

        Assert.False(Directory.Exists(run.Path), "Nothing was written, nothing is left.");
        RunOwner.Acquire(run).Dispose();
    }

    [Fact]
    public void What_a_process_of_this_machine_left_is_taken_over_with_a_word()
    {
        using var folder = new TemporaryFolder();
        var run = new RunFolder(folder.At("run"));
        using var first = RunOwner.Acquire(run);
        Edit(run, owner => owner["process"] = NoProcess);
        var warnings = new List<string>();
        using (RunOwner.Acquire(run, warnings.Add))
        {
            Assert.Contains($"{NoProcess}", Assert.Single(warnings), StringComparison.Ordinal);
            Assert.Contains("taken over", Assert.Throws<IOException>(first.Check).Message, StringComparison.Ordinal);
        }

        // The same number, but of a process that started at another time.
        using var second = RunOwner.Acquire(run);
        Edit(run, owner => owner["started"] = "long ago");
        RunOwner.Acquire(run, warnings.Add).Dispose();
        Assert.Equal(2, warnings.Count);
    }

    [Fact]
    public void Another_machine_s_claim_holds_as_long_as_it_gives_signs_of_life()
    {
        using var folder = new TemporaryFolder();
        var run = new RunFolder(folder.At("run"));
        using var first = RunOwner.Acquire(run);
        Edit(run, owner => (owner["machine"], owner["host"]) = ("another", "node17"));
        Assert.Contains("on node17", Assert.Throws<ConfigurationException>(() => RunOwner.Acquire(run)).Message, StringComparison.Ordinal);
        File.SetLastWriteTimeUtc(FileOf(run), DateTime.UtcNow.AddMinutes(-3));
        var warnings = new List<string>();
        RunOwner.Acquire(run, warnings.Add).Dispose();
        Assert.Contains("node17", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_claim_that_is_not_whole_counts_by_its_age()
    {
        using var folder = new TemporaryFolder();
        var run = new RunFolder(folder.At("run"));
        Directory.CreateDirectory(run.Path);
        File.WriteAllText(FileOf(run), "{\"host\":");
        Assert.Throws<ConfigurationException>(() => RunOwner.Acquire(run));
        File.SetLastWriteTimeUtc(FileOf(run), DateTime.UtcNow.AddMinutes(-3));
        RunOwner.Acquire(run).Dispose();
    }

    [Fact]
    public async Task Those_who_start_together_take_a_folder_each()
    {
        using var folder = new TemporaryFolder();
        var taken = await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => Task.Run(
            () => RunOwner.AcquireNew(Enumerable.Range(1, 100).Select(n => new RunFolder(folder.At($"run-{n}"))))!.Value)));
        Assert.Equal(24, taken.Select(run => run.Folder.Path).Distinct().Count());
        foreach (var (_, owner) in taken)
            owner.Dispose();
    }
}
