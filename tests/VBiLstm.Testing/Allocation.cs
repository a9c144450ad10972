namespace VBiLstm.Tests;

/// <summary>What work allocates of itself, without what the runtime allocates beside it.</summary>
static class Allocation
{
    const int Stretches = 10;

    /// <summary>
    /// The least number of bytes that a stretch of work allocated on its thread, of up to ten. The runtime may charge a thread once in a while
    /// (methods compiled anew while they run, a collection in the middle of a stretch): work that allocates does so in every stretch.
    /// </summary>
    public static long Of(Action stretch) => Least(stretch, GC.GetAllocatedBytesForCurrentThread);

    /// <summary>As <see cref="Of"/>, on every thread of the process, in which nothing else may run.</summary>
    public static long OnEveryThread(Action stretch) => Least(stretch, () => GC.GetTotalAllocatedBytes(precise: true));

    static long Least(Action stretch, Func<long> allocatedSoFar)
    {
        var least = long.MaxValue;
        for (var number = 0; number < Stretches && least > 0; number++)
        {
            var before = allocatedSoFar();
            stretch();
            least = Math.Min(least, allocatedSoFar() - before);
        }

        return least;
    }
}
