using System.CommandLine;
using VBiLstm.Checkpoints;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Evaluation;
using VBiLstm.Export;
using VBiLstm.Preparation;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm export</c>.</summary>
static class ExportCommand
{
    public static Command Create()
    {
        var checkpoint = CommonOptions.Checkpoint();
        var onnx = new Option<string?>("--onnx")
        {
            Description = "ONNX file of one step of the generative process. State and noise in, o_t and state out; opset 17.",
        };
        var sequence = new Option<bool>("--sequence")
        {
            Description = "lstm, twin-net without zoneout: a whole sequence at once in ONNX.",
        };
        var safetensors = new Option<string?>("--safetensors")
        {
            Description = "Safetensors file of the weights, with a model card beside it. Configuration and data stand in its metadata; the card is README.md.",
        };
        var command = new Command("export", """
            Writes a trained model for other programs, as ONNX or safetensors. The ONNX model is the generative process; beside the
            safetensors file of the weights stands a model card as the model hubs show it. What stands in the files: docs/trained.md.

            Examples:
              vbilstm export runs/digits-1 --onnx digits.onnx
              vbilstm export runs/letters --onnx letters.onnx --sequence
              vbilstm export runs/digits-1 --safetensors digits/model.safetensors
            """)
        {
            checkpoint, onnx, sequence, safetensors,
        };
        command.SetAction(parsed =>
        {
            var (onnxPath, tensorsPath) = (parsed.GetValue(onnx), parsed.GetValue(safetensors));
            if (onnxPath is null && tensorsPath is null)
                throw new ConfigurationException("Nothing to export: say --onnx FILE or --safetensors FILE.");
            if (parsed.GetValue(sequence) && onnxPath is null)
                throw new ConfigurationException("--sequence needs --onnx.");
            CommonOptions.CheckEnding("--onnx", onnxPath, ".onnx");
            CommonOptions.CheckEnding("--safetensors", tensorsPath, ".safetensors");
            var read = TrainedModel.Read(parsed.GetRequiredValue(checkpoint), withMoments: false);
            if (onnxPath is not null)
            {
                if (parsed.GetValue(sequence))
                    GenerativeOnnx.WriteSequence(onnxPath, read);
                else
                    GenerativeOnnx.WriteStep(onnxPath, read);
                Console.WriteLine($"{(parsed.GetValue(sequence) ? "a whole sequence" : "one step")} of {read.Folder} (step {read.State.Step:N0}): {onnxPath}");
            }

            if (tensorsPath is not null)
            {
                var card = Path.Combine(Path.GetDirectoryName(tensorsPath) ?? "", "README.md");
                ModelCard.CheckOurs(card);
                ModelFile.Write(tensorsPath, read, DataSource.Identify(read));
                AtomicFile.WriteText(card, ModelCard.Of(read, Path.GetFileName(tensorsPath)));
                Console.WriteLine($"weights of {read.Folder} (step {read.State.Step:N0}): {tensorsPath}, with the model card {card}");
            }

            return CommandExecution.Success;
        });
        return command;
    }
}
