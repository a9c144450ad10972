using System.CommandLine;
using VBiLstm.Cli.Display;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Configuration;
using VBiLstm.Preparation;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm data prepare</c>.</summary>
static class PrepareCommand
{
    public static Command Create()
    {
        var defaults = new PreparationOptions();
        var task = new Argument<string>("task") { Description = "One of the tasks below." };
        var from = Paths("--from", "Files, folders, archives (zip, 7z, tar, gz, xz, bz2, zst), or - for standard input. What each file is, "
            + "is decided by its content; of which split, by the words train, valid and test in names.");
        var train = Paths("--train", "Instead of --from: what is of the training split, whatever its names are.");
        var validation = Paths("--valid", "What is of the validation split; without, a tenth of training is held out.");
        var test = Paths("--test", "What is of the test split. Of timit with --from: core takes the 24 speakers of the core test set.");
        var skip = new Option<bool>("--skip-unreadable")
        {
            Description = "Leaves out files that cannot be read, and lists them. Otherwise they are an error.",
        };
        var output = new Option<string?>("--out") { Description = "The prepared folder; default: data/TASK." };
        var vocabulary = new Option<int>("--vocabulary")
        {
            Description = "sentences: V, ids of words, <s>, </s> and <unk> among them.",
            DefaultValueFactory = _ => defaults.Vocabulary,
        };
        var words = new Option<int>("--max-words")
        {
            Description = "sentences: words of the longest sentence that is kept.",
            DefaultValueFactory = _ => defaults.MaximumWords,
        };
        var encoding = new Option<string>("--encoding")
        {
            HelpName = "name",
            Description = $"Of texts, utf-8 or for instance latin-1. All: {string.Join(", ", PreparationOptions.Encodings.Keys)}. Byte order marks are "
                + "recognised.",
            DefaultValueFactory = _ => "utf-8",
        };
        encoding.AcceptOnlyFromAmong([.. PreparationOptions.Encodings.Keys]);
        var characters = new Option<long>("--train-characters")
        {
            HelpName = "N",
            Description = "Characters: how many of the training text, from its begin; 0 for all.",
            DefaultValueFactory = _ => defaults.TrainingCharacters,
        };
        var frame = new Option<int?>("--frame-size")
        {
            HelpName = "N",
            Description = $"Speech: D, samples of a frame; default: {PreparationOptions.SpeechFrameSize}. frames: numbers of a frame in a column whose "
                + "lists hold whole sequences.",
        };
        var columns = new ColumnOptions();
        var row = new Option<int>("--row-frames") { HelpName = "N", Description = "Speech: frames of a row.", DefaultValueFactory = _ => defaults.RowFrames };
        var dither = new Option<bool>("--dither")
        {
            Description = "Speech: adds noise of a bit's width. Without it the density of silence has no bound. Uniform, of one least "
                + "significant bit's width of each file's own coding, to each sample.",
            DefaultValueFactory = _ => defaults.Dither,
        };
        var protocol = new Option<string>("--protocol")
        {
            HelpName = "name",
            Description = "timit, fsdd: zero-start or srnn. zero-start cuts training into rows; every row and test sentence begins behind a frame of zeros, "
                + "and all its frames are predicted. srnn is the public preparation of SRNN, whose numbers the paper's table stands beside: training and "
                + "validation are streams, whose windows (data.window) begin with the true frame before them, training carries the state from one to the next, "
                + "the first frame of a test sentence is only read, sentences are held out for validation and not speakers, and there is no dither unless "
                + "asked for.",
            DefaultValueFactory = _ => "zero-start",
        };
        protocol.AcceptOnlyFromAmong([.. PreparationOptions.Protocols.Keys]);
        var rate = new Option<int>("--sample-rate")
        {
            HelpName = "Hz",
            Description = "Speech: samples a second that recordings are converted to; 0: as they are. Then they must agree.",
            DefaultValueFactory = _ => defaults.SampleRate,
        };
        var channel = new Option<int>("--channel")
        {
            HelpName = "N",
            Description = "Speech: the channel of recordings that have several, from 1; 0: their mean.",
            DefaultValueFactory = _ => defaults.Channel,
        };
        var transpose = new Option<bool?>("--transpose") { Description = "images: whether rows and columns are exchanged, as EMNIST's need." };
        var withoutSa = new Option<bool>("--without-sa") { Description = "timit: leaves out SA1 and SA2, which every speaker reads." };
        var command = new Command("prepare", $"""
            Turns raw files into a prepared folder: a manifest and one file a split. manifest.json has counts, checksums, statistics, sources and licence.
            Every file of the sources is read, or listed with the reason why not.
            Ctrl-C keeps the splits that are complete; the same command goes on. docs/data.md says what each task does and why.

            Tasks:
            {string.Join("\n", PreparationTask.All.Select(Describe))}

            Examples:
              vbilstm data prepare ptb-char --from ptb.zip
              vbilstm data prepare sentences --from polarity.zip subjectivity.zip --encoding latin-1 --out data/imdb
              vbilstm data prepare frames --train a.parquet b.parquet --test c.parquet --sequence machine --values heat pressure
            """)
        {
            task, from, train, validation, test, output, skip, vocabulary, words, encoding, characters, transpose, frame, row, dither, protocol, rate, channel,
            withoutSa, columns.Sequence, columns.Values,
        };
        command.SetAction(parsed =>
        {
            var chosen = PreparationTask.Get(parsed.GetRequiredValue(task));
            foreach (var option in new Option[] { vocabulary, words, encoding, characters, transpose, frame, row, dither, protocol, rate, channel, withoutSa,
                columns.Sequence, columns.Values })
                if (parsed.GetResult(option) is { Implicit: false } && !chosen.Options.Contains(option.Name[2..]))
                    throw new ConfigurationException($"{option.Name} is no option of "
                        + $"{chosen.Name}{(chosen.Options.Count == 0 ? "; it has none" : $"; it has --{string.Join(", --", chosen.Options)}")}.");
            var isCore = chosen.Options.Contains("test") && parsed.GetValue(test) is ["core"];
            var chosenProtocol = PreparationOptions.Protocols[parsed.GetRequiredValue(protocol)];
            var isSrnn = chosenProtocol == SequenceProtocol.Srnn;
            if (isSrnn && parsed.GetResult(row) is { Implicit: false })
                throw new ConfigurationException("--row-frames has no effect with --protocol srnn, whose windows are cut in training: "
                    + "vbilstm train --set data.window=40 does it.");
            var options = new PreparationOptions
            {
                Protocol = chosenProtocol,
                SkipUnreadable = parsed.GetValue(skip),
                CoreTest = isCore,
                WithoutSa = parsed.GetValue(withoutSa),
                Transpose = parsed.GetValue(transpose),
                Vocabulary = parsed.GetValue(vocabulary),
                MaximumWords = parsed.GetValue(words),
                Encoding = PreparationOptions.Encodings[parsed.GetRequiredValue(encoding)],
                TrainingCharacters = parsed.GetValue(characters),
                FrameSize = parsed.GetValue(frame),
                Sequence = parsed.GetValue(columns.Sequence),
                Values = parsed.GetValue(columns.Values) ?? [],
                RowFrames = parsed.GetValue(row),
                Dither = parsed.GetValue(dither) && !(isSrnn && parsed.GetResult(dither) is { Implicit: true }),
                SampleRate = parsed.GetValue(rate),
                Channel = parsed.GetValue(channel),
            };
            var sources = Sources(parsed.GetValue(from) ?? [], parsed.GetValue(train) ?? [], parsed.GetValue(validation) ?? [],
                isCore ? [] : parsed.GetValue(test) ?? []);
            var folder = parsed.GetValue(output) ?? Path.Combine("data", chosen.Name);
            using var interruption = new Interruption();
            var manifest = WorkDisplay.Run(report => chosen.Run(sources, folder, options, report, interruption.Token));
            InfoCommand.Print(folder, manifest);
            return CommandExecution.Success;
        });
        return command;
    }

    static Option<string[]> Paths(string name, string description) => new(name) { Description = description, AllowMultipleArgumentsPerToken = true };

    static IReadOnlyList<SourcePath> Sources(string[] from, string[] train, string[] validation, string[] test)
    {
        var isSaid = train.Length + validation.Length + test.Length > 0;
        if (from.Length == 0 && !isSaid)
            throw new ConfigurationException("--from is missing: a file, folder or archive to read; or --train, --valid and --test.");
        if (from.Length > 0 && isSaid)
            throw new ConfigurationException("--from, whose names tell the splits, does not go with --train, --valid and --test, which say them; "
                + "use one or the other.");
        if (isSaid && (train.Length == 0 || test.Length == 0))
            throw new ConfigurationException($"--{(train.Length == 0 ? "train" : "test")} is missing: --train and --test go together; "
                + "--valid may be left out.");
        return [.. from.Select(path => new SourcePath(path)), .. train.Select(path => new SourcePath(path, "train")),
            .. validation.Select(path => new SourcePath(path, "validation")), .. test.Select(path => new SourcePath(path, "test"))];
    }

    static string Describe(PreparationTask task) => $"  {task.Name,-10} {task.Description}";
}
