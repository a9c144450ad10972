using System.Runtime.CompilerServices;

namespace VBiLstm.Devices;

// Whole loops over time as one operation, where a device has it for their sizes; elsewhere the model walks the time steps.
public abstract partial class Device
{
    /// <summary>Decides whether the device runs these loops as one operation, and takes what it needs for that, before any of them runs.</summary>
    internal void PrepareLoop(VariationalLoop loop)
    {
        ArgumentNullException.ThrowIfNull(loop);
        CheckLoop(loop);
        PrepareLoopCore(loop);
    }

    private protected virtual void PrepareLoopCore(VariationalLoop loop)
    {
    }

    /// <summary>F3: z_t, b̃_t and the forward LSTM's cell of every time step, with the bits of its operations one by one. False: nothing was done.</summary>
    internal bool TryLoopForward(VariationalLoop loop)
    {
        ArgumentNullException.ThrowIfNull(loop);
        CheckOnMainLine(nameof(TryLoopForward));
        CheckLoop(loop);
        return TryLoopForwardCore(loop);
    }

    private protected virtual bool TryLoopForwardCore(VariationalLoop loop) => false;

    /// <summary>
    /// B5 from the dA of the last time step on: the gradients of every time step, and those of the first state and cell. False: nothing was done.
    /// </summary>
    internal bool TryLoopBackward(VariationalLoop loop)
    {
        ArgumentNullException.ThrowIfNull(loop);
        CheckOnMainLine(nameof(TryLoopBackward));
        CheckLoop(loop);
        CheckLoopGradients(loop);
        return TryLoopBackwardCore(loop);
    }

    private protected virtual bool TryLoopBackwardCore(VariationalLoop loop) => false;

    static void CheckLoop(VariationalLoop loop, [CallerMemberName] string operation = "")
    {
        var (rows, h, m, z) = ((long)loop.Steps * loop.BatchSize, loop.TanhC.Columns, loop.PsiHidden.Columns, loop.Z.Columns);
        CheckWeight(loop, "hidden stack", loop.HiddenStack, h, m + 4 * h, operation);
        CheckWeight(loop, "posterior's weight", loop.PosteriorWeight, m, 2 * z, operation);
        CheckWeight(loop, "weight of psi's hidden layer", loop.PsiHiddenWeight, z, m, operation);
        CheckWeight(loop, "weight of psi", loop.PsiWeight, m, 2 * h, operation);
        CheckWeight(loop, "latent stack", loop.LatentStack, z + h, 4 * h, operation);
        CheckExactly(loop, "posterior's bias", loop.PosteriorBias, 1, 2 * z, operation);
        CheckExactly(loop, "bias of psi's hidden layer", loop.PsiHiddenBias, 1, m, operation);
        CheckExactly(loop, "bias of psi", loop.PsiBias, 1, 2 * h, operation);
        CheckExactly(loop, "product of h", loop.HiddenProduct, loop.BatchSize, m + 4 * h, operation);
        CheckHolds(loop, "h", loop.H, rows + loop.BatchSize, h, operation);
        CheckHolds(loop, "c", loop.C, rows + loop.BatchSize, h, operation);
        CheckHolds(loop, "gates", loop.Gates, rows, 4 * h, operation);
        CheckHolds(loop, "tanh c", loop.TanhC, rows, h, operation, mayBeOneStep: loop.DC.IsEmpty);
        CheckHolds(loop, "update mask", loop.UpdateMask, rows, h, operation, mayBeEmpty: true);
        CheckHolds(loop, "posterior's hidden layer", loop.PosteriorHidden, rows, m, operation);
        CheckHolds(loop, "posterior's output", loop.PosteriorOutput, rows, 2 * z, operation);
        CheckHolds(loop, "noise of z", loop.EpsilonZ, rows, z, operation);
        CheckHolds(loop, "z", loop.Z, rows, z, operation);
        CheckHolds(loop, "hidden layer of psi", loop.PsiHidden, rows, m, operation, mayBeOneStep: loop.DC.IsEmpty);
        CheckHolds(loop, "output of psi", loop.PsiOutput, rows, 2 * h, operation, mayBeOneStep: loop.DC.IsEmpty);
        CheckHolds(loop, "noise of b", loop.EpsilonB, rows, h, operation, mayBeEmpty: true);
        CheckHolds(loop, "b", loop.BTilde, rows, h, operation);
    }

    static void CheckLoopGradients(VariationalLoop loop, [CallerMemberName] string operation = "")
    {
        var (rows, h, m, z) = ((long)loop.Steps * loop.BatchSize, loop.TanhC.Columns, loop.PsiHidden.Columns, loop.Z.Columns);
        CheckWeight(loop, "recurrent stack", loop.RecurrentStack, h + z + h, 4 * h, operation);
        CheckWeight(loop, "weight of the posterior's hidden layer", loop.PosteriorHiddenWeight, h, m, operation);
        CheckExactly(loop, "cell's gradient", loop.DC, loop.BatchSize, h, operation);
        CheckExactly(loop, "product of the gates' gradient", loop.RecurrentProduct, loop.BatchSize, h + z + h, operation);
        CheckHolds(loop, "gradient of h", loop.DH, rows + loop.BatchSize, h, operation);
        CheckHolds(loop, "gradient of b", loop.DBTilde, rows, h, operation, mayBeEmpty: true);
        CheckHolds(loop, "gradient of psi's moments", loop.DPsiMoments, rows, 2 * h, operation);
        CheckHolds(loop, "gradient of psi's hidden layer", loop.DPsiHidden, rows, m, operation);
        CheckHolds(loop, "gradient of z", loop.DZ, rows, z, operation);
        CheckHolds(loop, "gradient of the posterior's moments", loop.DPosteriorMoments, rows, 2 * z, operation);
        CheckHolds(loop, "gradient of the posterior's hidden layer", loop.DPosteriorHidden, rows, m, operation);
        CheckHolds(loop, "skip-gradient mask", loop.SkipMask, rows, 1, operation, mayBeEmpty: true);
    }

    static void CheckWeight(VariationalLoop loop, string name, Weight weight, int rows, int columns, string operation)
        => CheckExactly(loop, name, weight.Values, rows, columns, operation);

    static void CheckExactly(VariationalLoop loop, string name, Tensor x, int rows, int columns, string operation)
        => Check(Is(x, rows, columns), $"the {name} is {x}; it takes [{rows}, {columns}] where tanh c is {loop.TanhC}, psi's hidden layer {loop.PsiHidden}"
            + $" and z {loop.Z}.", operation);

    static void CheckHolds(VariationalLoop loop, string name, Tensor x, long rows, int columns, string operation, bool mayBeEmpty = false,
        bool mayBeOneStep = false)
        => Check((mayBeEmpty && x.IsEmpty) || (mayBeOneStep && Is(x, loop.BatchSize, columns)) || Holds(x, rows, columns),
            $"the {name} is {x}; it takes [{rows}, {columns}] where tanh c is {loop.TanhC}, psi's hidden layer {loop.PsiHidden} and z {loop.Z}.", operation);
}
