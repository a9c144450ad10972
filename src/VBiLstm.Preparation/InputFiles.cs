using System.Diagnostics.CodeAnalysis;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;
using VBiLstm.Preparation.Speech;

namespace VBiLstm.Preparation;

/// <summary>
/// Files as the inputs of a trained model, in the coding of the data that it was trained on: each line of a text, image, sequence of an array or recording is
/// one.
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
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="DataException">A file cannot be read or is of another kind, size or sample rate; the message names it.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static InputFiles Read(IReadOnlyList<string> paths, string option, RunConfiguration configuration, DataIdentity data,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(data);
        using var sources = new SourceFiles([.. paths.Select(path => new SourcePath(path) { Option = option })]);
        var reading = new Reading(configuration, data);
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
    sealed class Reading(RunConfiguration configuration, DataIdentity data)
    {
        readonly ModelConfiguration _model = configuration.Model;
        readonly TextTokens _text = new(data);
        readonly List<float[]> _frames = [];
        readonly List<int[]> _tokens = [];
        SequenceDataset? _images;
        long _samplesLeft;

        public List<(string File, int Item)> Names { get; } = [];

        public SequenceDataset Sequences => _images ?? (_model.IsCategorical
            ? new TokenSequences(_model.VocabularySize, _tokens, data.Unit, "the files")
            : new FrameSequences(_model.FrameSize, _frames, behindZeros: true, data.Unit, "the files"));

        public IEnumerable<string> Remarks => _samplesLeft == 0 ? []
            : [$"{_samplesLeft:N0} samples at the ends of recordings make no whole frame of {_model.FrameSize} and are left out."];

        public string Kind => data.Height > 0 ? $"image of {data.Height}×{data.Width}" : data.Speech is not null ? "recording (WAV or SPHERE)"
            : _model.IsCategorical && _text.Kind != TokenKind.Numbers ? "line of text" : "array of numpy's";

        public void Read(SourceFile file)
        {
            if (data.Speech is { } speech)
                ReadRecording(file, speech);
            else if (_model.IsCategorical && _text.Kind != TokenKind.Numbers)
                ReadLines(file);
            else
                ReadArray(file);
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
            foreach (var line in TextLines.Read(file, TextEncoding.Utf8))
            {
                number++;

                // A carriage return before the newline is the file's way to end lines, where the model knows none.
                var name = $"{file.Name}, line {number}";
                var ids = _text.Encode(_text.Kind == TokenKind.Words || !line.EndsWith('\r') || data.Vocabulary.Contains("\r") ? line : line[..^1], name);
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

        void ReadArray(SourceFile file)
        {
            var kind = _model.IsCategorical ? PreparedKind.Tokens : PreparedKind.Frames;
            if (ArrayPreparation.Read(file, kind) is not { } array)
            {
                file.LeaveOut("no array of numpy's");
                return;
            }

            var largest = ArrayPreparation.Check(array, file.Name, kind);
            if (kind == PreparedKind.Tokens && largest >= _model.VocabularySize)
                throw new DataException($"{file.Name} holds token id {largest}; the model was trained on {_model.VocabularySize} ids, 0 to "
                    + $"{_model.VocabularySize - 1}.");
            if (kind == PreparedKind.Frames && array.Sizes[^1] != _model.FrameSize)
                throw new DataException($"{file.Name} holds frames of {array.Sizes[^1]}; the model was trained on frames of {_model.FrameSize}.");
            var sequences = array.Sizes.Count == (kind == PreparedKind.Tokens ? 2 : 3) ? array.Sizes[0] : 1;
            var size = array.Count / sequences;
            if (kind == PreparedKind.Tokens && size < 2)
                throw new DataException($"{file.Name} holds sequences of one token; a sequence needs two at least, one to read and one to predict.");
            for (var n = 0; n < sequences; n++)
            {
                if (kind == PreparedKind.Tokens)
                    _tokens.Add(Numbers(array, n * size, size, value => (int)value));
                else
                    _frames.Add(Numbers(array, n * size, size, value => (float)value));
            }

            Name(file, sequences);
        }

        static T[] Numbers<T>(NumberArray array, long first, long count, Func<double, T> convert)
        {
            var values = new T[count];
            for (var i = 0L; i < count; i++)
                values[i] = convert(array[first + i]);
            return values;
        }

        void Name(SourceFile file, int count) => Names.AddRange(Enumerable.Range(1, count).Select(item => (file.Name, item)));
    }
}
