using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    private protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
    {
        var arguments = stackalloc void*[] { &output, &target, &nll, &head, &components };
        LaunchRows(_kernels.GaussianMixtureNllForward, output.Rows, components * WarpSize, arguments);
    }

    private protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
    {
        var arguments = stackalloc void*[] { &output, &target, &w, &head, &components };
        LaunchRows(_kernels.GaussianMixtureNllBackward, output.Rows, components * WarpSize, arguments);
        RoundOperand(output);
    }
}
