using VBiLstm.Devices;
using VBiLstm.Tests.Devices;

namespace VBiLstm.Tests.Verification;

/// <summary>Calls branches at once and tells the other device of none, because derived classes read and write what an operation of a branch computes.</summary>
abstract class InLineDevice(Device inner) : DelegatingDevice(inner)
{
    private protected override void ForkCore(Action branch)
    {
        ArgumentNullException.ThrowIfNull(branch);
        branch();
    }

    private protected override void JoinBranchesCore()
    {
    }
}
