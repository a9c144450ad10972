using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>Values that change from step to step, in device memory so that a recorded step reads the current ones.</summary>
sealed class StepScalars
{
    readonly Device _device;
    readonly Tensor _all;
    readonly float[] _host = new float[10];
    readonly int[] _hostKey = new int[3];

    public StepScalars(Device device, Arena arena)
    {
        _device = device;
        _all = arena.Take(_host.Length, 1);
        NoiseKey = arena.TakeIds(_hostKey.Length);
    }

    /// <summary>Coefficients of the objective [5, 1] in the order of <see cref="StepMetrics"/>: 1, ω, −α, −β, γ.</summary>
    public Tensor Coefficients => _all.RowRange(0, 5);

    public Tensor One => _all.RowRange(0, 1);

    public Tensor KlWeight => _all.RowRange(1, 1);

    public Tensor Alpha => _all.RowRange(5, 1);

    public Tensor Beta => _all.RowRange(6, 1);

    public Tensor LearningRate => _all.RowRange(7, 1);

    public Tensor Correction1 => _all.RowRange(8, 1);

    public Tensor Correction2 => _all.RowRange(9, 1);

    /// <summary>[seed low, seed high, step].</summary>
    public IdTensor NoiseKey { get; }

    public void SetObjective(float klWeight, float alpha, float beta, float gamma)
    {
        (_host[0], _host[1], _host[2], _host[3], _host[4]) = (1, klWeight, -alpha, -beta, gamma);
        (_host[5], _host[6]) = (alpha, beta);
        _device.Upload(_host, _all);
    }

    /// <param name="learningRate">This step's rate.</param>
    /// <param name="correction1">1 − β₁ᵗ.</param>
    /// <param name="correction2">1 − β₂ᵗ.</param>
    public void SetOptimiser(float learningRate, float correction1, float correction2)
    {
        (_host[7], _host[8], _host[9]) = (learningRate, correction1, correction2);
        _device.Upload(_host, _all);
    }

    public void SetNoise(long seed, long step)
    {
        (_hostKey[0], _hostKey[1], _hostKey[2]) = ((int)seed, (int)(seed >> 32), (int)step);
        _device.Upload(_hostKey, NoiseKey);
    }
}
