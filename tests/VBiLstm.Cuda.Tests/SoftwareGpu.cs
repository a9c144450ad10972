using System.Runtime.InteropServices;
using VBiLstm.Cuda.Interop;

namespace VBiLstm.Cuda.Tests;

/// <summary>What only the software GPU has: settings that change while it runs.</summary>
static unsafe class SoftwareGpu
{
    /// <summary>Chooses the order of ready operations, of blocks and of threads; 0: the order of the calls.</summary>
    public static void Seed(int seed)
    {
        fixed (byte* name = "SOFTGPU_SEED"u8, value = System.Text.Encoding.ASCII.GetBytes($"{seed}\0"))
        {
            var configure = (delegate* unmanaged<byte*, byte*, int>)NativeLibrary.GetExport(NativeLibraries.Require(NativeLibraries.Driver),
                "softgpu_configure");
            Assert.Equal(0, configure(name, value));
        }
    }
}
