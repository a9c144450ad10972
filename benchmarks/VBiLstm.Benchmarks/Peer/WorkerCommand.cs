using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>
/// One side in a process of its own, driven by lines on its standard input: <c>run N</c> answers with the seconds of N steps, <c>sequences</c> with
/// how many a step has, <c>peak</c> with GFLOP/s, <c>memory</c> with the process's largest resident bytes. The end of input ends it.
/// </summary>
static class WorkerCommand
{
    public const string Name = "peer-worker";

    public static Command Create()
    {
        var sizes = new SizeOptions();
        var side = new Argument<Side>("side");
        var what = new Argument<What>("what");
        var command = new Command(Name, "One side of the comparison; started by peer.") { side, what };
        command.Hidden = true;
        sizes.AddTo(command);
        command.SetAction(parsed =>
        {
            using var training = Create(parsed.GetValue(side), parsed.GetValue(what), sizes.Sizes(parsed), sizes.Threads(parsed));
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
        var what = new Argument<What>("what");
        var command = new Command("peer-check", "Compares what all sides compute at the same parameters and noise.") { what };
        sizes.AddTo(command);
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            var (step, threads) = (sizes.Sizes(parsed), sizes.Threads(parsed));
            if (parsed.GetValue(what) != What.Train)
            {
                CheckForward(parsed.GetValue(what), step, threads);
                return;
            }

            using var ours = new OurSide(step, threads);
            ours.Differentiate();
            foreach (var side in new[] { Side.Autograd, Side.Deferred })
            {
                using var peer = (TorchSide)Create(side, What.Train, step, threads);
                var (objective, gradient, worst) = peer.Compare(ours);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{side} {objective:R} {gradient:R} {worst}"));
            }
        });
        return command;
    }

    // One line as of a training step, without gradients.
    static void CheckForward(What what, StepSizes sizes, int threads)
    {
        double difference;
        if (what == What.Evaluate)
        {
            using var ours = new OurEvaluation(sizes, threads);
            using var peer = new TorchForwardSide(sizes with { Batch = ours.Sequences }, threads, what);
            difference = peer.CompareScores(ours);
        }
        else
        {
            using var ours = new OurSampling(sizes, threads);
            using var peer = new TorchForwardSide(sizes, threads, what);
            difference = peer.CompareOutputs(ours);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Side.Forward} {difference:R} 0 none"));
    }

    static ITrainingSide Create(Side side, What what, StepSizes sizes, int threads) => (side, what) switch
    {
        (Side.Ours, What.Evaluate) => new OurEvaluation(sizes, threads),
        (Side.Ours, What.Sample) => new OurSampling(sizes, threads),
        (Side.Ours, _) => new OurSide(sizes, threads),
        (Side.Autograd, _) => new AutogradSide(sizes, threads),
        (Side.Deferred, _) => new DeferredSide(sizes, threads),
        _ => new TorchForwardSide(sizes, threads, what),
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
            case "sequences":
                return training.Sequences;
            case "peak":
                return ((IOurSide)training).MeasurePeak();
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

    /// <summary>Evaluations and draws, without gradients.</summary>
    Forward,
}
