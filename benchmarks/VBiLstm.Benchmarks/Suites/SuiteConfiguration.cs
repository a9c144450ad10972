using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;

namespace VBiLstm.Benchmarks.Suites;

/// <summary>In this process: a generated project would not find the libraries that stand beside this one.</summary>
sealed class SuiteConfiguration : ManualConfig
{
    public SuiteConfiguration()
    {
        Add(DefaultConfig.Instance);
        AddJob(Job.ShortRun.WithToolchain(new InProcessNoEmitToolchain(logOutput: true)));
    }
}
