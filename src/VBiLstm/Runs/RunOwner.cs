using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using VBiLstm.Configuration;

namespace VBiLstm.Runs;

/// <summary>
/// Who writes a run: a file in its folder, created exclusively (which network file systems do, unlike locks) and touched all along. The owner's process that is
/// gone on this machine, or a file on another that nobody touched for two minutes, gives the run free.
/// </summary>
sealed class RunOwner : IDisposable
{
    const string FileName = "owner.json";
    static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15), Abandoned = TimeSpan.FromMinutes(2);

    readonly string _path;
    readonly OwnerRecord _self;
    readonly Timer _heartbeat;

    RunOwner(string path, OwnerRecord self)
    {
        (_path, _self) = (path, self);
        _heartbeat = new Timer(_ => Touch(), null, Heartbeat, Heartbeat);
    }

    /// <summary>Takes a run's folder, which is made where it is missing.</summary>
    /// <param name="folder">The run's.</param>
    /// <param name="warn">Told of an owner that is gone.</param>
    /// <exception cref="ConfigurationException">The run is in use; the message names by whom.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static RunOwner Acquire(RunFolder folder, Action<string>? warn = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var path = Path.Combine(folder.Path, FileName);
        var self = OwnerRecord.OfThisProcess();
        Directory.CreateDirectory(folder.Path);
        while (!TryCreate(path, self))
        {
            var owner = Read(path);
            if (owner is null)
                continue; // given free between the two calls
            if (!IsGone(path, owner))
                throw new ConfigurationException($"{folder.Path} is in use by process {owner.Process} on {owner.Host} since {owner.Since} (UTC). Wait for it, "
                    + $"end it, or take another run; if that machine was lost, its claim ends {Abandoned.TotalMinutes:F0} minutes "
                    + "after its last sign of life.");
            TakeOver(path, owner);
            warn?.Invoke($"{folder.Path} was left by process {owner.Process} on {owner.Host}, which is gone; this one goes on with it.");
        }

        return new RunOwner(path, self);
    }

    /// <summary>Takes the first name of <paramref name="candidates"/> that no run has; of processes that try at once, each gets one of its own.</summary>
    /// <returns>The run and its owner, or null where every name is taken.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static (RunFolder Folder, RunOwner Owner)? AcquireNew(IEnumerable<RunFolder> candidates)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        foreach (var folder in candidates)
        {
            if (Directory.Exists(folder.Path))
                continue;
            var path = Path.Combine(folder.Path, FileName);
            var self = OwnerRecord.OfThisProcess();
            try
            {
                Directory.CreateDirectory(folder.Path);
                if (!TryCreate(path, self))
                    continue;
            }
            catch (DirectoryNotFoundException)
            {
                continue; // somebody else has removed it, empty
            }

            // Somebody may have begun and ended here since we looked.
            var owner = new RunOwner(path, self);
            if (Directory.EnumerateFileSystemEntries(folder.Path).Any(entry => entry != path && !entry.EndsWith(".tmp", StringComparison.Ordinal)))
                owner.Dispose();
            else
                return (folder, owner);
        }

        return null;
    }

    /// <summary>Checks that nobody has taken the run over; a file that was deleted is made again.</summary>
    /// <exception cref="IOException">Somebody has.</exception>
    public void Check()
    {
        if (Read(_path) is { } owner && owner.Token != _self.Token)
            throw new IOException($"{Path.GetDirectoryName(_path)} was taken over by process {owner.Process} on {owner.Host}; "
                + "this process stops and writes nothing more there.");
        if (!File.Exists(_path))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            TryCreate(_path, _self);
        }
    }

    // Written aside, then linked to its name, which only one can (File.Move looks first and then renames): a claim is whole or not there.
    static bool TryCreate(string path, OwnerRecord self)
    {
        var aside = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(aside, JsonSerializer.SerializeToUtf8Bytes(self, OwnerJson.Default.OwnerRecord));
            return DurableStorage.TryLink(aside, path);
        }
        catch (NotSupportedException)
        {
            return TryCreateAtOnce(path, self);
        }
        finally
        {
            File.Delete(aside);
        }
    }

    // Where files have one name only: a kill at this moment leaves half a claim, which counts by its age.
    static bool TryCreateAtOnce(string path, OwnerRecord self)
    {
        try
        {
            using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            JsonSerializer.Serialize(file, self, OwnerJson.Default.OwnerRecord);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }

    // Null where the file is gone. One that is not whole is being written, or its writer died at that: it counts by its age.
    static OwnerRecord? Read(string path)
    {
        try
        {
            return JsonFile.Parse(SharedFile.ReadAllBytes(path), OwnerJson.Default.OwnerRecord);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException)
        {
            return new OwnerRecord("an unknown machine", 0, "", "", "", "an unknown time");
        }
    }

    static bool IsGone(string path, OwnerRecord owner)
    {
        var self = OwnerRecord.OfThisProcess();
        return owner.Machine.Length > 0 && owner.Machine == self.Machine
            ? OwnerRecord.StartOf(owner.Process) != owner.Started
            : Age(path) > Abandoned;
    }

    // By the clock of the machine that has the files: clocks of machines differ.
    static TimeSpan Age(string path)
    {
        var probe = $"{path}.{Guid.NewGuid():N}.tmp";
        File.WriteAllBytes(probe, []);
        var age = File.GetLastWriteTimeUtc(probe) - File.GetLastWriteTimeUtc(path);
        File.Delete(probe);
        return age;
    }

    // Of several that try, one renames the file; whoever got another's file than the one that was looked at gives it back.
    static void TakeOver(string path, OwnerRecord owner)
    {
        var aside = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.Move(path, aside);
            if (Read(aside) is { } taken && taken.Token != owner.Token)
                File.Move(aside, path);
        }
        catch (FileNotFoundException)
        {
            return;
        }

        File.Delete(aside);
    }

    void Touch()
    {
        try
        {
            if (Read(_path)?.Token != _self.Token)
                return;

            // Written, not dated: the time is then of the machine that has the files.
            using var file = File.OpenHandle(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            RandomAccess.Write(file, "{"u8, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next one may do; who finds the run meanwhile looks for the process.
        }
    }

    /// <summary>Gives the run free; a folder in which nothing else was written is removed.</summary>
    public void Dispose()
    {
        _heartbeat.Dispose();
        try
        {
            if (Read(_path)?.Token == _self.Token)
                File.Delete(_path);
            if (Path.GetDirectoryName(_path) is { } folder && Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any())
                Directory.Delete(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It counts as left behind: the process is gone.
        }
    }
}

/// <summary>A process that owns a run.</summary>
/// <param name="Host">Name of its machine.</param>
/// <param name="Process">Its number there.</param>
/// <param name="Started">When it started, for numbers are used again.</param>
/// <param name="Machine">What tells this boot of the machine and this space of process numbers from others; containers share names.</param>
/// <param name="Token">Of this claim alone.</param>
/// <param name="Since">When it took the run, UTC.</param>
sealed record OwnerRecord(string Host, int Process, string Started, string Machine, string Token, string Since)
{
    public static OwnerRecord OfThisProcess()
        => new(Environment.MachineName, Environment.ProcessId, StartOf(Environment.ProcessId) ?? "", ThisMachine(), Guid.NewGuid().ToString("N"),
        DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture));

    /// <summary>When a process of this machine started; null where there is none of that number.</summary>
    public static string? StartOf(int process)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                // Behind the name in brackets: the state, and as the twentieth field the start in ticks since boot. A process that ended but was not waited for
                // is gone.
                var stat = File.ReadAllText($"/proc/{process}/stat");
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                return fields[0] is "Z" or "X" ? null : fields[19];
            }

            using var found = System.Diagnostics.Process.GetProcessById(process);
            return found.StartTime.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException
            or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    static string ThisMachine()
    {
        try
        {
            return OperatingSystem.IsLinux()
                ? $"{File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()} {new FileInfo("/proc/self/ns/pid").LinkTarget}"
                : Environment.MachineName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true, WriteIndented = true)]
[JsonSerializable(typeof(OwnerRecord))]
sealed partial class OwnerJson : JsonSerializerContext;
