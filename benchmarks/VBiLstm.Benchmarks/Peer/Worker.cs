using System.Diagnostics;
using System.Globalization;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>A running process of one side.</summary>
sealed class Worker : IDisposable
{
    readonly Process _process;

    /// <param name="side">Who trains.</param>
    /// <param name="what">What it does.</param>
    /// <param name="tuned">Whether glibc keeps freed tensors and MKL takes its fast kernels.</param>
    /// <param name="sizes">Sizes of the step.</param>
    /// <param name="threads">Threads.</param>
    public Worker(Side side, What what, bool tuned, StepSizes sizes, int threads)
    {
        var variant = side switch { Side.Autograd => " autograd", Side.Deferred => " deferred", _ => "" };
        Name = side == Side.Ours ? "VBiLstm" : $"TorchSharp{variant}, {(tuned ? "tuned" : "plain")}";
        _process = Start([WorkerCommand.Name, side.ToString(), what.ToString(), .. SizeOptions.Arguments(sizes, threads)], side != Side.Ours, tuned);
        ReadAnswer();
        Sequences = (int)Ask("sequences");
    }

    /// <summary>Of a step.</summary>
    public int Sequences { get; }

    public string Name { get; }

    /// <summary>Seconds of a batch of so many sequences, by that many steps.</summary>
    public double SecondsOfBatch(int batch, int steps) => Run(steps) / steps * batch / Sequences;

    /// <summary>Seconds of that many steps.</summary>
    public double Run(int steps) => Ask($"run {steps}");

    /// <summary>GFLOP/s; our side only.</summary>
    public double Peak() => Ask("peak");

    /// <summary>Largest resident bytes so far.</summary>
    public double Memory() => Ask("memory");

    /// <summary>This program with other arguments, its standard input and output redirected.</summary>
    public static Process Start(IEnumerable<string> arguments, bool usesTorch, bool tuned)
    {
        var information = new ProcessStartInfo(Environment.ProcessPath!, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        if (usesTorch && OperatingSystem.IsLinux())
        {
            var preloads = new List<string>();
            if (LibTorchLoading.Prepare() is { } shim)
                preloads.Add(shim);
            if (tuned)
            {
                preloads.Add(LibTorchLoading.Shim("libmkl_processor_check.so"));
                information.Environment["MALLOC_MMAP_MAX_"] = "0";
                information.Environment["MALLOC_TRIM_THRESHOLD_"] = "17179869184";
                information.Environment["MALLOC_TOP_PAD_"] = "268435456";
            }

            if (preloads.Count > 0)
                information.Environment["LD_PRELOAD"] = string.Join(' ', preloads);
        }

        return Process.Start(information) ?? throw new PeerException("A process of the comparison could not be started.");
    }

    double Ask(string line)
    {
        _process.StandardInput.WriteLine(line);
        return ReadAnswer();
    }

    double ReadAnswer() => _process.StandardOutput.ReadLine() is { } answer
        ? double.Parse(answer, CultureInfo.InvariantCulture)
        : throw new PeerException($"{Name} ended before it answered; its own message stands above.");

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(20)))
            _process.Kill();
        _process.Dispose();
    }
}
