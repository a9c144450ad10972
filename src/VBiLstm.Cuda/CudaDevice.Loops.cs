using System.Runtime.InteropServices;
using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

// Loops over time as one cooperative kernel each, whose weights stay in shared memory (native/kernels/variational_loop.cu).
public sealed unsafe partial class CudaDevice
{
    readonly HashSet<string> _said = [];

    /// <summary>Receives, once each, what a user should know that comes up after <see cref="Notices"/>.</summary>
    public Action<string>? Noticed { get; set; }

    private protected override void PrepareLoopCore(VariationalLoop loop)
    {
        if (Options.Loop != CudaLoop.Resident)
            return;
        _context.Bind();
        var why = _context.HasCooperativeLaunch ? ResidentLoops.WhyNone(loop) : "the GPU has no cooperative launches";
        if (why is null)
            loop.KeptByDevice = CreateLoops(loop, out why);
        if (why is not null && _said.Add(why))
            Noticed?.Invoke($"--loop resident: {why}. The loops over time run as kernels of each time step.");
    }

    ResidentLoops? CreateLoops(VariationalLoop loop, out string? why)
    {
        var forward = ResidentLoop.Create(this, _context, _kernels.VariationalLoopForward, loop.BatchSize, ResidentLoops.ForwardProducts(loop), out why);
        if (forward is null || loop.DC.IsEmpty)
            return forward is null ? null : new ResidentLoops(forward, null);
        try
        {
            var backward = ResidentLoop.Create(this, _context, _kernels.VariationalLoopBackward, loop.BatchSize, ResidentLoops.BackwardProducts(loop), out why);
            if (backward is not null)
                return new ResidentLoops(forward, backward);
        }
        catch
        {
            forward.Dispose();
            throw;
        }

        forward.Dispose();
        return null;
    }

    // In the layout of the kernel's argument. What products read of moments and gates are the gradients only.
    [StructLayout(LayoutKind.Sequential)]
    struct ForwardArguments
    {
        public ResidentLoopMemory Memory;
        public Tensor HiddenStack, PosteriorWeight, PsiHiddenWeight, PsiWeight, LatentStack;
        public Tensor PosteriorBias, PsiHiddenBias, PsiBias;
        public Tensor States, Cells;
        public Tensor Gates, TanhC, UpdateMask;
        public Tensor HiddenProduct;
        public Tensor PosteriorHidden, PosteriorOutput, EpsilonZ, Latents;
        public Tensor PsiHidden, PsiOutput, EpsilonB, BTilde;
        public LeakyRelu Phi;
        public GaussianHead LatentHead, ReconstructionHead;
        public int Steps;
    }

    [StructLayout(LayoutKind.Sequential)]
    struct BackwardArguments
    {
        public ResidentLoopMemory Memory;
        public Tensor RecurrentStack, PsiWeight, PsiHiddenWeight, PosteriorWeight, PosteriorHiddenWeight;
        public Tensor DStates, Cells;
        public Tensor Gates, TanhC, UpdateMask, DC;
        public Tensor Product;
        public Tensor DBTilde, EpsilonB, DPsiMoments, PsiOutput, PsiHidden, DPsiHidden;
        public Tensor DZ, EpsilonZ, DPosteriorMoments, PosteriorOutput, PosteriorHidden, DPosteriorHidden, SkipMask;
        public LeakyRelu Phi;
        public GaussianHead LatentHead, ReconstructionHead;
        public int Steps;
    }

    private protected override bool TryLoopForwardCore(VariationalLoop loop)
    {
        if (loop.KeptByDevice is not ResidentLoops { Forward: var resident })
            return false;
        var product = loop.HiddenProduct;
        var arguments = new ForwardArguments
        {
            Memory = resident.Memory,
            HiddenStack = loop.HiddenStack.Values,
            PosteriorWeight = loop.PosteriorWeight.Values,
            PsiHiddenWeight = loop.PsiHiddenWeight.Values,
            PsiWeight = loop.PsiWeight.Values,
            LatentStack = loop.LatentStack.Values,
            PosteriorBias = loop.PosteriorBias,
            PsiHiddenBias = loop.PsiHiddenBias,
            PsiBias = loop.PsiBias,
            States = loop.H,
            Cells = loop.C,
            Gates = loop.Gates with { Operand = 0 },
            TanhC = loop.TanhC,
            UpdateMask = loop.UpdateMask,
            HiddenProduct = LastColumns(product, product.Columns - loop.PsiHidden.Columns),
            PosteriorHidden = loop.PosteriorHidden,
            PosteriorOutput = loop.PosteriorOutput with { Operand = 0 },
            EpsilonZ = loop.EpsilonZ,
            Latents = loop.Z,
            PsiHidden = loop.PsiHidden,
            PsiOutput = loop.PsiOutput with { Operand = 0 },
            EpsilonB = loop.EpsilonB,
            BTilde = loop.BTilde,
            Phi = loop.Phi,
            LatentHead = loop.LatentHead,
            ReconstructionHead = loop.ReconstructionHead,
            Steps = loop.Steps,
        };
        LaunchCooperatively(resident, &arguments);
        return true;
    }

    private protected override bool TryLoopBackwardCore(VariationalLoop loop)
    {
        if (loop.KeptByDevice is not ResidentLoops { Backward: { } resident })
            return false;
        var arguments = new BackwardArguments
        {
            Memory = resident.Memory,
            RecurrentStack = loop.RecurrentStack.Values,
            PsiWeight = loop.PsiWeight.Values,
            PsiHiddenWeight = loop.PsiHiddenWeight.Values,
            PosteriorWeight = loop.PosteriorWeight.Values,
            PosteriorHiddenWeight = loop.PosteriorHiddenWeight.Values,
            DStates = loop.DH,
            Cells = loop.C,
            Gates = loop.Gates,
            TanhC = loop.TanhC,
            UpdateMask = loop.UpdateMask,
            DC = loop.DC,
            Product = loop.RecurrentProduct.ColumnRange(0, loop.TanhC.Columns + loop.Z.Columns),
            DBTilde = loop.DBTilde,
            EpsilonB = loop.EpsilonB,
            DPsiMoments = loop.DPsiMoments,
            PsiOutput = loop.PsiOutput,
            PsiHidden = loop.PsiHidden,
            DPsiHidden = loop.DPsiHidden,
            DZ = loop.DZ,
            EpsilonZ = loop.EpsilonZ,
            DPosteriorMoments = loop.DPosteriorMoments,
            PosteriorOutput = loop.PosteriorOutput,
            PosteriorHidden = loop.PosteriorHidden,
            DPosteriorHidden = loop.DPosteriorHidden,
            SkipMask = loop.SkipMask,
            Phi = loop.Phi,
            LatentHead = loop.LatentHead,
            ReconstructionHead = loop.ReconstructionHead,
            Steps = loop.Steps,
        };
        LaunchCooperatively(resident, &arguments);
        return true;
    }

    // All blocks at once, each with a multiprocessor to itself. It starts when the kernel before it has ended, whose blocks hold multiprocessors until
    // then; and what follows starts when it has ended, rather than wait on multiprocessors that a branch could use.
    void LaunchCooperatively(ResidentLoop loop, void* argument)
    {
        _context.Bind();
        EndRunOfKernels();
        Launches++;
        LaunchAs(LaunchAttributeKind.Cooperative, loop.Kernel, loop.Blocks, 1, ThinThreads, 1, loop.SharedBytes, &argument);
    }
}
