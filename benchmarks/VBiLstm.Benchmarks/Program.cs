using System.CommandLine;
using BenchmarkDotNet.Running;
using Spectre.Console;
using VBiLstm.Benchmarks;
using VBiLstm.Benchmarks.Peer;
using VBiLstm.Benchmarks.Suites;
using VBiLstm.Devices.Cpu;

// A redirected console would break the tables at 80 columns.
if (Console.IsOutputRedirected)
    AnsiConsole.Profile.Width = 120;
var suites = new Command("suites", "BenchmarkDotNet suites: products, element-wise operations, an LSTM step, the training step; "
    + "arguments go to BenchmarkDotNet (--filter, --list).")
{
    TreatUnmatchedTokensAsErrors = false,
};
suites.SetAction(parsed => BenchmarkSwitcher.FromAssembly(typeof(GemmSuite).Assembly).Run([.. parsed.UnmatchedTokens], new SuiteConfiguration()));

var threads = new Option<int[]>("--threads")
{
    Description = "Numbers of threads.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => [1, Environment.ProcessorCount],
};
var widths = new Option<int[]>("--simd")
{
    Description = "Widths of vectors in bits.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => [(int)SimdWidths.Best],
};
var gemm = new Command("gemm", "Products of the model's shapes as a share of the FMA peak measured beside each.") { threads, widths };
gemm.SetAction(parsed => GemmTable.Print([.. parsed.GetValue(threads)!.Distinct()], parsed.GetValue(widths)!));

var root = new RootCommand("Speed of VBiLstm on this machine. See benchmarks/README.md.") { suites, gemm, ScalingCommand.Create(), PeerCommand.Create(),
    WorkerCommand.Create(), WorkerCommand.CreateCheck() };
try
{
    return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (PeerException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return 2;
}
