namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>nll = Σ_d softplus(o) − y o per row, nats. Shapes: logits and y [R, D], nll [R, 1].</summary>
    internal void BernoulliNllForward(Tensor logits, Tensor y, Tensor nll)
    {
        Check(Same(y, logits), $"y is {y}, the logits are {logits}.");
        Check(Is(nll, logits.Rows, 1), $"the nll is {nll}, the logits are {logits}: it takes [{logits.Rows}, 1].");
        BernoulliNllForwardCore(logits, y, nll);
    }

    private protected abstract void BernoulliNllForwardCore(Tensor logits, Tensor y, Tensor nll);

    /// <summary>logits become w (σ(o) − y). Shapes as in the forward operation, w [R, 1].</summary>
    internal void BernoulliNllBackward(Tensor logits, Tensor y, Tensor w)
    {
        Check(Same(y, logits), $"y is {y}, the logits are {logits}.");
        Check(Is(w, logits.Rows, 1), $"w is {w}, the logits are {logits}: it takes [{logits.Rows}, 1].");
        BernoulliNllBackwardCore(logits, y, w);
    }

    private protected abstract void BernoulliNllBackwardCore(Tensor logits, Tensor y, Tensor w);

    /// <summary>nll = logsumexp(o) − o_y per row, nats. Shapes: logits [R, V], y [R] ids, nll [R, 1].</summary>
    internal void CategoricalNllForward(Tensor logits, IdTensor y, Tensor nll)
    {
        Check(y.Count == logits.Rows, $"y is {y}, the logits are {logits}: it takes [{logits.Rows}].");
        Check(Is(nll, logits.Rows, 1), $"the nll is {nll}, the logits are {logits}: it takes [{logits.Rows}, 1].");
        CategoricalNllForwardCore(logits, y, nll);
    }

    private protected abstract void CategoricalNllForwardCore(Tensor logits, IdTensor y, Tensor nll);

    /// <summary>logits become w (softmax(o) − onehot(y)). Shapes as in the forward operation, w [R, 1].</summary>
    internal void CategoricalNllBackward(Tensor logits, IdTensor y, Tensor w)
    {
        Check(y.Count == logits.Rows, $"y is {y}, the logits are {logits}: it takes [{logits.Rows}].");
        Check(Is(w, logits.Rows, 1), $"w is {w}, the logits are {logits}: it takes [{logits.Rows}, 1].");
        CategoricalNllBackwardCore(logits, y, w);
    }

    private protected abstract void CategoricalNllBackwardCore(Tensor logits, IdTensor y, Tensor w);

    /// <summary>result = |h|² per row. Shapes: h [R, H], result [R, 1].</summary>
    internal void SquaredNormForward(Tensor h, Tensor result)
    {
        Check(Is(result, h.Rows, 1), $"the result is {result}, h is {h}: it takes [{h.Rows}, 1].");
        SquaredNormForwardCore(h, result);
    }

    private protected abstract void SquaredNormForwardCore(Tensor h, Tensor result);

    /// <summary>dh += 2 γ w h. Shapes: h and dh [R, H], w [R, 1].</summary>
    internal void SquaredNormBackward(Tensor h, Tensor w, float gamma, Tensor dh)
    {
        Check(Is(w, h.Rows, 1), $"w is {w}, h is {h}: it takes [{h.Rows}, 1].");
        Check(Same(dh, h), $"dh is {dh}, h is {h}.");
        SquaredNormBackwardCore(h, w, gamma, dh);
    }

    private protected abstract void SquaredNormBackwardCore(Tensor h, Tensor w, float gamma, Tensor dh);

    /// <summary>
    /// Norm stabiliser (Krueger and Memisevic 2016) of T steps: result_t = (‖h_{t+1}‖ − ‖h_t‖)² per row. The norms are taken in double, because their
    /// difference cancels. Shapes: h [(T + 1)·B, H] by slot, result [T·B, 1]; B is what h has more rows.
    /// </summary>
    internal void NormStabiliserForward(Tensor h, Tensor result)
    {
        Check(IsOneSlotLess(result, h), $"the result is {result}, h is {h}: [T·B, 1] and [(T + 1)·B, H] go together.");
        NormStabiliserForwardCore(h, result);
    }

    private protected abstract void NormStabiliserForwardCore(Tensor h, Tensor result);

    /// <summary>
    /// dh += coefficient · Σ_t w_t ∂(‖h_{t+1}‖ − ‖h_t‖)² / ∂h; a state of norm 0 gets nothing. Shapes: h and dh [(T + 1)·B, H] by slot, w [T·B, 1].
    /// </summary>
    internal void NormStabiliserBackward(Tensor h, Tensor w, float coefficient, Tensor dh)
    {
        Check(IsOneSlotLess(w, h), $"w is {w}, h is {h}: [T·B, 1] and [(T + 1)·B, H] go together.");
        Check(Same(dh, h), $"dh is {dh}, h is {h}.");
        NormStabiliserBackwardCore(h, w, coefficient, dh);
    }

    private protected abstract void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh);

    /// <summary>result = ‖x − target‖₂ per row, as TwinNet (Serdyuk et al. 2018) matches states. Shapes: x and target [R, N], result [R, 1].</summary>
    internal void DistanceForward(Tensor x, Tensor target, Tensor result)
    {
        Check(Same(target, x), $"the target is {target}, x is {x}.");
        Check(Is(result, x.Rows, 1), $"the result is {result}, x is {x}: it takes [{x.Rows}, 1].");
        DistanceForwardCore(x, target, result);
    }

    private protected abstract void DistanceForwardCore(Tensor x, Tensor target, Tensor result);

    /// <summary>
    /// dx = coefficient · w · (x − target) / ‖x − target‖₂ per row, zero where the distance is; dx may be x. Shapes: x, target and dx [R, N], w [R,
    /// 1], coefficient [1, 1].
    /// </summary>
    internal void DistanceBackward(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
    {
        Check(Same(target, x), $"the target is {target}, x is {x}.");
        Check(Is(w, x.Rows, 1), $"w is {w}, x is {x}: it takes [{x.Rows}, 1].");
        Check(Is(coefficient, 1, 1), $"the coefficient is {coefficient}; it takes [1, 1].");
        Check(Same(dx, x), $"dx is {dx}, x is {x}.");
        DistanceBackwardCore(x, target, w, coefficient, dx);
    }

    private protected abstract void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx);

    /// <summary>result = Σ values · w in a fixed order, accumulated in double. Shapes: values and w [R, 1], result [1, 1].</summary>
    internal void WeightedSum(Tensor values, Tensor w, Tensor result)
    {
        Check(Is(values, w.Rows, 1), $"the values are {values}, w is {w}: they take [R, 1].");
        Check(Is(w, values.Rows, 1), $"w is {w}, the values are {values}: they take [R, 1].");
        Check(Is(result, 1, 1), $"the result is {result}; it takes [1, 1].");
        WeightedSumCore(values, w, result);
    }

    private protected abstract void WeightedSumCore(Tensor values, Tensor w, Tensor result);

    // B is the difference of the rows.
    static bool IsOneSlotLess(Tensor steps, Tensor slots)
        => steps.Columns == 1 && steps.Rows < slots.Rows && steps.Rows % (slots.Rows - steps.Rows) == 0;
}
