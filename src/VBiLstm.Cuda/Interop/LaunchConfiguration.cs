using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>CUlaunchConfig, in native memory's layout.</summary>
[StructLayout(LayoutKind.Sequential)]
unsafe struct LaunchConfiguration
{
    public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
    public nint Stream;
    public LaunchAttribute* Attributes;
    public uint AttributeCount;
}

/// <summary>CUlaunchAttribute: a kind and a union of 64 bytes, here with an int.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
struct LaunchAttribute
{
    [FieldOffset(0)]
    public LaunchAttributeKind Kind;

    [FieldOffset(8)]
    public int Value;
}
