using System.CommandLine;
using VBiLstm.Configuration;
using VBiLstm.Data.Preparation;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm data prepare</c>.</summary>
static class PrepareCommand
{
    public static Command Create()
    {
        var defaults = new PreparationOptions();
        var task = new Argument<string>("task") { Description = "One of the tasks below." };
        var from = new Option<string[]>("--from") { Description = "A file, a folder, or a zip, tar, gz or xz archive; may be given several times. What each file is, is decided by its content.", Required = true, AllowMultipleArgumentsPerToken = true };
        var output = new Option<string?>("--out") { Description = "The prepared folder; default: data/TASK." };
        var vocabulary = new Option<int>("--vocabulary") { Description = "V, token ids of words, <s>, </s> and <unk> among them.", DefaultValueFactory = _ => defaults.Vocabulary };
        var words = new Option<int>("--max-words") { Description = "Words of the longest sentence that is kept.", DefaultValueFactory = _ => defaults.MaximumWords };
        var encoding = new Option<string>("--encoding") { Description = "Of texts: utf-8 or latin-1.", DefaultValueFactory = _ => "utf-8" };
        encoding.AcceptOnlyFromAmong("utf-8", "latin-1");
        var characters = new Option<long>("--train-characters") { Description = "Characters of the training text from its begin; 0 for all.", DefaultValueFactory = _ => defaults.TrainingCharacters };
        var frame = new Option<int>("--frame-size") { Description = "D, samples of a frame of speech.", DefaultValueFactory = _ => defaults.FrameSize };
        var row = new Option<int>("--row-frames") { Description = "Frames of a row of speech.", DefaultValueFactory = _ => defaults.RowFrames };
        var dither = new Option<bool>("--dither") { Description = "Adds uniform noise of one least significant bit's width, of each file's own coding, to each sample of speech, without which the density of silence has no bound.", DefaultValueFactory = _ => defaults.Dither };
        var rate = new Option<int>("--sample-rate") { Description = "Samples a second that every recording is converted to; 0 leaves them as they are, and then they must agree.", DefaultValueFactory = _ => defaults.SampleRate };
        var channel = new Option<int>("--channel") { Description = "The channel of recordings that have several, from 1; 0 for the mean of all.", DefaultValueFactory = _ => defaults.Channel };
        var command = new Command("prepare", $"""
            Turns raw files into a prepared folder: manifest.json (counts, checksums, statistics, source, licence) and one file a split.
            Ctrl-C keeps the splits that are complete; the same command goes on. docs/data.md says what each task does and why.

            Tasks (and their options):
            {string.Join("\n", PreparationTask.All.Select(known => $"  {known.Name,-10} {known.Description}{(known.Options.Count == 0 ? "" : $" (--{string.Join(", --", known.Options)})")}"))}

            Examples:
              vbilstm data prepare ptb-char --from ptb.zip
              vbilstm data prepare sentences --from sentence_polarity.zip subjectivity.zip --encoding latin-1 --vocabulary 16000 --out data/imdb
              vbilstm data prepare timit --from /corpora/TIMIT
              vbilstm data prepare fsdd --from fsdd.tar.xz
            """)
        {
            task, from, output, vocabulary, words, encoding, characters, frame, row, dither, rate, channel,
        };
        command.SetAction(parsed =>
        {
            var chosen = PreparationTask.Get(parsed.GetRequiredValue(task));
            foreach (var option in new Option[] { vocabulary, words, encoding, characters, frame, row, dither, rate, channel })
                if (parsed.GetResult(option) is { Implicit: false } && !chosen.Options.Contains(option.Name[2..]))
                    throw new ConfigurationException($"{option.Name} is no option of {chosen.Name}{(chosen.Options.Count == 0 ? "; it has none" : $"; it has --{string.Join(", --", chosen.Options)}")}.");
            var options = new PreparationOptions
            {
                Vocabulary = parsed.GetValue(vocabulary),
                MaximumWords = parsed.GetValue(words),
                Encoding = parsed.GetValue(encoding) == "latin-1" ? TextEncoding.Latin1 : TextEncoding.Utf8,
                TrainingCharacters = parsed.GetValue(characters),
                FrameSize = parsed.GetValue(frame),
                RowFrames = parsed.GetValue(row),
                Dither = parsed.GetValue(dither),
                SampleRate = parsed.GetValue(rate),
                Channel = parsed.GetValue(channel),
            };
            var folder = parsed.GetValue(output) ?? Path.Combine("data", chosen.Name);
            using var interruption = new Interruption();
            var manifest = WorkDisplay.Run(report => chosen.Run(parsed.GetRequiredValue(from), folder, options, report, interruption.Token));
            InfoCommand.Print(folder, manifest);
            return CommandExecution.Success;
        });
        return command;
    }
}
