using System.CommandLine;
using VBiLstm.Cli.Commands;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;

var root = new RootCommand("""
    Trains Variational Bi-LSTMs: a forward and a backward LSTM joined at every time step by a variational auto-encoder,
    so that the forward path learns a summary of the future and can predict and generate without the backward path.

    Start with:  vbilstm train            (the embedded digits, about a minute; pictures and figures in runs/)
    Then:        vbilstm evaluate runs/digits-1
                 vbilstm sample runs/digits-1
    Own data:    vbilstm data prepare --help
    One command: vbilstm help train       (or --help after it, for a screen of it)
    Settings:    vbilstm config           (the keys of --set, and the presets)

    Exit codes: 0 done, 1 failed (disk, a run that is no longer finite), 2 bad input, 3 no device or no memory (or lost on
    the way), 70 a defect of the program (please report it), 130 interrupted and saved.
    """);
root.Subcommands.Add(TrainCommand.Create());
root.Subcommands.Add(EvaluateCommand.Create());
root.Subcommands.Add(ScoreCommand.Create());
root.Subcommands.Add(SampleCommand.Create());
root.Subcommands.Add(ExportCommand.Create());
root.Subcommands.Add(ImportCommand.Create());
root.Subcommands.Add(InspectCommand.Create());
root.Subcommands.Add(CompareCommand.Create());
root.Subcommands.Add(DataCommand.Create());
root.Subcommands.Add(BenchCommand.Create());
root.Subcommands.Add(DoctorCommand.Create());
root.Subcommands.Add(VerifyCommand.Create());
root.Subcommands.Add(ProfileCommand.Create());
root.Subcommands.Add(ConfigCommand.Create());
root.Subcommands.Add(CompletionCommand.Create());
root.Subcommands.Add(HelpCommand.Create(root));
root.SetAction(_ => HelpCommand.Show(root, root));
ShortHelp.Use(root);
return CommandExecution.Run(root, args);
