using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Spectre.Console;
using VBiLstm.Configuration;
using VBiLstm.Distributed;
using VBiLstm.Model;
using VBiLstm.Mpi;

namespace VBiLstm.Cli.Execution;

/// <summary>A command that runs on all ranks of an MPI job, or as the one process that it is. Rank 0 prints.</summary>
sealed class RankSession
{
    readonly MpiJob? _job;

    RankSession(MpiJob? job, CancellationToken cancellation) => (_job, Cancellation) = (job, cancellation);

    public Communicator Ranks => _job?.Ranks ?? Communicator.Alone;

    public bool IsFirst => Ranks.Rank == 0;

    /// <summary>Cancelled by Ctrl-C and the other signals, on this rank.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>How many ranks this one's machine has.</summary>
    public int RanksHere => _job?.Nodes.Count(node => node == _job.Nodes[Ranks.Rank]) ?? 1;

    /// <summary>This rank's number among those of its machine.</summary>
    public int PlaceHere => _job?.Nodes.Take(Ranks.Rank).Count(node => node == _job.Nodes[Ranks.Rank]) ?? 0;

    /// <summary>The machine of each rank.</summary>
    public IReadOnlyList<string> Nodes => _job?.Nodes ?? [Environment.MachineName];

    /// <summary>Runs a command, on several ranks where a launcher started them.</summary>
    /// <param name="timeout">The longest wait for other ranks.</param>
    /// <param name="limit">Cancels when so much time has passed; null for never.</param>
    /// <param name="body">What every rank does.</param>
    /// <returns>The exit code, the same on all ranks.</returns>
    public static int Run(TimeSpan timeout, TimeSpan? limit, Func<RankSession, int> body)
    {
        if (Launcher.Detect(Environment.GetEnvironmentVariable) is not { } launcher)
        {
            using var alone = new Interruption(limit);
            return body(new RankSession(null, alone.Token));
        }

        // A signal must not end a rank that waits in MPI's end for the first one to save; some MPIs take signals as they start.
        var job = MpiJob.Start(launcher, timeout);
        using var interruption = new Interruption(limit);
        using (job)
            return Run(job, body, interruption.Token);
    }

    static int Run(MpiJob job, Func<RankSession, int> body, CancellationToken cancellation)
    {
        if (job.Ranks.Rank > 0)
        {
            Console.SetOut(TextWriter.Null);
            AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null) });
        }

        try
        {
            return body(new RankSession(job, cancellation));
        }
        catch (AllRanksFailedException e)
        {
            return e.Failure is null ? e.Code : CommandExecution.Report(e.Failure);
        }
        catch (NonFiniteException e)
        {
            // All ranks saw the same sum.
            return job.Ranks.Rank == 0 ? CommandExecution.Report(e) : CommandExecution.Failure;
        }
        catch (OperationCanceledException e)
        {
            // Training itself ends by a vote; this is the first rank's, after it.
            return CommandExecution.Report(e);
        }
        catch (Exception e)
        {
            Console.Error.WriteLine($"vbilstm: {job.Who} failed and ends the job:");
            job.Abort(CommandExecution.CodeOf(e) is null
                ? CommandExecution.ReportDefect(e, Environment.GetCommandLineArgs()[1..])
                : CommandExecution.Report(e));
            throw;
        }
    }

    /// <summary>
    /// Does something that may fail on one rank and not on another; where it fails on any, it does on all, with the message of the first that it failed on.
    /// </summary>
    public T Together<T>(Func<T> action)
    {
        if (_job is null)
            return action();
        var (result, failure, own) = (default(T), (Exception?)null, CommandExecution.Success);
        try
        {
            result = action();
        }
        catch (Exception e) when (CommandExecution.CodeOf(e) is not null)
        {
            (failure, own) = (e, CommandExecution.CodeOf(e)!.Value);
        }

        var codes = Ranks.AllGather<int>([own]);
        var first = Array.FindIndex(codes, code => code != CommandExecution.Success);
        if (first < 0)
            return result!;
        (result as IDisposable)?.Dispose();
        if (first == Ranks.Rank && Array.Exists(codes, code => code != own))
            Console.Error.WriteLine($"vbilstm: {_job.Who}:");
        throw new AllRanksFailedException(codes[first], first == Ranks.Rank ? failure : null);
    }

    /// <summary>What all ranks find alike, from their command line.</summary>
    /// <exception cref="ConfigurationException">Always, with this message; of several ranks the first prints it.</exception>
    [DoesNotReturn]
    public void Refuse(string message)
    {
        Together<bool>(() => throw new ConfigurationException(message));
        throw new UnreachableException();
    }

    /// <summary>Refuses ranks whose values differ.</summary>
    /// <exception cref="ConfigurationException">They do; the message says which where.</exception>
    public void Agree(params (string Item, string Value)[] items)
    {
        if (_job is not null && RankAgreement.Difference(Ranks, _job.Nodes, items) is { } difference)
            Together<bool>(() => throw new ConfigurationException(difference));
    }

    /// <summary>What this rank's process found, where it is the first; its word for all.</summary>
    public bool FirstSays(Func<bool> question) => Ranks.Any(IsFirst && question());

    /// <summary>
    /// Threads that this rank may take of its machine: those of its affinity mask, or an equal share where the ranks of the machine claim more than it has.
    /// </summary>
    public int Processors
    {
        get
        {
            if (_job is null)
                return Environment.ProcessorCount;
            var claims = Ranks.AllGather<int>([Environment.ProcessorCount]);
            var here = claims.Where((_, rank) => _job.Nodes[rank] == _job.Nodes[Ranks.Rank]).ToList();
            var online = Online(here.Max());
            return here.Sum() > online ? Math.Max(1, online / RanksHere) : Environment.ProcessorCount;
        }
    }

    // Of the whole machine, at least as many as a rank was given. Numbers and ranges of numbers, for instance 0-3,8.
    static int Online(int atLeast)
    {
        const string List = "/sys/devices/system/cpu/online";
        var online = !File.Exists(List) ? 0 : File.ReadAllText(List).Trim().Split(',').Select(range => range.Split('-'))
            .Sum(range => int.Parse(range[^1], CultureInfo.InvariantCulture) - int.Parse(range[0], CultureInfo.InvariantCulture) + 1);
        return Math.Max(online, atLeast);
    }

    /// <summary>How many ranks on which machines by which MPI; null where there is one.</summary>
    public string? Describe()
        => _job is null
            ? null
            : $"{Ranks.Size} on {Count(_job.Nodes.Distinct().Count(), "node")} ({_job.Library})"
                + (Ranks.Levels.Count > 1 ? $", sums within nodes of {Ranks.Levels[0].Size} first" : "");

    static string Count(int count, string what) => $"{count} {what}{(count == 1 ? "" : "s")}";

    sealed class AllRanksFailedException(int code, Exception? failure) : Exception
    {
        public int Code { get; } = code;

        public Exception? Failure { get; } = failure;
    }
}
