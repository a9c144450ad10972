using System.Text;

namespace VBiLstm.Distributed;

/// <summary>
/// The ranks of a training, of which this process is one. It moves bytes and computes nothing: sums are ours, in one order, because libraries promise none.
/// All ranks call the same operations in the same order; each returns when it has what it asked for.
/// </summary>
public abstract unsafe class Communicator
{
    // Enough for a path.
    const int TextBytes = 4096;

    /// <summary>One process by itself.</summary>
    public static Communicator Alone { get; } = new SingleRank();

    /// <summary>This process's number, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>R, how many there are.</summary>
    public abstract int Size { get; }

    /// <summary>The machine of each rank.</summary>
    public virtual IReadOnlyList<string> Nodes => [.. Enumerable.Repeat(Environment.MachineName, Size)];

    /// <summary>
    /// The steps in which a sum goes over the ranks: all at once, or first those of a node, a power of two of them that follow one another, and then those of
    /// equal place in all nodes. Either way it has the same bits. A level has several ranks, but for the only one of a process by itself.
    /// </summary>
    public virtual IReadOnlyList<Communicator> Levels => [this];

    /// <summary>all [R · bytes] = every rank's part, in the order of ranks.</summary>
    /// <param name="part">Address of this rank's bytes; may not lie in <paramref name="all"/>.</param>
    /// <param name="all">Address of room for all.</param>
    /// <param name="bytes">Of one part, the same on all ranks.</param>
    public abstract void AllGather(nint part, nint all, long bytes);

    /// <summary>received [R · bytes] = this rank's slice of every rank's values, in the order of ranks.</summary>
    /// <param name="values">Address of R slices, one for each rank.</param>
    /// <param name="received">Address of room for R slices.</param>
    /// <param name="bytes">Of one slice, the same on all ranks.</param>
    public abstract void AllToAll(nint values, nint received, long bytes);

    /// <summary>
    /// A wait for the others begins that is not a call of this class, as for a device that exchanges with theirs: one that lasts too long ends all ranks.
    /// </summary>
    public virtual void BeginWait()
    {
    }

    /// <summary>And ends.</summary>
    public virtual void EndWait()
    {
    }

    /// <summary>Every rank's values, of which all have as many, in the order of ranks.</summary>
    internal T[] AllGather<T>(ReadOnlySpan<T> part) where T : unmanaged
    {
        var all = new T[checked(Size * part.Length)];
        fixed (T* source = part, target = all)
            AllGather((nint)source, (nint)target, (long)part.Length * sizeof(T));
        return all;
    }

    /// <summary>The first rank's values, on all ranks; what the others give is not looked at. In two steps, none of which moves all to every rank.</summary>
    internal T[] FromFirst<T>(T[] values) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(values);
        if (Size == 1)
            return values;
        var length = checked((int)AllGather<long>([values.Length])[0]);
        var slice = (length + Size - 1) / Size;
        var (slices, received) = (new T[checked(slice * Size)], new T[slice * Size]);
        if (Rank == 0)
            values.CopyTo(slices, 0);
        fixed (T* source = slices, target = received)
            AllToAll((nint)source, (nint)target, (long)slice * sizeof(T));
        return AllGather<T>(received.AsSpan(0, slice))[..length];
    }

    /// <summary>Whether it holds on any rank.</summary>
    internal bool Any(bool holds) => Size == 1 ? holds : AllGather<bool>([holds]).Contains(true);

    /// <summary>The first rank's text that has any; cut to 4,096 bytes. Null where none has.</summary>
    internal string? First(string? text) => Size == 1 ? text : Texts(text ?? "").FirstOrDefault(of => of.Length > 0);

    /// <summary>Every rank's text, cut to 4,096 bytes, in the order of ranks.</summary>
    internal IReadOnlyList<string> Texts(string text)
    {
        var part = new byte[TextBytes];
        Encoding.UTF8.GetEncoder().Convert(text, part, flush: true, out _, out _, out _);
        return [.. AllGather<byte>(part).Chunk(TextBytes).Select(of => Encoding.UTF8.GetString(of).TrimEnd('\0'))];
    }

    sealed class SingleRank : Communicator
    {
        public override int Rank => 0;

        public override int Size => 1;

        public override void AllGather(nint part, nint all, long bytes) => Buffer.MemoryCopy((void*)part, (void*)all, bytes, bytes);

        public override void AllToAll(nint values, nint received, long bytes) => Buffer.MemoryCopy((void*)values, (void*)received, bytes, bytes);
    }
}
