using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Memory for matrices. On Linux large blocks ask for huge pages: a product streams through many megabytes of weights each time step, and with small
/// pages, above all in a virtual machine, it waits for address translation. Elsewhere, and where the kernel declines, it is plain memory.
/// </summary>
static unsafe partial class AlignedMemory
{
    const nuint CacheLine = 64;
    const nuint HugePage = 2 << 20;
    const int AdviseHugePages = 14;
    const long WorthAsking = 64 << 20;

    /// <summary>Uninitialised memory on a cache-line boundary; physical pages come from the node of the thread that first writes them.</summary>
    /// <exception cref="OutOfMemoryException">The system does not give it, or has less than that.</exception>
    public static void* Allocate(long bytes)
    {
        // Linux promises more than it has and kills whoever uses it.
        if (bytes >= WorthAsking && MachineMemory.FreeBytes is { } free && bytes > free)
            throw new InsufficientMemoryException($"{bytes / 1e6:N0} MB are needed where {free / 1e6:N0} MB are free; use a smaller batch or model.");
        var size = (nuint)Math.Max(1, bytes);
        if (!OperatingSystem.IsLinux() || size < HugePage)
            return NativeMemory.AlignedAlloc(size, CacheLine);
        size = (size + HugePage - 1) / HugePage * HugePage;
        var memory = NativeMemory.AlignedAlloc(size, HugePage);

        // A wish: a kernel without huge pages answers with an error that changes nothing.
        _ = Advise(memory, size, AdviseHugePages);
        return memory;
    }

    public static void Free(void* memory) => NativeMemory.AlignedFree(memory);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
