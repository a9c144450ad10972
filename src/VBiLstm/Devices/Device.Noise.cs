using VBiLstm.Noise;

namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>Standard normal noise; row t·B + n takes its bits from time step t and row id n. Shape: x [T·B, N].</summary>
    internal void FillNormal(Tensor x, NoiseSource noise)
    {
        Check(IsNoiseFor(noise, x), $"x is {x}, the row ids are {noise.RowIds}, the key is {noise.Key}: [T·B, N], [B] and [3] go together.");
        FillNormalCore(x, noise);
    }

    private protected abstract void FillNormalCore(Tensor x, NoiseSource noise);

    /// <summary>
    /// <paramref name="one"/> with the given probability, zero otherwise, each element by a bit of its own: with 1 − p and 1 / (1 − p) a mask of
    /// dropout. Column j of row t·B + n takes word j mod 4 of block j / 4 of time step t and row id n. Shape: x [T·B, N].
    /// </summary>
    internal void FillBernoulli(Tensor x, float probability, NoiseSource noise, float one = 1)
    {
        Check(IsNoiseFor(noise, x), $"x is {x}, the row ids are {noise.RowIds}, the key is {noise.Key}: [T·B, N], [B] and [3] go together.");
        FillBernoulliCore(x, probability, noise, one);
    }

    private protected abstract void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one);

    /// <summary>
    /// Weight noise (Graves 2011): y = x + deviation · ε in one rounding, ε standard normal. Element i of the flat arenas takes the value that <see
    /// cref="FillNormal"/> would give column i of time step 0 and row id 0. y may be x. Shapes: x and y [1, N], key [3] as in <see
    /// cref="NoiseSource"/>.
    /// </summary>
    internal void AddNormal(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y)
    {
        Check(x.Rows == 1, $"x is {x}; it takes [1, N].");
        Check(Same(y, x), $"y is {y}, x is {x}.");
        Check(key.Count == 3, $"the key is {key}; it takes [3].");
        AddNormalCore(x, deviation, key, stream, y);
    }

    private protected abstract void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y);

    static bool IsNoiseFor(in NoiseSource noise, Tensor x) => noise.Key.Count == 3 && noise.RowIds.Count > 0 && x.Rows % noise.RowIds.Count == 0;
}
