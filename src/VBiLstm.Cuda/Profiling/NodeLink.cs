namespace VBiLstm.Cuda.Profiling;

/// <summary>What joins the GPUs of a node, by data sheets.</summary>
/// <param name="Product">What it is called.</param>
/// <param name="GigabytesPerSecond">Of one GPU in one direction; data sheets give the sum of both.</param>
sealed record NodeLink(string Product, double GigabytesPerSecond)
{
    // V100 data sheet: "interconnect bandwidth 300 GB/s", six links of 25 GB/s each way. The eight GPUs of a DGX-1 are not all joined directly.
    internal static NodeLink NvLink2 { get; } = new("NVLink", 150);

    // A100 data sheet: "NVLink: 600 GB/s".
    internal static NodeLink NvLink3 { get; } = new("NVLink", 300);

    // H100 data sheet, SXM: "NVLink: 900 GB/s".
    internal static NodeLink NvLink4 { get; } = new("NVLink", 450);

    // L40S data sheet: "PCIe Gen4 x16: 64 GB/s bidirectional"; the GeForce RTX 4090, with the same slot, goes through the host's memory.
    internal static NodeLink Pcie4 { get; } = new("PCIe", 32);

    // H100 data sheet, PCIe: "PCIe Gen5: 128 GB/s"; the bridge of 600 GB/s joins pairs only.
    internal static NodeLink Pcie5 { get; } = new("PCIe", 64);
}
