using System.Globalization;
using System.Text.Json;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>A kind of data that <c>vbilstm data prepare</c> knows.</summary>
public sealed class PreparationTask
{
    readonly Func<SourceFiles, PreparationOptions, Preparation> _create;

    PreparationTask(string name, string description, string[] options, Func<SourceFiles, PreparationOptions, Preparation> create)
        => (Name, Description, Options, _create) = (name, description, options, create);

    /// <summary>As given on the command line.</summary>
    public string Name { get; }

    /// <summary>One line: what it reads.</summary>
    public string Description { get; }

    /// <summary>Names of the options that it uses.</summary>
    public IReadOnlyList<string> Options { get; }

    /// <summary>Every task.</summary>
    public static IReadOnlyList<PreparationTask> All { get; } =
    [
        new("ptb-char", "Penn Treebank's word files (ptb.train.txt, ptb.valid.txt, ptb.test.txt), character by character",
            ["encoding", "train-characters", "values"], (sources, options) => new CharacterPreparation(sources, options, isPtb: true)),
        new("text-char", "any text, character by character", ["encoding", "train-characters", "values"],
            (sources, options) => new CharacterPreparation(sources, options, isPtb: false)),
        new("sentences", "sentences, one a line or a row, as words (the paper's IMDB)", ["encoding", "vocabulary", "max-words", "values"],
            (sources, options) => new SentencePreparation(sources, options)),
        new("images", "idx, amat, numpy and HDF5 files of images", ["transpose"], (sources, options) => new ImagePreparation(sources, options)),
        new("frames", "arrays of numpy or HDF5, [sequences, frames, samples] or [frames, samples]; columns of Parquet or Arrow",
            ["sequence", "values", "frame-size"],
            (sources, options) => new ArrayPreparation(sources, options, PreparedKind.Frames)),
        new("tokens", "token ids: arrays of numpy or HDF5, [sequences, tokens] or [tokens]; columns of Parquet or Arrow", ["sequence", "values"],
            (sources, options) => new ArrayPreparation(sources, options, PreparedKind.Tokens)),
        Speech("timit", "TIMIT's tree of TRAIN and TEST, SPHERE or WAV"),
        Speech("blizzard", "Blizzard's recordings at 16 kHz, as half-second rows"),
        Speech("fsdd", "the Free Spoken Digit Dataset, by TIMIT's protocol"),
        Speech("speech", "any recordings of one sample rate"),
    ];

    /// <summary>The task of that name. Throws <see cref="ConfigurationException"/> naming the nearest one.</summary>
    public static PreparationTask Get(string name) => NearestName.Find("task", name, All, task => task.Name);

    static PreparationTask Speech(string name, string description)
    {
        var protocol = SpeechProtocol.All.Single(protocol => protocol.Task == name);
        return new PreparationTask(name, description,
            ["frame-size", "row-frames", "dither", "sample-rate", "channel", .. protocol.Cut == SpeechCut.Concatenated ? ["protocol"] : Array.Empty<string>(),
                .. name == "timit" ? ["without-sa", "test"] : Array.Empty<string>()], (sources, options) => new SpeechPreparation(sources, options, protocol));
    }

    /// <summary>
    /// Prepares a data set. What was interrupted goes on with the splits that are missing; what is there already, of the same sources and options, stays.
    /// </summary>
    /// <param name="from">Files, folders and archives; - is standard input.</param>
    /// <param name="folder">Of the prepared data.</param>
    /// <param name="options">Those that the task uses.</param>
    /// <param name="progress">Told what is done and its share, from 0 to 1.</param>
    /// <param name="cancellation">Stops; the finished splits stay for the next time.</param>
    /// <returns>The manifest.</returns>
    /// <exception cref="DataException">A source cannot be read, or the folder holds something else.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal PreparedManifest Run(IReadOnlyList<SourcePath> from, string folder, PreparationOptions options, Action<string, double> progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        options.Validate();
        using var sources = new SourceFiles(from, options.SkipUnreadable);
        var described = sources.Describe(share => progress("checksums of the sources", share), cancellation);
        if (PreparedFolder.Is(folder))
        {
            CheckOurs(folder);
            var there = PreparedManifest.Read(folder);
            return IsSame(there, options, described)
                ? there
                : throw new DataException($"{folder} holds {there.Task} of other sources or options already; choose another --out, or remove the folder.");
        }

