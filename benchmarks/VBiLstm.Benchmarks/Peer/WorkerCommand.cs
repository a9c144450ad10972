using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>
/// One side in a process of its own, driven by lines on its standard input: <c>run N</c> answers with the seconds of N steps, <c>peak</c> with
/// GFLOP/s, <c>memory</c> with the process's largest resident bytes. The end of input ends it.
/// </summary>
static class WorkerCommand
{
    public const string Name = "peer-worker";

    public static Command Create()
    {
        var sizes = new SizeOptions();
        var side = new Argument<Side>("side");
        var command = new Command(Name, "One side of the comparison; started by peer.") { side };
        command.Hidden = true;
        sizes.AddTo(command);
        command.SetAction(parsed =>
        {
            using var training = Create(parsed.GetValue(side), sizes.Sizes(parsed), sizes.Threads(parsed));
            training.Step();
            Answer(0);
            while (Console.ReadLine() is { } line)
                Answer(Execute(training, line));
        });
        return command;
    }

    /// <summary>The comparison of objectives and gradients, one line for each peer.</summary>
    public static Command CreateCheck()
    {
        var sizes = new SizeOptions();
        var command = new Command("peer-check", "Compares objective and gradients of all sides at the same parameters and noise.");
        sizes.AddTo(command);
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            var (step, threads) = (sizes.Sizes(parsed), sizes.Threads(parsed));
            using var ours = new OurSide(step, threads);
            ours.Differentiate();
            foreach (var side in new[] { Side.Autograd, Side.Deferred })
            {
                using var peer = (TorchSide)Create(side, step, threads);
                var (objective, gradient, worst) = peer.Compare(ours);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{side} {objective:R} {gradient:R} {worst}"));
            }
        });
        return command;
    }

    static ITrainingSide Create(Side side, StepSizes sizes, int threads) => side switch
    {
        Side.Ours => new OurSide(sizes, threads),
        Side.Autograd => new AutogradSide(sizes, threads),
        _ => new DeferredSide(sizes, threads),
    };

    static double Execute(ITrainingSide training, string line)
    {
        var words = line.Split(' ');
        switch (words[0])
        {
            case "run":
                // One step first: threads are asleep and caches hold the other side's data.
                training.Step();
                var start = Stopwatch.GetTimestamp();
                for (var left = int.Parse(words[1], CultureInfo.InvariantCulture); left > 0; left--)
                    training.Step();
                return Stopwatch.GetElapsedTime(start).TotalSeconds;
            case "peak":
                return ((OurSide)training).MeasurePeak();
            default:
                using (var process = Process.GetCurrentProcess())
                    return process.PeakWorkingSet64;
        }
    }

    static void Answer(double value) => Console.WriteLine(value.ToString("R", CultureInfo.InvariantCulture));
}

/// <summary>Who trains.</summary>
enum Side
{
    Ours,
    Autograd,
    Deferred,
}
