using System.Globalization;
using VBiLstm.Configuration;
using VBiLstm.Cuda;
using VBiLstm.Devices;
using VBiLstm.Training;

namespace VBiLstm.Cli.Execution;

/// <summary>Steps of a training, the first and the last included, that NVIDIA's profilers collect: <c>--profile-steps 100:109</c>.</summary>
sealed record ProfiledSteps(long First, long Last)
{
    const string Option = "--profile-steps";

    public static ProfiledSteps? Parse(string? text)
    {
        if (text is null)
            return null;
        var parts = text.Split(':');
        return parts.Length == 2 && long.TryParse(parts[0], CultureInfo.InvariantCulture, out var first)
            && long.TryParse(parts[1], CultureInfo.InvariantCulture, out var last) && first >= 1 && last >= first
                ? new ProfiledSteps(first, last)
                : throw new ConfigurationException($"{Option} is '{text}'; use FIRST:LAST, for instance 100:109; steps count from 1.");
    }

    /// <exception cref="ConfigurationException">It is no GPU.</exception>
    public static bool CheckServes(Device device)
        => device is CudaDevice ? true : throw new ConfigurationException($"{Option} is for NVIDIA's profilers and needs --device cuda.");

    /// <summary>Has the profiler started before the first of the steps and stopped after the last, or when what is returned is disposed.</summary>
    public IDisposable Attach(Trainer trainer, CudaDevice device) => new Window(this, trainer, device);

    sealed class Window : IDisposable
    {
        readonly ProfiledSteps _steps;
        readonly Trainer _trainer;
        readonly CudaDevice _device;
        bool _collects, _collected;

        public Window(ProfiledSteps steps, Trainer trainer, CudaDevice device)
        {
            (_steps, _trainer, _device) = (steps, trainer, device);
            trainer.BeforeStep = Enter;
        }

        void Enter(long step)
        {
            if (_collects)
                ProfilerRanges.End();
            if (_collects && step > _steps.Last)
                Stop();
            if (step < _steps.First || step > _steps.Last)
                return;
            if (!_collects)
                _device.StartProfiler();
            (_collects, _collected) = (true, true);
            ProfilerRanges.Begin(string.Create(CultureInfo.InvariantCulture, $"step {step}"));
        }

        void Stop()
        {
            _device.StopProfiler();
            _collects = false;
        }

        public void Dispose()
        {
            _trainer.BeforeStep = null;
            if (_collects)
            {
                ProfilerRanges.End();
                Stop();
            }

            if (!_collected)
                Warning.Print($"{Option} {_steps.First}:{_steps.Last}: none of these steps was run.");
        }
    }
}
