using System.Globalization;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Memory that this process could still take: the machine's, and what the control groups around it leave (containers, batch systems). Beyond it Linux
/// kills without a word.
/// </summary>
static class MachineMemory
{
    const string Groups = "/sys/fs/cgroup";

    /// <summary>Free bytes; null where the system does not tell.</summary>
    public static long? FreeBytes
    {
        get
        {
            var free = MachineFree();
            foreach (var left in GroupsLeave())
                free = Math.Min(free ?? long.MaxValue, left);
            return free;
        }
    }

    static long? MachineFree()
    {
        if (Read("/proc/meminfo") is { } text)
            return Field(text, "MemAvailable:") * 1024;
        var memory = GC.GetGCMemoryInfo();
        return memory.TotalAvailableMemoryBytes > 0 && memory.MemoryLoadBytes > 0
            ? Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes)
            : null;
    }

    // Every group from the process's own up to the root may have a limit; pages of files in it can be given back.
    static IEnumerable<long> GroupsLeave()
    {
        foreach (var line in (Read("/proc/self/cgroup") ?? "").Split('\n'))
        {
            var parts = line.Split(':', 3);
            if (parts.Length < 3)
                continue;
            var isSecond = parts[1].Length == 0;
            if (!isSecond && !parts[1].Split(',').Contains("memory"))
                continue;
            var root = isSecond ? Groups : $"{Groups}/memory";
            var (limit, usage, cache) = isSecond
                ? ("memory.max", "memory.current", "inactive_file")
                : ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");

            // Within a container the path may be the host's: then the root is the container's own group.
            for (var path = parts[2]; ; path = path[..Math.Max(0, path.LastIndexOf('/'))])
            {
                var folder = root + path.TrimEnd('/');
                if (Number(Read($"{folder}/{limit}")) is { } most && Number(Read($"{folder}/{usage}")) is { } used)
                    yield return Math.Max(0, most - used + (Field(Read($"{folder}/memory.stat") ?? "", cache + " ") ?? 0));
                if (path.Length <= 1)
                    break;
            }
        }
    }

    static string? Read(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    static long? Field(string text, string name)
    {
        foreach (var line in text.Split('\n'))
            if (line.StartsWith(name, StringComparison.Ordinal))
                return Number(line[name.Length..].Replace("kB", "", StringComparison.Ordinal));
        return null;
    }

    // "max" is no limit, and so is a number beyond any machine.
    static long? Number(string? text)
        => long.TryParse(text?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < 1L << 60 ? number : null;
}
