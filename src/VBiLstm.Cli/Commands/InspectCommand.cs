using System.CommandLine;
using System.Text.Json;
using VBiLstm.Checkpoints;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Evaluation;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm inspect</c>.</summary>
static class InspectCommand
{
    public static Command Create()
    {
        var checkpoint = CommonOptions.Checkpoint();
        var json = CommonOptions.Json();
        var command = new Command("inspect", """
            Checks a checkpoint whole and shows what it holds. Names, shapes, sizes and checksums are checked; shown are configuration, training
            state, and each parameter with its shape, norm and largest value.

            Example:
              vbilstm inspect runs/digits-1/checkpoints/last
            """)
        {
            checkpoint, json,
        };
        command.SetAction(parsed =>
        {
            var read = TrainedModel.Read(parsed.GetRequiredValue(checkpoint), withMoments: true);
            if (parsed.GetValue(json))
                PrintJson(read);
            else
                Print(read);
            return CommandExecution.Success;
        });
        return command;
    }

    static void Print(Checkpoint checkpoint)
    {
        var state = checkpoint.State;
        Console.Write(ConfigurationFile.ToText(state.Configuration));
        Console.WriteLine($"\ncheckpoint {checkpoint.Folder}, written by version {state.Program}");
        Console.WriteLine($"step {state.Step:N0}, {state.SkippedSteps:N0} skipped; best validation bound "
            + $"{(state.BestBound is { } bound ? $"{bound:F2} at step {state.BestStep:N0}" : "none yet")}");
        var width = checkpoint.Weights.Max(tensor => tensor.Name.Length);
        Console.WriteLine($"\n{"parameter".PadRight(width)}  {"shape",-14}{"norm",12}{"largest",12}");
        foreach (var tensor in checkpoint.Weights)
            Console.WriteLine($"{tensor.Name.PadRight(width)}  {$"[{string.Join(", ", tensor.Shape)}]",-14}{Norm(tensor),12:G5}{Largest(tensor),12:G5}");
        Console.WriteLine($"\n{checkpoint.Weights.Sum(tensor => (long)tensor.Values.Length):N0} parameters");
    }

    static void PrintJson(Checkpoint checkpoint) => JsonOutput.Write(json =>
    {
        json.WriteString("checkpoint", checkpoint.Folder);
        json.WritePropertyName("state");
        JsonSerializer.Serialize(json, checkpoint.State, TrainingStateJson.Default.TrainingState);
        json.WriteStartArray("parameters");
        foreach (var tensor in checkpoint.Weights)
        {
            json.WriteStartObject();
            json.WriteString("name", tensor.Name);
            json.WriteStartArray("shape");
            foreach (var size in tensor.Shape)
                json.WriteNumberValue(size);
            json.WriteEndArray();
            JsonOutput.WriteFinite(json, "norm", Norm(tensor));
            JsonOutput.WriteFinite(json, "largest", Largest(tensor));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    static double Norm(NamedTensor tensor) => Math.Sqrt(tensor.Values.Sum(value => (double)value * value));

    static double Largest(NamedTensor tensor) => tensor.Values.Length == 0 ? 0 : tensor.Values.Max(value => Math.Abs((double)value));
}
