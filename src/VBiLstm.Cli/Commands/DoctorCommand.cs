using System.CommandLine;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Cuda;
using VBiLstm.Mpi;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm doctor</c>.</summary>
static class DoctorCommand
{
    public static Command Create()
    {
        var device = new Option<string?>("--device")
        {
            Description = "cuda or soft: exit code 3 unless this device can train. Default: report on cuda, exit code 0.",
        };
        var (rankTimeout, json) = (new RankTimeoutOption(), CommonOptions.Json());
        var command = new Command("doctor", """
            Says what this machine has for training on a GPU, and what is missing. That is driver, GPUs, CUDA libraries, the program's own kernels:
            where each was found, its version, and where something is missing, what was tried and what that costs. The CPU needs none of it.
            On several ranks it says so of rank 0's machine, and then of each rank in a line: its machine, MPI, processors, memory, and whether it has a GPU.

            Examples:
              vbilstm doctor
              vbilstm doctor --device cuda && vbilstm verify --device cuda
              srun --ntasks-per-node=4 vbilstm doctor
            """)
        {
            device, json,
        };
        rankTimeout.AddTo(command);
        command.SetAction(parsed =>
        {
            var asked = parsed.GetValue(device);
            if (asked is not (null or "cuda" or "soft"))
                throw new ConfigurationException($"--device is '{asked}'; use cuda or soft.");
            return RankSession.Run(rankTimeout.Read(parsed), limit: null, session =>
            {
                var findings = CudaDiagnosis.Run(software: asked == "soft");
                if (asked != "soft" && session.Ranks.Size == 1)
                    findings = [.. findings, Mpi()];
                var ranks = RankDiagnosis.Of(session, findings, asked ?? "cuda");
                var canTrain = ranks.All(rank => rank.CanTrain);
                if (session.IsFirst && parsed.GetValue(json))
                    PrintJson(findings, canTrain, ranks);
                else if (session.IsFirst)
                    Print(findings, canTrain, asked ?? "cuda", session, ranks);
                return asked is null || canTrain ? CommandExecution.Success : CommandExecution.DeviceFailure;
            });
        });
        return command;
    }

    // A job of several ranks has found its own.
    static CudaFinding Mpi()
    {
        var found = MpiDiagnosis.Run();
        return new CudaFinding
        {
            Name = "MPI",
            Path = found.Path,
            Version = found.Version,
            Tried = found.Tried,
            Missing = found.Path is null ? "one rank only" : null,
        };
    }

    static void Print(IReadOnlyList<CudaFinding> findings, bool canTrain, string device, RankSession session, IReadOnlyList<RankDiagnosis> ranks)
    {
        foreach (var finding in findings)
        {
            var mark = finding.Missing is null ? "ok" : finding.IsNeeded ? "!!" : "--";
            var searched = finding is { Missing: not null, Path: null, Tried.Count: > 0 };
            var missing = searched ? $"missing: {finding.Missing}; tried {string.Join(", ", finding.Tried)}" : finding.Missing;
            string?[] told = finding.Missing is null ? [finding.Version, finding.Path] : [missing];
            Console.WriteLine($"{mark} {finding.Name,-17} {string.Join(", ", told.Where(part => part is not null))}");
        }

        if (session.Describe() is { } described)
        {
            Console.WriteLine($"ranks             {described}");
            foreach (var rank in ranks)
                Console.WriteLine(rank.Line);
        }

        Console.WriteLine(canTrain
            ? $"--device {device} can train. Next: vbilstm verify --device {device}"
            : $"--device {device} cannot train here; see the lines marked !!. --device cpu needs none of this: "
                + $"vbilstm train{(device == "cuda" ? "; --device soft runs the GPU's path without one: vbilstm doctor --device soft" : "")}");
    }

    static void PrintJson(IReadOnlyList<CudaFinding> findings, bool canTrain, IReadOnlyList<RankDiagnosis> ranks) => JsonOutput.Write(json =>
    {
        json.WriteBoolean("can_train", canTrain);
        json.WriteStartArray("findings");
        foreach (var finding in findings)
        {
            json.WriteStartObject();
            json.WriteString("name", finding.Name);
            json.WriteBoolean("found", finding.Missing is null);
            json.WriteBoolean("needed", finding.IsNeeded);
            json.WriteString("version", finding.Version);
            json.WriteString("path", finding.Path);
            json.WriteString("missing", finding.Missing);
            json.WriteStartArray("tried");
            foreach (var place in finding.Tried)
                json.WriteStringValue(place);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("ranks");
        foreach (var rank in ranks)
        {
            json.WriteStartObject();
            json.WriteString("node", rank.Node);
            json.WriteNumber("processors", rank.Processors);
            json.WriteNumber("memory_bytes", rank.Memory);
            json.WriteBoolean("can_train", rank.CanTrain);
            json.WriteString("gpu", rank.Gpu);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
