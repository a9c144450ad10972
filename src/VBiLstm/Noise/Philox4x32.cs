using System.Runtime.CompilerServices;

namespace VBiLstm.Noise;

/// <summary>
/// Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): a keyed bijection of 128-bit counters, so any element
/// of any stream can be drawn anywhere in any order. The project's counter is (column block, row id, time step | stream &lt;&lt; 24, training step),
/// its key the run's seed.
/// </summary>
public static class Philox4x32
{
    const uint Multiplier0 = 0xD2511F53;
    const uint Multiplier1 = 0xCD9E8D57;
    const uint Weyl0 = 0x9E3779B9;
    const uint Weyl1 = 0xBB67AE85;
    const int Rounds = 10;

    /// <summary>Four independent words of the counter (c0, c1, c2, c3) under the key (key0, key1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Block(uint c0, uint c1, uint c2, uint c3, uint key0, uint key1, out uint r0, out uint r1, out uint r2, out uint r3)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = (ulong)Multiplier0 * c0;
            var product1 = (ulong)Multiplier1 * c2;
            c0 = (uint)(product1 >> 32) ^ c1 ^ key0;
            c1 = (uint)product1;
            c2 = (uint)(product0 >> 32) ^ c3 ^ key1;
            c3 = (uint)product0;
            key0 += Weyl0;
            key1 += Weyl1;
        }

        (r0, r1, r2, r3) = (c0, c1, c2, c3);
    }
}
