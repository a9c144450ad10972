using System.Numerics;
using System.Runtime.InteropServices;

namespace VBiLstm.Model;

/// <summary>e^x of many values on the host.</summary>
static class Exponentials
{
    /// <summary>x becomes e^x. A value's result does not depend on its place.</summary>
    public static void Replace(Span<double> x)
    {
        var vectors = MemoryMarshal.Cast<double, Vector<double>>(x);
        for (var i = 0; i < vectors.Length; i++)
            vectors[i] = Vector.Exp(vectors[i]);
        var rest = x[(vectors.Length * Vector<double>.Count)..];
        if (rest.IsEmpty)
            return;
        Span<double> padded = stackalloc double[Vector<double>.Count];
        rest.CopyTo(padded);
        Vector.Exp(new Vector<double>(padded)).CopyTo(padded);
        padded[..rest.Length].CopyTo(rest);
    }
}
