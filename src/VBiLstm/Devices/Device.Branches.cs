namespace VBiLstm.Devices;

// Operations beside others.
public abstract partial class Device
{
    bool _isInBranch, _hasBranches;

    /// <summary>
    /// Calls the operations of a branch, which come after everything called so far and in their own order, but beside what is called next, until
    /// <see cref="JoinBranches"/>: neither may write what the other reads or writes. A branch after a branch comes after it. A device without a place for
    /// branches runs them at once. Recurrences, exchanges between ranks and copies from or to the host are no part of a branch. So that a step allocates
    /// nothing, the caller keeps the delegate.
    /// </summary>
    /// <exception cref="InvalidOperationException">A branch forks.</exception>
    internal void Fork(Action branch)
    {
        ArgumentNullException.ThrowIfNull(branch);
        CheckOnMainLine(nameof(Fork));
        (_isInBranch, _hasBranches) = (true, true);
        try
        {
            ForkCore(branch);
        }
        finally
        {
            _isInBranch = false;
        }
    }

    private protected virtual void ForkCore(Action branch)
    {
        ArgumentNullException.ThrowIfNull(branch);
        branch();
    }

    /// <summary>What is called next comes after every branch. Whatever forks joins: recordings end, and hosts read and write, without a branch.</summary>
    /// <exception cref="InvalidOperationException">A branch joins itself.</exception>
    internal void JoinBranches()
    {
        CheckOnMainLine(nameof(JoinBranches));
        if (!_hasBranches)
            return;
        _hasBranches = false;
        JoinBranchesCore();
    }

    private protected virtual void JoinBranchesCore()
    {
    }

    void CheckOnMainLine(string operation)
    {
        if (_isInBranch)
            throw new InvalidOperationException($"{operation} is no part of a branch.");
    }

    void CheckJoined(string operation)
    {
        if (!_hasBranches)
            return;
        _hasBranches = false;
        throw new InvalidOperationException($"{operation}: a branch was not joined.");
    }

    // What is recorded joins what it forks; where it fails, the branches are the next caller's no more.
    void RunJoined(Action operations)
    {
        try
        {
            operations();
        }
        catch
        {
            _hasBranches = false;
            throw;
        }

        CheckJoined(nameof(Record));
    }
}
