using VBiLstm.Distributed;

namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>The ranks that this device's process is one of; alone unless it has joined others.</summary>
    public Communicator Ranks { get; private set; } = Communicator.Alone;

    /// <summary>
    /// Makes the next operations exchange with those ranks; <see cref="Communicator.Alone"/> leaves them. All ranks do so together. Parameters made before know
    /// nothing of them.
    /// </summary>
    /// <param name="ranks">Of which this process is one.</param>
    /// <exception cref="NotSupportedException">This device cannot.</exception>
    /// <exception cref="DeviceException">What it needs is missing, or the ranks cannot be connected.</exception>
    public void Join(Communicator ranks)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        if (ranks.Size > 1)
            CheckJoins(ranks);
        JoinCore(ranks);
        Ranks = ranks;
    }

    /// <summary>Throws where the device cannot exchange with other ranks; asks none of them.</summary>
    /// <exception cref="NotSupportedException">This kind of device cannot.</exception>
    /// <exception cref="DeviceException">What it needs is missing.</exception>
    internal void CheckJoins(Communicator ranks)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        CheckJoinsCore(ranks);
    }

    private protected virtual void CheckJoinsCore(Communicator ranks) => throw new NotSupportedException($"{Name} cannot be one of {ranks.Size} ranks.");

    /// <summary><see cref="Ranks"/> are still those before.</summary>
    private protected virtual void JoinCore(Communicator ranks)
    {
    }

    /// <summary>What must be the same on all ranks' devices of this kind for the same bits, as people call it, and its value; as many on each.</summary>
    internal virtual IReadOnlyList<(string Item, string Value)> SharedByRanks => [];

    /// <summary>
    /// received = this rank's row of every rank's values, in the order of ranks. Shapes: both [R, N] and contiguous, R the ranks of the level
    /// (<see cref="Communicator.Levels"/>).
    /// </summary>
    internal void AllToAll(int level, Tensor values, Tensor received)
    {
        CheckOnMainLine(nameof(AllToAll));
        var size = Ranks.Levels[level].Size;
        Check(values.Rows == size && values.IsContiguous, $"the values are {values}; they take [{size}, N], contiguous.");
        Check(Same(received, values) && received.IsContiguous, $"what is received is {received}, the values are {values}; both are contiguous.");
        if (size == 1)
            CopyCore(values, received);
        else
            AllToAllCore(level, values, received);
    }

    private protected virtual void AllToAllCore(int level, Tensor values, Tensor received) => throw new NotSupportedException($"{Name} exchanges nothing.");

    /// <summary>
    /// all = every rank's part, in the order of ranks. Shapes: part [1, N], all [R, N], contiguous, R the ranks of the level.
    /// </summary>
    internal void AllGather(int level, Tensor part, Tensor all)
    {
        CheckOnMainLine(nameof(AllGather));
        var size = Ranks.Levels[level].Size;
        Check(part.Rows == 1, $"the part is {part}; it takes [1, N].");
        Check(Is(all, size, part.Columns) && all.IsContiguous, $"all are {all}, the part is {part}; they take [{size}, {part.Columns}], contiguous.");
        if (size == 1)
            CopyCore(part, all);
        else
            AllGatherCore(level, part, all);
    }

    private protected virtual void AllGatherCore(int level, Tensor part, Tensor all) => throw new NotSupportedException($"{Name} exchanges nothing.");
}
