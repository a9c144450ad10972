using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Spectre.Console;
using VBiLstm.Checkpoints;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Distributed;
using VBiLstm.Model;
using VBiLstm.Mpi;
using VBiLstm.Training;

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
    public int RanksHere => Ranks.Nodes.Count(node => node == Ranks.Nodes[Ranks.Rank]);

    /// <summary>This rank's number among those of its machine.</summary>
    public int PlaceHere => Ranks.Nodes.Take(Ranks.Rank).Count(node => node == Ranks.Nodes[Ranks.Rank]);

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
            AnsiConsole.Console = AnsiConsole.Create(
                new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null), Interactive = InteractionSupport.No });
        }

        try
        {
            return body(new RankSession(job, cancellation));
        }
        catch (AllRanksFailedException e)
        {
            return e.Failure is null ? e.Code : CommandExecution.Report(e.Failure);
        }
        catch (Exception e) when (e is NonFiniteException or RanksDisagreeException)
        {
            // All ranks saw the same.
            return job.Ranks.Rank == 0 ? CommandExecution.Report(e) : CommandExecution.CodeOf(e)!.Value;
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
        var (result, failure) = Try(action);
        var own = failure is null ? CommandExecution.Success : CommandExecution.CodeOf(failure)!.Value;
        var codes = Ranks.AllGather<int>([own]);
        var first = Array.FindIndex(codes, code => code != CommandExecution.Success);
        if (first < 0)
            return result!;
        (result as IDisposable)?.Dispose();
        if (first == Ranks.Rank && Array.Exists(codes, code => code != own))
            Console.Error.WriteLine($"vbilstm: {_job.Who}:");
        throw new AllRanksFailedException(codes[first], first == Ranks.Rank ? failure : null);
    }

    /// <summary>Has the first rank do something, for instance with the run's files; where it fails, all end with its message. Nothing on the others.</summary>
    public T? OnFirst<T>(Func<T> action)
    {
        if (_job is null)
            return action();
        var (result, failure) = IsFirst ? Try(action) : (default, null);
        var code = Ranks.FromFirst<int>([failure is null ? CommandExecution.Success : CommandExecution.CodeOf(failure)!.Value])[0];
        return code == CommandExecution.Success ? result : throw new AllRanksFailedException(code, failure);
    }

    /// <summary>A text that the first rank finds, on all; null where it has none.</summary>
    public string? TextFromFirst(Func<string?> find)
        => Encoding.UTF8.GetString(Ranks.FromFirst(Encoding.UTF8.GetBytes(OnFirst(find) ?? ""))) is { Length: > 0 } text ? text : null;

    /// <summary>A checkpoint that the first rank reads, on all; null where it finds none.</summary>
    public Checkpoint? CheckpointFromFirst(Func<Checkpoint?> read) => SharedCheckpoint.FromFirst(Ranks, OnFirst(read));

    static (T? Result, Exception? Failure) Try<T>(Func<T> action)
    {
        try
        {
            return (action(), null);
        }
        catch (Exception e) when (CommandExecution.CodeOf(e) is not null)
        {
            return (default, e);
        }
    }

    /// <summary>What all ranks find alike, from their command line.</summary>
    /// <exception cref="ConfigurationException">Always, with this message; of several ranks the first prints it.</exception>
    [DoesNotReturn]
    public void Refuse(string message)
    {
        Together<bool>(() => throw new ConfigurationException(message));
        throw new UnreachableException();
    }

    /// <summary>Several ranks share a batch out, one shard each unless it is in more already.</summary>
    /// <exception cref="ConfigurationException">A rank would be without a sequence.</exception>
    public RunConfiguration InShards(RunConfiguration configuration)
        => Together(() => configuration with { Training = configuration.Training.SharedOut(Ranks.Size) });

    /// <summary>Refuses ranks of different opinions before anything is computed: they would compute nonsense together.</summary>
    /// <exception cref="ConfigurationException">They are; the message says which where.</exception>
    public void Agree(params (string Item, string Value)[] items)
    {
        if (_job is not null && RankAgreement.Difference(Ranks, items) is { } difference)
            Refuse(difference);
    }

    /// <summary>As the other, of what a command computes on which data.</summary>
    /// <inheritdoc cref="Agree(ValueTuple{string, string}[])"/>
    public void Agree(RunConfiguration configuration, DataSplits? data = null)
    {
        if (_job is not null)
            Agree(
                ("program", $"{typeof(Trainer).Module.ModuleVersionId} {typeof(RankSession).Module.ModuleVersionId}"),
                ("configuration", ConfigurationFile.ToText(configuration)),
                ("data", data is null ? "" : Together(() => data.Identify().Sha256)));
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
            var here = claims.Where((_, rank) => Ranks.Nodes[rank] == Ranks.Nodes[Ranks.Rank]).ToList();
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
            : $"{Ranks.Size} on {Names.Count(Ranks.Nodes.Distinct().Count(), "node")} ({_job.Library})"
                + (Ranks.Levels.Count > 1 ? $", sums within nodes of {Ranks.Levels[0].Size} first" : "");

    sealed class AllRanksFailedException(int code, Exception? failure) : Exception
    {
        public int Code { get; } = code;

        public Exception? Failure { get; } = failure;
    }
}
