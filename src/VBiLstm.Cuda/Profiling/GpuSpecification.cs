using VBiLstm.Configuration;
using VBiLstm.Devices.Counting;

namespace VBiLstm.Cuda.Profiling;

/// <summary>A GPU by the figures of its vendor's data sheet; rates of tensor cores are the dense ones, half of those with sparsity.</summary>
/// <param name="Name">As given to <c>--gpu</c>.</param>
/// <param name="Product">What the vendor calls it.</param>
/// <param name="GigabytesPerSecond">Memory bandwidth.</param>
/// <param name="Fp32Teraflops">Float32 outside tensor cores.</param>
/// <param name="Tf32Teraflops">TF32 in tensor cores, dense; null where there is none.</param>
/// <param name="Bf16Teraflops">Bf16 with sums in float32 in tensor cores, dense; null where there is none.</param>
/// <param name="L2Megabytes">Second-level cache.</param>
/// <param name="L2GigabytesPerSecond">What is read from it. An assumption: no data sheet gives it.</param>
/// <param name="Link">To the other GPUs of its node.</param>
/// <param name="Multiprocessors">Of which each has shared memory of its own.</param>
/// <param name="SharedKilobytesOfBlock">Shared memory that a block can have at most.</param>
/// <param name="StartsEarly">Whether it starts a kernel before the one before it has ended: from compute capability 9.0 on.</param>
sealed record GpuSpecification(
    string Name, string Product, double GigabytesPerSecond, double Fp32Teraflops, double? Tf32Teraflops, double? Bf16Teraflops, int L2Megabytes,
    double L2GigabytesPerSecond, NodeLink Link, int Multiprocessors, int SharedKilobytesOfBlock, bool StartsEarly = false)
{
    /// <summary>
    /// Seconds that a node of a graph takes at least, however little it does: starting it once its predecessor is done, and its own latency. An assumption,
    /// not a figure of a data sheet; a measured step replaces it.
    /// </summary>
    public const double SecondsPerKernel = 2e-6;

    /// <summary>
    /// The same for a kernel that starts before the one before it has ended. An assumption: NVIDIA's programming guide (section 4.5) says that launching it and
    /// what it does before its wait overlap, and gives no time; half remains for the end of the one before, the wait and the kernel's own latency.
    /// </summary>
    public const double SecondsPerEarlyKernel = 1e-6;

    /// <summary>
    /// What a barrier of all blocks of a kernel takes, between which nothing overlaps. An assumption: CUDA's own was measured on V100 (Zhang et al.,
    /// arXiv 2004.05371), and on no later GPU that is known here.
    /// </summary>
    public const double SecondsPerGridBarrier = 1.5e-6;

    // NVIDIA's data sheets and architecture white papers of V100 (SXM2), A100 (SXM4), H100, L40S and GeForce RTX 4090. Bandwidth of L2: about what
    // microbenchmarks were published to reach, V100 2.2 TB/s (Jia et al., arXiv 1804.06826), H100 5.5 TB/s and AD102 5 TB/s (Chips and Cheese); A100 is
    // 2.3 times V100, as its white paper has it.
    public static IReadOnlyList<GpuSpecification> All { get; } =
    [
        new("v100", "V100 SXM2 32 GB", 900, 15.7, null, null, 6, 2200, NodeLink.NvLink2, 80, 96),
        new("a100-40", "A100 SXM4 40 GB", 1555, 19.5, 156, 312, 40, 5000, NodeLink.NvLink3, 108, 163),
        new("a100-80", "A100 SXM4 80 GB", 2039, 19.5, 156, 312, 40, 5000, NodeLink.NvLink3, 108, 163),
        new("h100-pcie", "H100 PCIe 80 GB", 2000, 51, 378, 756, 50, 5500, NodeLink.Pcie5, 114, 227, StartsEarly: true),
        new("h100-sxm", "H100 SXM5 80 GB", 3350, 67, 494.5, 989, 50, 5500, NodeLink.NvLink4, 132, 227, StartsEarly: true),
        new("l40s", "L40S 48 GB", 864, 91.6, 183, 362, 96, 5000, NodeLink.Pcie4, 142, 99),
        new("rtx4090", "GeForce RTX 4090 24 GB", 1008, 82.6, 82.6, 165.2, 72, 5000, NodeLink.Pcie4, 128, 99),
    ];

    /// <summary>The GPU of that name. Throws <see cref="ConfigurationException"/> naming the nearest one.</summary>
    public static GpuSpecification Get(string name) => All.FirstOrDefault(gpu => gpu.Name == name)
        ?? throw new ConfigurationException($"There is no GPU {name} in the table; did you mean {NearestName.Of(name, All.Select(gpu => gpu.Name))}? "
            + $"GPUs: {string.Join(", ", All.Select(gpu => gpu.Name))}.");

    /// <summary>Bytes that the second-level cache holds.</summary>
    public double L2Bytes => 1e6 * L2Megabytes;

    /// <summary>Whether it has products of that precision.</summary>
    public bool Has(CudaPrecision precision) => Teraflops(precision) is not null;

    /// <summary>Operations a second that products reach at most; where the GPU lacks a precision, those of float32.</summary>
    public double PeakOperations(CudaPrecision precision) => 1e12 * (Teraflops(precision) ?? Fp32Teraflops);

    double? Teraflops(CudaPrecision precision) => precision switch
    {
        CudaPrecision.Tf32 => Tf32Teraflops,
        CudaPrecision.Bf16 => Bf16Teraflops,
        _ => Fp32Teraflops,
    };

    /// <summary>
    /// An estimate: the longest of moving the operands, computing at the peak rate, and starting the kernels. Peak rates and full bandwidth are optimistic.
    /// </summary>
    /// <param name="operation">What is done.</param>
    /// <param name="precision">Of products.</param>
    /// <param name="fromL2">Whether the operands are found in L2, as far as they fit; otherwise they come from memory, which is pessimistic.</param>
    /// <param name="startEarly">Whether kernels start early where they can.</param>
    public double Seconds(in CountedOperation operation, CudaPrecision precision, bool fromL2 = false, bool startEarly = false)
        => Math.Max(operation.Kernels * (startEarly && operation.StartsEarly ? SecondsPerEarlyKernel : SecondsPerKernel),
            BusySeconds(operation, precision, fromL2));

    /// <summary>As <see cref="Seconds"/>, without the start of the kernels; a kernel with barriers holds the whole GPU while its blocks wait, too.</summary>
    internal double BusySeconds(in CountedOperation operation, CudaPrecision precision, bool fromL2)
        => MovingSeconds(operation, precision, fromL2) + operation.GridBarriers * SecondsPerGridBarrier;

    double MovingSeconds(in CountedOperation operation, CudaPrecision precision, bool fromL2)
    {
        var gigabytesPerSecond = fromL2 && operation.Bytes <= L2Bytes ? L2GigabytesPerSecond : GigabytesPerSecond;
        return Math.Max(operation.Bytes / (1e9 * gigabytesPerSecond), operation.FloatingPointOperations / PeakOperations(precision));
    }
}
