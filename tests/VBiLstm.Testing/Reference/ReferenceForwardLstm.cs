using VBiLstm.Configuration;

namespace VBiLstm.Tests.Reference;

/// <summary>The forward LSTM with the regularisation of model.md section 17; masks that the inputs lack are off.</summary>
sealed class ReferenceForwardLstm(ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
{
    public (Variable H, Variable C) Step(int t, Variable input, Variable hPrevious, Variable cPrevious, (string Weight, Variable Value)[] others)
    {
        var a = Masked(input, inputs.InputMask).Times(Weight("weight_input")) + hPrevious.Times(Weight("weight_recurrent")) + parameters["forward_lstm.bias"];
        foreach (var (weight, value) in others)
            a += value.Times(Weight(weight));
        var (h, c) = Cell(a, cPrevious, inputs.RecurrentMask.Length == 0 ? null : OfStep(inputs.RecurrentMask, t));
        return (Kept(inputs.ZoneoutHidden, t, hPrevious, h), Kept(inputs.ZoneoutCell, t, cPrevious, c));
    }

    /// <summary>h as the generator reads it.</summary>
    public Variable Read(Variable h) => Masked(h, inputs.OutputMask);

    public static (Variable H, Variable C) Cell(Variable a, Variable cPrevious, Variable? candidateMask = null)
    {
        var n = cPrevious.Columns;
        var (i, f, u, o) = (a.Part(0, n).Sigmoid(), a.Part(n, n).Sigmoid(), a.Part(2 * n, n).Tanh(), a.Part(3 * n, n).Sigmoid());
        if (candidateMask is not null)
            u *= candidateMask;
        var c = f * cPrevious + i * u;
        return (o * c.Tanh(), c);
    }

    Variable Weight(string name)
    {
        var weight = parameters["forward_lstm." + name];
        return inputs.WeightNoise.TryGetValue("forward_lstm." + name, out var noise)
            ? weight + Variable.Of(weight.Rows, weight.Columns, [.. noise.Select(value => model.WeightNoise * value)])
            : weight;
    }

    Variable Kept(double[] mask, int t, Variable previous, Variable next)
    {
        if (mask.Length == 0)
            return next;
        var keep = OfStep(mask, t);
        var change = Variable.Of(keep.Rows, keep.Columns, [.. keep.Value.Select(value => 1 - value)]);
        return previous * keep + next * change;
    }

    Variable OfStep(double[] mask, int t)
    {
        var size = inputs.B * model.LstmUnits;
        return Variable.Of(inputs.B, model.LstmUnits, mask.AsSpan((t - 1) * size, size).ToArray());
    }

    static Variable Masked(Variable x, double[] mask) => mask.Length == 0 ? x : x * Variable.Of(x.Rows, x.Columns, mask);
}
