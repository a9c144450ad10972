using System.Runtime.InteropServices;
using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>Values that change from step to step, in device memory so that a recorded step reads the current ones.</summary>
/// <param name="All">Those of <see cref="Words"/>.</param>
sealed record StepScalars(IdTensor All)
{
    /// <summary>Words of a key of the noise.</summary>
    public const int KeyWords = 3;

    static readonly int Values = StepMetrics.Terms + 8;

    /// <summary>How many there are, floats and words of the noise key.</summary>
    public static readonly int Words = Values + KeyWords;

    /// <summary>Coefficients of the objective [terms, 1] in the order of <see cref="ObjectiveTerm"/>.</summary>
    public Tensor Coefficients => new(All.Address, StepMetrics.Terms, 1, 1);

    public Tensor One => Scalar((int)ObjectiveTerm.Nll);

    public Tensor KlWeight => Scalar(StepMetrics.Terms + 5);

    /// <summary>λ.</summary>
    public Tensor FreeBits => Scalar(StepMetrics.Terms + 6);

    /// <summary>−λ.</summary>
    public Tensor MinusFreeBits => Scalar(StepMetrics.Terms + 7);

    public Tensor TwinWeight => Scalar((int)ObjectiveTerm.TwinDistance);

    public Tensor Alpha => Scalar(StepMetrics.Terms);

    public Tensor Beta => Scalar(StepMetrics.Terms + 1);

    public Tensor LearningRate => Scalar(StepMetrics.Terms + 2);

    /// <summary>1 − β₁ᵗ.</summary>
    public Tensor Correction1 => Scalar(StepMetrics.Terms + 3);

    /// <summary>1 − β₂ᵗ.</summary>
    public Tensor Correction2 => Scalar(StepMetrics.Terms + 4);

    /// <summary>[seed low, seed high, step].</summary>
    public IdTensor NoiseKey => All.Range(Values, KeyWords);

    /// <summary>Writes a step's settings as the device takes them.</summary>
    /// <param name="settings">Of the step.</param>
    /// <param name="model">Weights that do not change.</param>
    /// <param name="training">Adam's constants; null where no update follows.</param>
    /// <param name="words">[<see cref="Words"/>].</param>
    public static void Write(in StepSettings settings, ModelConfiguration model, TrainingConfiguration? training, Span<int> words)
    {
        var values = MemoryMarshal.Cast<int, float>(words)[..Values];
        values[(int)ObjectiveTerm.Nll] = 1;
        var (kl, freeBits) = ((float)settings.KlWeight, (float)model.FreeBits);
        (values[(int)ObjectiveTerm.Kl], values[(int)ObjectiveTerm.FreeBitsKl]) = freeBits > 0 ? (0f, kl) : (kl, 0f);
        (values[StepMetrics.Terms + 5], values[StepMetrics.Terms + 6], values[StepMetrics.Terms + 7]) = (kl, freeBits, -freeBits);
        values[(int)ObjectiveTerm.LogPPsi] = -(float)settings.Alpha;
        values[(int)ObjectiveTerm.LogPXi] = -(float)settings.Beta;
        values[(int)ObjectiveTerm.Activity] = (float)model.Gamma;
        values[(int)ObjectiveTerm.NormStabiliser] = (float)model.NormStabiliser;
        values[(int)ObjectiveTerm.BackwardNll] = 1;
        values[(int)ObjectiveTerm.TwinDistance] = (float)model.TwinWeight;
        (values[StepMetrics.Terms], values[StepMetrics.Terms + 1], values[StepMetrics.Terms + 2])
            = ((float)settings.Alpha, (float)settings.Beta, (float)settings.LearningRate);
        if (training is not null)
        {
            // Adam's t counts skipped steps too, so that it is known before the last step has ended.
            var t = settings.Step + 1;
            (values[StepMetrics.Terms + 3], values[StepMetrics.Terms + 4])
                = ((float)(1 - Power(training.AdamBeta1, t)), (float)(1 - Power(training.AdamBeta2, t)));
        }

        WriteKey(settings, words[Values..]);
    }

    // By squaring: the C library's power has other bits on other systems.
    static double Power(double x, long n)
    {
        var result = 1.0;
        for (; n > 0; n >>= 1)
        {
            if ((n & 1) != 0)
                result *= x;
            x *= x;
        }

        return result;
    }

    /// <summary>Writes the key of a step's noise.</summary>
    public static void WriteKey(in StepSettings settings, Span<int> key)
        => (key[0], key[1], key[2]) = ((int)settings.Seed, (int)(settings.Seed >> 32), (int)settings.Step);

    Tensor Scalar(int index) => new(All.Address + index * sizeof(float), 1, 1, 1);
}
