using System.Runtime.InteropServices;
using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>Values that change from step to step, in device memory so that a recorded step reads the current ones.</summary>
sealed class StepScalars
{
    readonly Device _device;
    readonly ModelConfiguration _model;
    readonly IdTensor _all;
    readonly float[] _host = new float[StepMetrics.Terms + 5];
    readonly int[] _words;

    public StepScalars(Workspace workspace, ModelConfiguration model)
    {
        (_device, _model) = (workspace.Device, model);
        _words = new int[_host.Length + 3];
        _all = workspace.TakeIds(_words.Length);
    }

    /// <summary>Coefficients of the objective [terms, 1] in the order of <see cref="ObjectiveTerm"/>.</summary>
    public Tensor Coefficients => new(_all.Address, StepMetrics.Terms, 1, 1);

    public Tensor One => Scalar((int)ObjectiveTerm.Nll);

    public Tensor KlWeight => Scalar((int)ObjectiveTerm.Kl);

    public Tensor TwinWeight => Scalar((int)ObjectiveTerm.TwinDistance);

    public Tensor Alpha => Scalar(StepMetrics.Terms);

    public Tensor Beta => Scalar(StepMetrics.Terms + 1);

    public Tensor LearningRate => Scalar(StepMetrics.Terms + 2);

    /// <summary>1 − β₁ᵗ.</summary>
    public Tensor Correction1 => Scalar(StepMetrics.Terms + 3);

    /// <summary>1 − β₂ᵗ.</summary>
    public Tensor Correction2 => Scalar(StepMetrics.Terms + 4);

    /// <summary>[seed low, seed high, step].</summary>
    public IdTensor NoiseKey => _all.Range(_host.Length, 3);

    /// <summary>Brings a step's settings to the device.</summary>
    /// <param name="settings">Of the step.</param>
    /// <param name="training">Adam's constants; null where no update follows.</param>
    public void Upload(in StepSettings settings, TrainingConfiguration? training)
    {
        _host[(int)ObjectiveTerm.Nll] = 1;
        _host[(int)ObjectiveTerm.Kl] = (float)settings.KlWeight;
        _host[(int)ObjectiveTerm.LogPPsi] = -(float)settings.Alpha;
        _host[(int)ObjectiveTerm.LogPXi] = -(float)settings.Beta;
        _host[(int)ObjectiveTerm.Activity] = (float)_model.Gamma;
        _host[(int)ObjectiveTerm.NormStabiliser] = (float)_model.NormStabiliser;
        _host[(int)ObjectiveTerm.BackwardNll] = 1;
        _host[(int)ObjectiveTerm.TwinDistance] = (float)_model.TwinWeight;
        (_host[StepMetrics.Terms], _host[StepMetrics.Terms + 1], _host[StepMetrics.Terms + 2])
            = ((float)settings.Alpha, (float)settings.Beta, (float)settings.LearningRate);
        if (training is not null)
        {
            // Adam's t counts skipped steps too, so that it is known before the last step has ended.
            var t = settings.Step + 1;
            (_host[StepMetrics.Terms + 3], _host[StepMetrics.Terms + 4])
                = ((float)(1 - Math.Pow(training.AdamBeta1, t)), (float)(1 - Math.Pow(training.AdamBeta2, t)));
        }

        MemoryMarshal.Cast<float, int>(_host).CopyTo(_words);
        var key = _words.AsSpan(_host.Length);
        (key[0], key[1], key[2]) = ((int)settings.Seed, (int)(settings.Seed >> 32), (int)settings.Step);
        _device.Upload(_words, _all);
    }

    Tensor Scalar(int index) => new(_all.Address + index * sizeof(float), 1, 1, 1);
}