        CheckOurs(folder);
        var (isNew, isBegun) = (!Directory.Exists(folder), PreparedFiles.AreIn(folder));
        Directory.CreateDirectory(folder);
        try
        {
            return Write(from, folder, options, sources, described, progress, cancellation);
        }
        catch (DataException) when (!isBegun)
        {
            // What this call wrote is worth nothing to the next one, whose sources must be others. An interrupted call's splits are another matter.
            foreach (var name in PreparedFiles.Names)
                File.Delete(Path.Combine(folder, name));
            if (isNew && !Directory.EnumerateFileSystemEntries(folder).Any())
                Directory.Delete(folder);
            throw;
        }
    }

    PreparedManifest Write(IReadOnlyList<SourcePath> from, string folder, PreparationOptions options, SourceFiles sources,
        IReadOnlyList<PreparedSource> described, Action<string, double> progress, CancellationToken cancellation)
    {
        var chosen = options.Describe(Options);
        var (final, partial) = (Path.Combine(folder, PreparedManifest.FileName), Path.Combine(folder, PreparedFiles.PartialManifest));
        var done = File.Exists(partial) ? ReadPartial(partial) : null;
        var preparation = _create(sources, options);
        var manifest = preparation.Scan(share => progress("reading", share), cancellation) with
        {
            Sources = described,
            Options = chosen,
            FilesRead = sources.FilesRead,
            LeftOut = sources.LeftOut,
            Unpacked = sources.Unpacked,
        };
        if (manifest.Licence == SourceLicence.Unknown)
            manifest = manifest with { Licence = SourceLicence.Of(from) };
        var splits = new Dictionary<string, PreparedSplit>();
        foreach (var split in PreparedFolder.Splits)
        {
            var path = Path.Combine(folder, PreparedManifest.SplitFile(split));
            if (done is not null && IsSame(done, options, described) && done.Splits.TryGetValue(split, out var finished) && File.Exists(path)
                && PreparedSplitFile.Checksum(path) == finished.Sha256)
            {
                splits[split] = finished;
                continue;
            }

            // Before the first byte of a split, so that whatever interrupts its writing leaves a folder that is known for ours.
            (manifest with { Splits = splits }).Write(partial);
            using var writer = new PreparedSplitWriter(path, checked((int)manifest.ValueBytes));
            preparation.Write(split, writer, share => progress($"writing {split}", share), cancellation);
            splits[split] = writer.Complete();
            CheckUsable(split, splits[split], manifest);
        }

        if (preparation.Vocabulary.Count > 0)
        {
            var vocabulary = JsonSerializer.SerializeToUtf8Bytes([.. preparation.Vocabulary], PreparedJson.Default.StringArray);
            AtomicFile.Write(Path.Combine(folder, PreparedFolder.VocabularyFile), stream => stream.Write(vocabulary));
            manifest = manifest with { VocabularySha256 = Sha256Sum.Of(vocabulary) };
        }

        manifest = manifest with { Splits = splits };
        manifest.Write(final);
        File.Delete(partial);
        return manifest;
    }

    bool IsSame(PreparedManifest other, PreparationOptions options, IReadOnlyList<PreparedSource> sources)
        => other.Task == Name && other.Options.OrderBy(option => option.Key).SequenceEqual(options.Describe(Options).OrderBy(option => option.Key))
            && other.Sources.Select(source => (source.Sha256, source.Split)).SequenceEqual(sources.Select(source => (source.Sha256, source.Split)));

    // A folder may hold files of these names that another program wrote.
    static void CheckOurs(string folder)
    {
        if (!PreparedFiles.AreIn(folder)
            && PreparedFiles.Names.FirstOrDefault(name => FileIdentity.Of(Path.Combine(folder, name)).Kind != FileKind.None) is { } foreign)
            throw new DataException($"{Path.Combine(folder, foreign)} is there already and was not written by vbilstm data prepare; choose another --out.");
    }

    // What training would refuse is refused here, where it can be helped.
    static void CheckUsable(string split, PreparedSplit written, PreparedManifest manifest)
    {
        if (written.Sequences == 0)
            throw new DataException($"--from: nothing is left for the {split} split. {manifest.Preparation} "
                + $"{string.Join(", ", manifest.Statistics.Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Key} {count.Value}")))}");
        var isFirstRead = manifest.Kind == PreparedKind.Tokens || (manifest.Kind == PreparedKind.Frames && manifest.IsStream);
        if (isFirstRead && (manifest.IsStream ? written.Values : written.Longest) < 2)
            throw new DataException($"--from: the {split} split has {written.Values} {(manifest.Kind == PreparedKind.Tokens ? "token" : "frame")}"
                + $"{(written.Values == 1 ? "" : "s")}; a sequence needs at least two, "
                + "one to read and one to predict. Give more, or say what is of this split with --train, --valid and --test.");
    }

    // What an interrupted preparation left is worth nothing when damaged.
    static PreparedManifest? ReadPartial(string path)
    {
        try
        {
            return PreparedManifest.ReadFile(path);
        }
        catch (DataException)
        {
            return null;
        }
    }
}
