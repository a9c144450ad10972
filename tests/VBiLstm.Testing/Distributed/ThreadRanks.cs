using System.Runtime.ExceptionServices;
using VBiLstm.Distributed;

namespace VBiLstm.Tests.Distributed;

/// <summary>Ranks that are threads of one process, which reach into each other's memory.</summary>
public sealed unsafe class ThreadRanks : Communicator
{
    readonly Meeting _meeting;
    readonly IReadOnlyList<Communicator>? _levels;

    ThreadRanks(Meeting meeting, int rank, IReadOnlyList<Communicator>? levels = null) => (_meeting, Rank, _levels) = (meeting, rank, levels);

    public override int Rank { get; }

    public override int Size => _meeting.Addresses.Length;

    public override IReadOnlyList<Communicator> Levels => _levels ?? base.Levels;

    /// <summary>Runs the same on every rank and returns what each came to. The first exception ends all and is thrown here.</summary>
    /// <param name="ranks">How many.</param>
    /// <param name="body">Of one rank.</param>
    /// <param name="ranksPerNode">Makes two levels of them; 0 makes one.</param>
    public static TResult[] Run<TResult>(int ranks, Func<Communicator, TResult> body, int ranksPerNode = 0)
    {
        using var stop = new CancellationTokenSource();
        using var all = new Meeting(ranks, stop.Token);
        var nodes = ranksPerNode == 0 ? [] : Enumerable.Range(0, ranks / ranksPerNode).Select(_ => new Meeting(ranksPerNode, stop.Token)).ToArray();
        var across = Enumerable.Range(0, ranksPerNode).Select(_ => new Meeting(nodes.Length, stop.Token)).ToArray();
        var results = new TResult[ranks];
        ExceptionDispatchInfo? failure = null;
        var threads = Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
        {
            try
            {
                Communicator[]? levels = ranksPerNode == 0
                    ? null
                    : [new ThreadRanks(nodes[rank / ranksPerNode], rank % ranksPerNode), new ThreadRanks(across[rank % ranksPerNode], rank / ranksPerNode)];
                results[rank] = body(new ThreadRanks(all, rank, levels));
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
                stop.Cancel();
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        foreach (var meeting in nodes.Concat(across))
            meeting.Dispose();
        failure?.Throw();
        return results;
    }

    public override void AllGather(nint part, nint all, long bytes)
        => Exchange(part, rank => Copy(_meeting.Addresses[rank], all + (nint)(rank * bytes), bytes));

    public override void AllToAll(nint values, nint received, long bytes)
        => Exchange(values, rank => Copy(_meeting.Addresses[rank] + (nint)(Rank * bytes), received + (nint)(rank * bytes), bytes));

    // Nobody's bytes may change before all have copied them.
    void Exchange(nint address, Action<int> copy)
    {
        _meeting.Addresses[Rank] = address;
        _meeting.Wait();
        for (var rank = 0; rank < Size; rank++)
            copy(rank);
        _meeting.Wait();
    }

    static void Copy(nint source, nint target, long bytes) => Buffer.MemoryCopy((void*)source, (void*)target, bytes, bytes);

    sealed class Meeting(int ranks, CancellationToken stop) : IDisposable
    {
        readonly Barrier _barrier = new(ranks);

        public nint[] Addresses { get; } = new nint[ranks];

        public void Wait() => _barrier.SignalAndWait(stop);

        public void Dispose() => _barrier.Dispose();
    }
}
