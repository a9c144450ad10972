using System.CommandLine;
using VBiLstm.Checkpoints;
using VBiLstm.Cli.Execution;
using VBiLstm.Configuration;
using VBiLstm.Evaluation;
using VBiLstm.Preparation;
using VBiLstm.Runs;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm import</c>.</summary>
static class ImportCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "A safetensors file that vbilstm export wrote, or that another program saved again." };
        var run = new Option<string>("--run") { Description = "Name of the run that is made of it: runs/NAME.", Required = true };
        var like = new Option<string?>("--like")
        {
            Description = "A run whose configuration and data are taken: for files whose metadata are gone.",
        };
        var command = new Command("import", """
            Makes a run of a safetensors file, to evaluate, score, draw from and export as any other. Tensors are known by name, in any order, as F32, F16, BF16
            or F64; metadata of other programs do not matter. Trained on, it begins with an optimiser that has seen nothing.

            Examples:
              vbilstm import digits/model.safetensors --run digits
              vbilstm import pruned.safetensors --like runs/digits-1 --run pruned
            """)
        {
            file, run, like,
        };
        command.SetAction(parsed =>
        {
            FolderName.Check("--run", parsed.GetRequiredValue(run));
            var folder = new RunFolder(Path.Combine("runs", parsed.GetRequiredValue(run)));
            if (Path.Exists(folder.Path))
                throw new ConfigurationException($"--run: {folder.Path} is there already; choose another name.");
            var model = parsed.GetValue(like) is { } other ? TrainedModel.Read(other, withMoments: false) : null;
            var (read, types) = ModelFile.Read(parsed.GetRequiredValue(file), model is null ? null : model with { Data = DataSource.Identify(model) });
            Write(folder, read);
            foreach (var type in types.Where(type => type != "F32"))
                Warning.Print(type == "F64" ? "weights in F64 were rounded to float32." : $"weights in {type} have fewer digits than those of a training.");
            Console.WriteLine($"{read.Weights.Sum(tensor => (long)tensor.Values.Length):N0} parameters of step {read.State.Step:N0}, as step 0 of "
                + folder.Path);
            return CommandExecution.Success;
        });
        return command;
    }

    // A run at its begin: the optimiser has seen nothing, and of how good the weights are, only the evaluation that training begins with can tell.
    static void Write(RunFolder folder, Checkpoint read)
    {
        var state = new TrainingState { Configuration = read.State.Configuration, EvaluationIsPending = true };
        IReadOnlyList<NamedTensor> moments =
            [.. read.Weights.Select(tensor => new NamedTensor(tensor.Name, tensor.Shape, () => new float[tensor.Values.Length]))];
        var part = new RunFolder(folder.Path + ".part");
        try
        {
            foreach (var checkpoint in new[] { part.Best, part.Last })
                CheckpointFolder.Write(checkpoint, state, read.Data!, read.Weights, moments, moments);
            ConfigurationFile.Write(part.Configuration, state.Configuration);
            Directory.Move(part.Path, folder.Path);
        }
        finally
        {
            if (Directory.Exists(part.Path))
                Directory.Delete(part.Path, recursive: true);
        }
    }
}
