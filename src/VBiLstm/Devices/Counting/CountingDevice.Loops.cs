namespace VBiLstm.Devices.Counting;

// A whole loop as one kernel: its weights are read once, what a time step leaves for the next product is written and read in bf16.
sealed partial class CountingDevice
{
    const int ProductsOfTimeStep = 5;

    private protected override bool TryLoopForwardCore(VariationalLoop loop)
    {
        if (isResident?.Invoke(loop) != true)
            return false;
        var rows = loop.Steps * loop.BatchSize;
        Tensor Whole(Tensor x) => x.RowRange(0, Math.Min(rows, x.Rows));
        var (h, c) = (loop.H.RowRange(loop.BatchSize, rows), loop.C.RowRange(loop.BatchSize, rows));
        var recurrent = LastColumns(loop.HiddenProduct, loop.HiddenProduct.Columns - loop.PsiHidden.Columns);
        Tensor[] weights =
        [
            loop.HiddenStack.Values, loop.PosteriorWeight.Values, loop.PsiHiddenWeight.Values, loop.PsiWeight.Values, loop.LatentStack.Values,
        ];
        CountLoop(nameof(TryLoopForward), loop, weights,
            Read(loop.PosteriorBias, loop.PsiHiddenBias, loop.PsiBias, Whole(loop.PosteriorHidden), Whole(loop.Gates), Whole(loop.EpsilonZ),
                Whole(loop.EpsilonB), Whole(loop.UpdateMask), Whole(loop.C)) + (2 * loop.Steps * Values(recurrent))
                + Written(Whole(loop.PosteriorHidden), Whole(loop.Z), Whole(loop.PsiHidden), Whole(loop.BTilde), Whole(loop.TanhC), h, c)
                + Values(Whole(loop.PosteriorOutput)) + Values(Whole(loop.PsiOutput)) + Values(Whole(loop.Gates)));
        return true;
    }

    private protected override bool TryLoopBackwardCore(VariationalLoop loop)
    {
        if (isResident?.Invoke(loop) != true)
            return false;
        var rows = loop.Steps * loop.BatchSize;
        Tensor Whole(Tensor x) => x.RowRange(0, rows);
        var product = loop.RecurrentProduct.ColumnRange(0, loop.TanhC.Columns + loop.Z.Columns);
        Tensor[] weights =
        [
            loop.RecurrentStack.Values, loop.PsiWeight.Values, loop.PsiHiddenWeight.Values, loop.PosteriorWeight.Values, loop.PosteriorHiddenWeight.Values,
        ];
        CountLoop(nameof(TryLoopBackward), loop, weights,
            Read(Whole(loop.Gates), Whole(loop.C), Whole(loop.TanhC), Whole(loop.UpdateMask), Whole(loop.DH), Whole(loop.DBTilde), Whole(loop.EpsilonB),
                Whole(loop.DPsiMoments), Whole(loop.PsiOutput), Whole(loop.PsiHidden), Whole(loop.DZ), Whole(loop.EpsilonZ), Whole(loop.DPosteriorMoments),
                Whole(loop.PosteriorOutput), Whole(loop.PosteriorHidden), Whole(loop.SkipMask)) + (2 * loop.Steps * (Values(product) + Values(loop.DC)))
                + Written(Whole(loop.Gates), Whole(loop.PsiOutput), Whole(loop.DPsiHidden), Whole(loop.PosteriorOutput), Whole(loop.DPosteriorHidden)));
        return true;
    }

    void CountLoop(string name, VariationalLoop loop, Tensor[] weights, long bytes)
    {
        var (rows, h, m, z) = ((long)loop.Steps * loop.BatchSize, loop.TanhC.Columns, loop.PsiHidden.Columns, loop.Z.Columns);
        var exchanged = name == nameof(TryLoopForward) ? h + m + z + m + z + h : (4 * h) + (2 * h) + m + (2 * z) + m;
        Count(name, bytes + Operands(weights) + (2 * rows * exchanged * Tensor.OperandBytes), 2.0 * rows * weights.Sum(weight => weight.Count),
            CountedLaunch.Other, gridBarriers: ProductsOfTimeStep * loop.Steps);
    }
}
