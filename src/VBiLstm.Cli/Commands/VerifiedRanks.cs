using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Distributed;
using VBiLstm.Verification;

namespace VBiLstm.Cli.Commands;

/// <summary>What <c>vbilstm verify</c> does and says on several ranks.</summary>
static class VerifiedRanks
{
    public static int Run(Device joined, Device alone, RunConfiguration configuration, int timeSteps, int steps, RankSession session, bool asJson)
    {
        if (session.IsFirst && !asJson)
        {
            Console.WriteLine($"device     {joined.Name}");
            Console.WriteLine($"ranks      {session.Describe()}");
            Console.WriteLine($"model      {Names.Describe(configuration.Model)}, {Names.Outputs(configuration.Model)}, "
                + $"B {configuration.Training.BatchSize}{Names.InShards(configuration.Training)}, T {timeSteps}");
        }

        var found = RankComparison.Run(joined, alone, configuration, timeSteps, steps, session.Cancellation);
        joined.Join(Communicator.Alone);
        var agrees = found.All(rank => rank.Different == 0);
        if (session.IsFirst && asJson)
            PrintJson(found, agrees, session);
        else if (session.IsFirst)
            Print(found, agrees, steps, session);
        return agrees ? CommandExecution.Success : CommandExecution.Failure;
    }

    static void Print(IReadOnlyList<RankDifference> found, bool agrees, int steps, RankSession session)
    {
        foreach (var (rank, of) in found.Index())
            Console.WriteLine($"{(of.Different == 0 ? "  " : "!!")} rank {rank} ({session.Ranks.Nodes[rank]})  "
                + (of.Different == 0
                    ? $"{of.Values:N0} values have the same bits"
                    : $"{of.Different:N0} of {of.Values:N0} values have other bits, the first in {of.First}"));
        Console.WriteLine(agrees
            ? $"agree: gradients of the first step, weights and Adam moments after {steps:N0} steps of all ranks together are those of each alone"
            : "DISAGREE: the ranks together do not come to what each comes to alone; a machine that stands out above computes or moves wrong values, and where "
                + "all do, the network or a library does");
    }

    static void PrintJson(IReadOnlyList<RankDifference> found, bool agrees, RankSession session) => JsonOutput.Write(json =>
    {
        json.WriteBoolean("agrees", agrees);
        json.WriteStartArray("ranks");
        foreach (var (rank, of) in found.Index())
        {
            json.WriteStartObject();
            json.WriteNumber("rank", rank);
            json.WriteString("node", session.Ranks.Nodes[rank]);
            json.WriteNumber("values", of.Values);
            json.WriteNumber("different", of.Different);
            json.WriteString("first", of.First);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
