using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>Ranges in Nsight's time line, by whichever NVTX library the machine has; without one nothing happens.</summary>
static unsafe class Nvtx
{
    static readonly string[] Libraries = OperatingSystem.IsWindows()
        ? ["nvtx3interop.dll", "nvToolsExt64_1.dll"]
        : ["libnvtx3interop.so.1", "libnvtx3interop.so", "libnvToolsExt.so.1"];

    static readonly delegate* unmanaged<byte*, int> PushFunction;
    static readonly delegate* unmanaged<int> PopFunction;

    static Nvtx()
    {
        foreach (var name in Libraries)
        {
            if (!NativeLibrary.TryLoad(name, out var handle))
                continue;
            if (NativeLibrary.TryGetExport(handle, "nvtxRangePushA", out var push) && NativeLibrary.TryGetExport(handle, "nvtxRangePop", out var pop))
            {
                PushFunction = (delegate* unmanaged<byte*, int>)push;
                PopFunction = (delegate* unmanaged<int>)pop;
                Library = name;
                return;
            }
        }
    }

    /// <summary>Its names, in the order in which they are tried.</summary>
    public static IReadOnlyList<string> Tried => Libraries;

    /// <summary>The library found, null where there is none.</summary>
    public static string? Library { get; }

    /// <param name="name">UTF-8 with a terminating zero, as literals have.</param>
    public static void Push(ReadOnlySpan<byte> name)
    {
        if (PushFunction == null)
            return;
        fixed (byte* text = name)
            PushFunction(text);
    }

    public static void Pop()
    {
        if (PopFunction != null)
            PopFunction();
    }
}
