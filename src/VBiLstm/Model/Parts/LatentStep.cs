using VBiLstm.Devices;
using VBiLstm.Model.Models;
using VBiLstm.Noise;

namespace VBiLstm.Model.Parts;

/// <summary>z_t from the prior, sampled or at its mean, or as it was fixed, for one time step of B rows of the generative process.</summary>
sealed class LatentStep
{
    readonly GenerativeFrame _frame;
    readonly GaussianHead _head;
    readonly PriorPass _prior;
    readonly bool _readsInput;
    readonly Tensor _moments, _epsilon;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="frame">Rows, and whether latents are sampled.</param>
    /// <param name="prior">Null where the prior is fixed.</param>
    /// <param name="z">Where z_t goes, [B, Z].</param>
    public LatentStep(Workspace workspace, GenerativeFrame frame, Net? prior, Tensor z)
    {
        (_frame, _head, Z) = (frame, workspace.Functions.Latent, z);
        _prior = new PriorPass(workspace, prior, frame.Rows);
        _readsInput = prior is { Inputs.Count: > 1 };
        _epsilon = workspace.Take(z.Rows, z.Columns);

        // A fixed prior's moments are the zeros that memory begins with.
        _moments = _prior.Output.IsEmpty ? workspace.Take(z.Rows, 2 * z.Columns) : _prior.Output;
    }

    /// <summary>[B, Z].</summary>
    public Tensor Z { get; }

    /// <summary>z_t of a channel, given h_{t-1} and, where its prior reads that too, x_t.</summary>
    public void RunChannel(Tensor h, Tensor x)
    {
        if (_readsInput)
            Run(h, x);
        else
            Run(h);
    }

    /// <summary>z_t given what the prior reads.</summary>
    public void Run(params ReadOnlySpan<Tensor> inputs)
    {
        if (_frame.FixesLatents)
            return;
        _prior.Forward(inputs);
        if (_frame.IsSampled)
            _frame.Device.FillNormal(_epsilon, _frame.Noise(NoiseStream.GenerationLatentNoise));
        _frame.Device.SampleGaussianForward(_moments, _epsilon, Z, _head);
    }
}
