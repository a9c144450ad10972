using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

/// <summary>
/// Runs branches where they are joined, as late as they may come; another device runs them at once, as early as they may. So a model that gives the same with
/// both has no branch that reads what comes after it, is read before it is joined, or loses its inputs to the main line. Owns the other.
/// </summary>
/// <param name="inner">What computes.</param>
/// <param name="missingJoin">The number of a join, from 0, that does nothing; null: none.</param>
public sealed class LateBranchDevice(Device inner, int? missingJoin = null) : DelegatingDevice(inner)
{
    readonly List<Action> _branches = [];
    int _joins;

    /// <summary>Branches that ran late.</summary>
    public int Branches { get; private set; }

    private protected override void ForkCore(Action branch) => _branches.Add(branch);

    private protected override void JoinBranchesCore()
    {
        if (_joins++ == missingJoin)
            return;
        foreach (var branch in _branches)
        {
            branch();
            Branches++;
        }

        _branches.Clear();
    }
}
