using System.Runtime.InteropServices;
using System.Text;
using VBiLstm.Cuda.Interop;

namespace VBiLstm.Cuda.Tests;

/// <summary>What only the software GPU has: settings that change while it runs.</summary>
static unsafe class SoftwareGpu
{
    /// <summary>Chooses the order of ready operations, of blocks and of threads; 0: the order of the calls.</summary>
    public static void Seed(int seed) => Set("SOFTGPU_SEED", seed);

    /// <summary>How many objects of a kind live in the driver or a library.</summary>
    public static int Alive(string kind)
    {
        fixed (byte* name = Encoding.ASCII.GetBytes($"{kind}\0"))
        {
            var live = (delegate* unmanaged<byte*, long>)NativeLibrary.GetExport(NativeLibraries.Require(NativeLibraries.Driver), "softgpu_live");
            var count = live(name);
            Assert.True(count >= 0, kind);
            return (int)count;
        }
    }

    /// <summary>What the environment sets before the start.</summary>
    public static void Set(string variable, int to)
    {
        NativeLibraries.Choose(software: true);
        fixed (byte* name = Encoding.ASCII.GetBytes($"{variable}\0"), value = Encoding.ASCII.GetBytes($"{to}\0"))
        {
            var configure = (delegate* unmanaged<byte*, byte*, int>)NativeLibrary.GetExport(NativeLibraries.Require(NativeLibraries.Driver),
                "softgpu_configure");
            Assert.Equal(0, configure(name, value));
        }
    }
}
