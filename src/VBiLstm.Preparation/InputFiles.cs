using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;
using VBiLstm.Preparation.Speech;

namespace VBiLstm.Preparation;

/// <summary>
/// Files as the inputs of a trained model, in the coding of the data that it was trained on: each line or row of a text, image, sequence of an array or of
/// columns, or recording is one.
/// </summary>
/// <param name="Sequences">The inputs, with the frames or tokens that stand before the first that is predicted.</param>
/// <param name="Names">Of each input: its file, and its number there from 1 on.</param>
/// <param name="Remarks">What was left out, in a sentence each.</param>
public sealed record InputFiles(SequenceDataset Sequences, IReadOnlyList<(string File, int Item)> Names, IReadOnlyList<string> Remarks)
{
    /// <summary>Reads files of the kind that the run's data are of.</summary>
    /// <param name="paths">Files, folders and archives; - is standard input.</param>
    /// <param name="option">That named them, for errors.</param>
    /// <param name="configuration">Of the run.</param>
    /// <param name="data">What the run remembers of its data.</param>
    /// <param name="columns">What the user says of the columns of files; null for nothing.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="DataException">A file cannot be read or is of another kind, size or sample rate; the message names it.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static InputFiles Read(IReadOnlyList<string> paths, string option, RunConfiguration configuration, DataIdentity data,
        ColumnChoice? columns = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(data);
        using var sources = new SourceFiles([.. paths.Select(path => new SourcePath(path) { Option = option })]);
        var reading = new Reading(configuration, data, columns ?? ColumnChoice.None);
        if (data.Height > 0)
            reading.Images(sources, cancellation);
        else
            foreach (var file in sources.Read(cancellation: cancellation))
                reading.Read(file);
        if (reading.Names.Count == 0)
            throw new DataException($"{option}: there is no {reading.Kind} in {string.Join(", ", paths.Select(Printable.Text))}.");
        var leftOut = sources.LeftOut.Select(reason => $"{reason.Names.Count} file{(reason.Names.Count == 1 ? "" : "s")} left out, {reason.Reason}: "
            + reason.Names[0] + (reason.Names.Count > 1 ? ", …" : ""));
        return new InputFiles(reading.Sequences, reading.Names, [.. leftOut, .. reading.Remarks]);
    }

    /// <summary>One text as a sequence, from what stands before every text on; nothing ends it.</summary>
    /// <param name="text">Characters, or words between white space.</param>
    /// <param name="option">That holds it, for errors.</param>
    /// <param name="configuration">Of the run.</param>
    /// <param name="data">What the run remembers of its data.</param>
    /// <exception cref="DataException">The text is empty, holds what the model does not know, or the model's tokens are no text.</exception>
    public static SequenceDataset OfText(string text, string option, RunConfiguration configuration, DataIdentity data)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(data);
        var coding = new TextTokens(data);
        if (coding.Kind == TokenKind.Numbers)
            throw new DataException($"{option}: the tokens of this run are numbers, not texts.");
        var ids = coding.Encode(text, option);
        return ids.Length == 0
            ? throw new DataException($"{option}: the text is empty.")
            : new TokenSequences(configuration.Model.VocabularySize, [[coding.First, .. ids]], data.Unit, option);
    }

    [SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "What is read is the caller's.")]
    sealed class Reading(RunConfiguration configuration, DataIdentity data, ColumnChoice columns)
    {
        readonly ModelConfiguration _model = configuration.Model;
        readonly TextTokens _text = new(data);
        readonly List<float[]> _frames = [];
        readonly List<int[]> _tokens = [];
        SequenceDataset? _images;
        readonly List<string> _readings = [];
        long _samplesLeft;

        ColumnChoice Columns => columns with { ModelFrameSize = _model.FrameSize };

        public List<(string File, int Item)> Names { get; } = [];

        public SequenceDataset Sequences => _images ?? (_model.IsCategorical
            ? new TokenSequences(_model.VocabularySize, _tokens, data.Unit, "the files")
            : new FrameSequences(_model.FrameSize, _frames, behindZeros: true, data.Unit, "the files"));

        public IEnumerable<string> Remarks => [.. _readings.Select(reading => $"columns: {reading}."), .. SamplesLeft];

        IEnumerable<string> SamplesLeft => _samplesLeft == 0 ? []
            : [$"{_samplesLeft:N0} samples at the ends of recordings make no whole frame of {_model.FrameSize} and are left out."];

        public string Kind => data.Height > 0 ? $"image of {data.Height}×{data.Width}" : data.Speech is not null ? "recording (WAV or SPHERE)"
            : _model.IsCategorical && _text.Kind != TokenKind.Numbers ? "line of text" : "array or column of numbers";

        public void Read(SourceFile file)
        {
            if (data.Speech is { } speech)
                ReadRecording(file, speech);
            else if (_model.IsCategorical && _text.Kind != TokenKind.Numbers)
                ReadLines(file);
            else
                ReadNumbers(file);
        }

        public void Images(SourceFiles sources, CancellationToken cancellation)
        {
            var pixels = new List<byte[]>();
            foreach (var (file, images) in ImageSources.Read(sources, null, cancellation))
            {
                if ((images.Sizes[1], images.Sizes[2]) != (data.Height, data.Width))
                    throw new DataException($"{file.Name} holds images of {images.Sizes[1]}×{images.Sizes[2]}; "
                        + $"the model was trained on {data.Height}×{data.Width}.");
                Name(file, images.Sizes[0]);
                pixels.Add(images.Values);
            }

            // Drawn once and as the test split's are: the same file has the same bounds in both places.
            var once = configuration.Data.Binarisation == Binarisation.Stochastic ? Binarisation.Static : configuration.Data.Binarisation;
            if (Names.Count > 0)
                _images = new ImageDataset(new IdxFile([Names.Count, data.Height, data.Width], [.. pixels.SelectMany(part => part)]), Names[0].File,
                    configuration.Data.View, once, ImageSplits.TestKey);
        }

        void ReadLines(SourceFile file)
        {
            var number = 0;
            var rows = ColumnTexts.Read(file, columns.Values);
            foreach (var line in rows ?? TextLines.Read(file, TextEncoding.Utf8))
            {
                number++;

                // A carriage return before the newline is the file's way to end lines, where the model knows none.
                var name = $"{file.Name}, {(rows is null ? "line" : "text")} {number}";
                var isEnding = rows is null && _text.Kind != TokenKind.Words && line.EndsWith('\r') && !data.Vocabulary.Contains("\r");
                var ids = _text.Encode(isEnding ? line[..^1] : line, name);
                if (ids.Length == 0 && _text.Last is null)
                    throw new DataException($"{name} is empty, and these texts have no end of a line that could be predicted; take it out.");
                _tokens.Add(_text.Last is { } last ? [_text.First, .. ids, last] : [_text.First, .. ids]);
                Names.Add((file.Name, number));
            }
        }

        void ReadRecording(SourceFile file, SpeechScale speech)
        {
            if (SpeechFile.TryRead(file.Content, file.Name) is not { } recording)
            {
                if (file.Entry.IsNamed)
                    throw new DataException($"{file.Name}, offset 0: neither RIFF (a WAV file) nor NIST_1A (a SPHERE file); this is no recording.");
                file.LeaveOut("no recordings");
                return;
            }

            if (recording.SampleRate != speech.SampleRate)
                throw new DataException($"{file.Name}: {recording.SampleRate} samples a second where the model was trained on {speech.SampleRate}; convert it, "
                    + $"for instance: sox FILE -r {speech.SampleRate} OUT.wav.");
            var usable = recording.Samples.Length - recording.Samples.Length % _model.FrameSize;
            if (usable == 0)
                throw new DataException($"{file.Name}: {recording.Samples.Length} samples are less than one frame of {_model.FrameSize}.");
            _samplesLeft += recording.Samples.Length - usable;

            // As preparation does by default, or densities of whole numbers would be those of other data.
            var samples = new StandardisedSamples(recording, (uint)Names.Count + 1, speech.Mean, speech.Deviation, dithers: true);
            var values = new float[usable];
            for (var i = 0; i < usable; i++)
                values[i] = samples.Next();
            _frames.Add(values);
            Names.Add((file.Name, 1));
        }

        void ReadNumbers(SourceFile file)
        {
            var kind = _model.IsCategorical ? PreparedKind.Tokens : PreparedKind.Frames;
            using var sequences = NumberSequences.Of(file, kind, Columns);
            if (sequences is null)
            {
                file.LeaveOut("neither an array of numpy or HDF5 nor columns of Parquet or Arrow");
                return;
            }

            var stream = new List<double>();
            var count = 0;
            foreach (var unit in sequences.Units())
            {
                if (kind == PreparedKind.Frames)
                {
                    if (sequences.FrameSize != _model.FrameSize)
                        throw new DataException($"{file.Name} holds frames of {sequences.FrameSize}; the model was trained on frames of {_model.FrameSize}.");
                    _frames.Add(Array.ConvertAll(unit.ToArray(), value => (float)value));
                    count++;
                }
                else if (sequences.Dimensions == 1)
                {
                    stream.AddRange(unit.Span);
                }
                else
                {
                    AddTokens(file, unit.Span);
                    count++;
                }
            }

            if (stream.Count > 0)
            {
                AddTokens(file, CollectionsMarshal.AsSpan(stream));
                count++;
            }

            Name(file, count);
            if (sequences.Reading is { } reading && !_readings.Contains(reading))
                _readings.Add(reading);
        }

        void AddTokens(SourceFile file, ReadOnlySpan<double> ids)
        {
            var tokens = new int[ids.Length];
            for (var i = 0; i < ids.Length; i++)
                tokens[i] = (int)ids[i];
            if (tokens.Max() is var largest && largest >= _model.VocabularySize)
                throw new DataException($"{file.Name} holds token id {largest}; the model was trained on {_model.VocabularySize} ids, 0 to "
                    + $"{_model.VocabularySize - 1}.");
            if (tokens.Length < 2)
                throw new DataException($"{file.Name} holds sequences of one token; a sequence needs two at least, one to read and one to predict.");
            _tokens.Add(tokens);
        }

        void Name(SourceFile file, int count) => Names.AddRange(Enumerable.Range(1, count).Select(item => (file.Name, item)));
    }
}
