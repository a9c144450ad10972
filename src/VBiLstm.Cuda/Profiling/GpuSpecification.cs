using VBiLstm.Configuration;
using VBiLstm.Devices.Counting;

namespace VBiLstm.Cuda.Profiling;

/// <summary>A GPU by the figures of its vendor's data sheet; rates of tensor cores are the dense ones, half of those with sparsity.</summary>
/// <param name="Name">As given to <c>--gpu</c>.</param>
/// <param name="Product">What the vendor calls it.</param>
/// <param name="GigabytesPerSecond">Memory bandwidth.</param>
/// <param name="Fp32Teraflops">Float32 outside tensor cores.</param>
/// <param name="Tf32Teraflops">TF32 in tensor cores, dense; null where there is none.</param>
/// <param name="L2Megabytes">Second-level cache.</param>
/// <param name="Link">To the other GPUs of its node.</param>
public sealed record GpuSpecification(
    string Name, string Product, double GigabytesPerSecond, double Fp32Teraflops, double? Tf32Teraflops, int L2Megabytes, NodeLink Link)
{
    /// <summary>
    /// Seconds that a node of a graph takes at least, however little it does: starting it once its predecessor is done, and its own latency. An assumption,
    /// not a figure of a data sheet; a measured step replaces it.
    /// </summary>
    public const double SecondsPerKernel = 2e-6;

    // NVIDIA's data sheets and architecture white papers of V100 (SXM2), A100 (SXM4), H100, L40S and GeForce RTX 4090.
    public static IReadOnlyList<GpuSpecification> All { get; } =
    [
        new("v100", "V100 SXM2 32 GB", 900, 15.7, null, 6, NodeLink.NvLink2),
        new("a100-40", "A100 SXM4 40 GB", 1555, 19.5, 156, 40, NodeLink.NvLink3),
        new("a100-80", "A100 SXM4 80 GB", 2039, 19.5, 156, 40, NodeLink.NvLink3),
        new("h100-pcie", "H100 PCIe 80 GB", 2000, 51, 378, 50, NodeLink.Pcie5),
        new("h100-sxm", "H100 SXM5 80 GB", 3350, 67, 494.5, 50, NodeLink.NvLink4),
        new("l40s", "L40S 48 GB", 864, 91.6, 183, 96, NodeLink.Pcie4),
        new("rtx4090", "GeForce RTX 4090 24 GB", 1008, 82.6, 82.6, 72, NodeLink.Pcie4),
    ];

    /// <summary>The GPU of that name. Throws <see cref="ConfigurationException"/> naming the nearest one.</summary>
    public static GpuSpecification Get(string name) => All.FirstOrDefault(gpu => gpu.Name == name)
        ?? throw new ConfigurationException($"There is no GPU {name} in the table; did you mean {NearestName.Of(name, All.Select(gpu => gpu.Name))}? "
            + $"GPUs: {string.Join(", ", All.Select(gpu => gpu.Name))}.");

    /// <summary>
    /// An estimate: the longest of moving the operands through memory, computing at the peak rate, and starting the kernels. Peak rates are optimistic; that no
    /// operand is still in the cache is pessimistic, above all where the weights of a loop fit into it.
    /// </summary>
    /// <param name="operation">What is done.</param>
    /// <param name="tensorCores">Whether products use TF32, where the GPU has it.</param>
    public double Seconds(in CountedOperation operation, bool tensorCores)
    {
        var teraflops = tensorCores ? Tf32Teraflops ?? Fp32Teraflops : Fp32Teraflops;
        return Math.Max(operation.Kernels * SecondsPerKernel,
            Math.Max(operation.Bytes / (1e9 * GigabytesPerSecond), operation.FloatingPointOperations / (1e12 * teraflops)));
    }
}
