namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>
    /// One LSTM step from pre-activations a = gates + addend (gate order i, f, u, o):
    /// gates become their activations, c = v (f c_prev + i (m ⊙ u)), h = v o tanh(c before v).
    /// The update mask m drops parts of u (Semeniuta et al. 2016); gates keep u itself. c may be c_prev.
    /// Shapes: gates and addend [B, 4H] (the addend may be empty), validity [B, 1] or empty, m [B, H] or empty (all ones), the rest [B, H].
    /// </summary>
    public void LstmCellForward(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h, Tensor updateMask = default)
    {
        Check(Is(gates, h.Rows, 4 * h.Columns), $"the gates are {gates}, h is {h}: it takes [{h.Rows}, {4L * h.Columns}].");
        Check(EmptyOrSame(addend, gates), $"the addend is {addend}, the gates are {gates}.");
        Check(Same(cPrevious, h), $"the previous cells are {cPrevious}, h is {h}.");
        Check(validity.IsEmpty || Is(validity, h.Rows, 1), $"the validity is {validity}, h is {h}: it takes [{h.Rows}, 1].");
        Check(Same(c, h), $"c is {c}, h is {h}.");
        Check(Same(tanhC, h), $"tanh c is {tanhC}, h is {h}.");
        Check(EmptyOrSame(updateMask, h), $"the update mask is {updateMask}, h is {h}.");
        LstmCellForwardCore(gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
    }

    protected abstract void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h, Tensor updateMask);

    /// <summary>
    /// CellBwd of model.md section 3 with dh = v (dh1 + dh2) and dc = v dc (a dh may be empty): gates become da, dc becomes dc_prev.
    /// Shapes: gates [B, 4H], validity [B, 1] or empty, the update mask of the forward operation [B, H] or empty, the rest [B, H].
    /// </summary>
    public void LstmCellBackward(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc, Tensor updateMask = default)
    {
        Check(Is(gates, dc.Rows, 4 * dc.Columns), $"the gates are {gates}, dc is {dc}: it takes [{dc.Rows}, {4L * dc.Columns}].");
        Check(Same(cPrevious, dc), $"the previous cells are {cPrevious}, dc is {dc}.");
        Check(Same(tanhC, dc), $"tanh c is {tanhC}, dc is {dc}.");
        Check(EmptyOrSame(dh1, dc), $"dh1 is {dh1}, dc is {dc}.");
        Check(EmptyOrSame(dh2, dc), $"dh2 is {dh2}, dc is {dc}.");
        Check(validity.IsEmpty || Is(validity, dc.Rows, 1), $"the validity is {validity}, dc is {dc}: it takes [{dc.Rows}, 1].");
        Check(EmptyOrSame(updateMask, dc), $"the update mask is {updateMask}, dc is {dc}.");
        LstmCellBackwardCore(gates, cPrevious, tanhC, dh1, dh2, validity, dc, updateMask);
    }

    protected abstract void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc, Tensor updateMask);
}
