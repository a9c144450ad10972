using System.CommandLine;
using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Cli.Commands;

/// <summary>Where a command computes: options that change its speed and, but for the vectors' width, no bit of its results.</summary>
sealed class DeviceOptions
{
    readonly Option<int> _threads = new("--threads")
    {
        Description = "Threads of the CPU device; 0 takes all processors. Results have the same bits at any number.",
        DefaultValueFactory = _ => 0,
    };

    readonly Option<int?> _simd = new("--simd")
    {
        Description = $"Vector width of the products in bits: 128, 256 or 512. Default: the widest here, {(int)SimdWidths.Best}.",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_threads);
        command.Options.Add(_simd);
    }

    /// <exception cref="ConfigurationException">A value is out of range, or this processor lacks the width.</exception>
    public CpuDevice Create(ParseResult parsed)
    {
        var threads = parsed.GetValue(_threads);
        if (threads is < 0 or > 1024)
            throw new ConfigurationException($"--threads is {threads}; use 0 to 1024.");
        if (parsed.GetValue(_simd) is not { } bits)
            return new CpuDevice(threads);
        return SimdWidths.Supported.Contains((SimdWidth)bits)
            ? new CpuDevice(threads, (SimdWidth)bits)
            : throw new ConfigurationException($"--simd is {bits}; this processor has {string.Join(", ", SimdWidths.Supported.Select(width => (int)width))}.");
    }
}
