using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>The generator's pre-activations for one time step of B rows, for the generative process.</summary>
sealed class GeneratorStep(Workspace workspace, Net net, int rows)
{
    readonly NetPass _net = new(workspace, net, rows);

    /// <summary>o_t, [B, O].</summary>
    public Tensor Output => _net.Output;

    public void Run(params ReadOnlySpan<Tensor> inputs) => _net.Forward(inputs);
}
