using System.Runtime.InteropServices;
using System.Text;

namespace VBiLstm.Cuda.Interop;

/// <summary>Ranges of this program's own domain in Nsight's time line, by whichever NVTX library the machine has; without one nothing happens.</summary>
static unsafe class Nvtx
{
    /// <summary>Of all ranges; what profilers' filters name before the @.</summary>
    public const string Domain = "VBiLstm";

    // NVTX_VERSION of the headers; NVTX_MESSAGE_TYPE_ASCII.
    const ushort Version = 3;
    const int TextMessage = 1;

    static readonly string[] Libraries = OperatingSystem.IsWindows()
        ? ["nvtx3interop.dll", "nvToolsExt64_1.dll"]
        : ["libnvtx3interop.so.1", "libnvtx3interop.so", "libnvToolsExt.so.1"];

    static readonly nint DomainHandle;
    static readonly delegate* unmanaged<nint, EventAttributes*, int> PushFunction;
    static readonly delegate* unmanaged<nint, int> PopFunction;

    // nvtxEventAttributes_t.
    struct EventAttributes
    {
        public ushort Version, Bytes;
        public uint Category;
        public int ColorType;
        public uint Color;
        public int PayloadType, Reserved;
        public ulong Payload;
        public int MessageType;
        public byte* Message;
    }

    static Nvtx()
    {
        foreach (var name in Libraries)
        {
            if (!NativeLibrary.TryLoad(name, out var handle))
                continue;
            if (NativeLibrary.TryGetExport(handle, "nvtxDomainCreateA", out var create)
                && NativeLibrary.TryGetExport(handle, "nvtxDomainRangePushEx", out var push)
                && NativeLibrary.TryGetExport(handle, "nvtxDomainRangePop", out var pop))
            {
                fixed (byte* domain = Encoding.UTF8.GetBytes(Domain + '\0'))
                    DomainHandle = ((delegate* unmanaged<byte*, nint>)create)(domain);
                PushFunction = (delegate* unmanaged<nint, EventAttributes*, int>)push;
                PopFunction = (delegate* unmanaged<nint, int>)pop;
                Library = name;
                return;
            }
        }
    }

    /// <summary>Its names, in the order in which they are tried.</summary>
    public static IReadOnlyList<string> Tried => Libraries;

    /// <summary>The library found, null where there is none.</summary>
    public static string? Library { get; }

    /// <param name="name">UTF-8 with a terminating zero.</param>
    public static void Push(ReadOnlySpan<byte> name)
    {
        if (PushFunction == null)
            return;
        fixed (byte* text = name)
        {
            var attributes = new EventAttributes { Version = Version, Bytes = (ushort)sizeof(EventAttributes), MessageType = TextMessage, Message = text };
            PushFunction(DomainHandle, &attributes);
        }
    }

    public static void Pop()
    {
        if (PopFunction != null)
            PopFunction(DomainHandle);
    }
}
