using System.IO.Hashing;
using System.Runtime.InteropServices;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;
using VBiLstm.Preparation.Speech;

namespace VBiLstm.Preparation;

/// <summary>Recordings as standardised frames: one mean and one deviation of all training samples; dither makes densities of whole numbers proper.</summary>
sealed class SpeechPreparation(SourceFiles sources, PreparationOptions options, SpeechProtocol protocol) : Preparation(sources, options)
{
    const int SaidShare = 10;
    double _mean, _deviation;

    int FrameSize => Options.FrameSize ?? PreparationOptions.SpeechFrameSize;

    public override PreparedManifest Scan(Action<double> progress, CancellationToken cancellation)
    {
        var statistics = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var split in PreparedFolder.Splits)
            (statistics[$"recordings_{split}"], statistics[$"samples_{split}"]) = (0, 0);
        var (rate, ratedBy) = (Options.SampleRate > 0 ? Options.SampleRate : protocol.SampleRate, "");
        var (count, sum, squares) = (0L, 0.0, 0.0);
        foreach (var (file, split, recording) in Recordings(progress, cancellation))
        {
            if (rate == 0)
                (rate, ratedBy) = (recording.SampleRate, $", as {file.Name} has");
            if (recording.SampleRate != rate)
                throw new DataException($"{file.Name}: {recording.SampleRate} samples a second where {rate} are expected{ratedBy}. "
                    + $"Say --sample-rate {rate} to convert all that differ, or convert it, for instance: sox FILE -r {rate} OUT.wav.");
            foreach (var remark in recording.Remarks)
                statistics[$"recordings_{remark}"] = statistics.GetValueOrDefault($"recordings_{remark}") + 1;
            statistics[$"recordings_{split}"]++;
            statistics[$"samples_{split}"] += recording.Samples.Length;
            if (split == "test" && IsTooShort(recording))
                statistics["recordings_test_too_short"] = statistics.GetValueOrDefault("recordings_test_too_short") + 1;
            if (split != "train")
                continue;
            var (part, partSquares) = (0.0, 0.0); // one recording's, so that rounding stays that of a few numbers
            foreach (var sample in recording.Samples)
            {
                part += sample;
                partSquares += (double)sample * sample;
            }

            (count, sum, squares) = (count + recording.Samples.Length, sum + part, squares + partSquares);
        }

        if (count == 0)
            throw new DataException($"--from: there is no training recording (WAV or SPHERE) in it. {protocol.Task}: {protocol.Description}.");
        (_mean, _deviation) = (sum / count, Math.Sqrt(Math.Max(0, squares / count - sum / count * (sum / count))));
        if (!(_deviation > 0))
            throw new DataException("--from: every training sample has the same value; there is no sound in the recordings.");
        return new PreparedManifest
        {
            Task = protocol.Task,
            Preparation = $"{Splits}; frames of {FrameSize} samples{(IsStream ? "" : $", rows of {Options.RowFrames} frames")}; "
                + (Options.Channel > 0 ? $"channel {Options.Channel} of each; " : "")
                    + (Options.SampleRate > 0 ? $"converted to {rate} samples a second; " : "")
                + (Options.Dither ? "uniform noise of one least significant bit's width added, of each file's own coding; " : "")
                    + "standardised by mean and deviation of all training samples.",
            Licence = protocol.Licence,
            Kind = PreparedKind.Frames,
            Unit = TaskUnit.Nats,
            FrameSize = FrameSize,
            IsStream = IsStream,
            SampleRate = rate,
            Mean = _mean,
            Deviation = _deviation,
            Statistics = statistics,
            Sources = [],
        };
    }

    bool IsStream => Options.Protocol == SequenceProtocol.Srnn;

    // Of test, where the first frame is only read.
    bool IsTooShort(SpeechRecording recording) => IsStream && recording.Samples.Length < 2 * FrameSize;

    string Splits => Sources.HasSaid("train")
        ? "Splits as the user "
            + $"said{(Sources.HasSaid("validation") ? "" : $", of {SaidShare} training recordings (by a hash of the path) one for validation")}; "
            + $"cut as {protocol.Task}'s: {Description}"
        : Description + (Options.WithoutSa ? "; SA sentences left out" : "") + (Options.CoreTest ? "; test is the core test set of 24 speakers" : "");

    string Description => IsStream ? protocol.StreamDescription : protocol.Description;

    public override void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation)
    {
        var cut = split == "test" ? protocol.TestCut : protocol.Cut;
        var frame = new float[FrameSize];
        var (used, frames) = (0, 0);
        var number = 0u;
        foreach (var (_, own, recording) in Recordings(progress, cancellation))
        {
            number++;
            if (own != split || (split == "test" && IsTooShort(recording)))
                continue;
            var length = recording.Samples.Length;
            var values = new StandardisedSamples(recording, number, _mean, _deviation, Options.Dither);
            var usable = cut == SpeechCut.Rows ? length - length % (FrameSize * Options.RowFrames) : length;
            for (var i = 0; i < usable; i++)
            {
                frame[used++] = values.Next();
                if (used < frame.Length)
                    continue;
                writer.Append<float>(frame);
                (used, frames) = (0, frames + 1);
                if (frames == Options.RowFrames && cut != SpeechCut.Whole && !IsStream)
                {
                    writer.EndSequence();
                    frames = 0;
                }
            }

            if (cut != SpeechCut.Concatenated)
            {
                writer.EndSequence();
                (used, frames) = (0, 0);
            }
        }
    }

    IEnumerable<(SourceFile File, string Split, SpeechRecording Recording)> Recordings(Action<double> progress, CancellationToken cancellation)
    {
        var seen = new Dictionary<string, List<(string Name, string RelativePath, UInt128 Hash)>>();
        foreach (var file in Sources.Read(progress, cancellation))
        {
            var (split, reason) = file.Entry.Split is { } said ? (HeldOut(said, file), null) : protocol.SplitOf(file, Options);
            if (split is null)
            {
                file.LeaveOut(SourceNames.IsRecording(file.FileName) ? reason! : "no recordings");
                continue;
            }

            SpeechRecording? recording = null;
            var isRead = file.TryRead(() =>
            {
                recording = SpeechFile.TryRead(file.Content, file.Name, Options.Channel);
                if (recording is not null && Options.SampleRate > 0)
                    recording = Resampling.ToRate(recording, Options.SampleRate, file.Name);
                else if (recording is null && file.Entry.IsNamed)
                    throw new DataException($"{file.Name}, offset 0: neither RIFF (a WAV file) nor NIST_1A (a SPHERE file); "
                        + "this is no recording that can be read.");
            });
            if (!isRead)
                continue;
            if (recording is null)
                file.LeaveOut("no recordings");
            else if (IsNew(file, recording, seen))
                yield return (file, split, recording);
        }
    }

    // Where the user said what is for training and for test, and nothing of validation.
    string HeldOut(string said, SourceFile file) => said == "train" && !Sources.HasSaid("validation") && SpeechProtocol.IsOneOf(file, SaidShare)
        ? "validation"
        : said;

    // Some copies of TIMIT hold each sentence twice, as X.WAV (SPHERE) and X.WAV.wav (RIFF), and a source may be given twice; what is the same counts once.
    static bool IsNew(SourceFile file, SpeechRecording recording, Dictionary<string, List<(string Name, string RelativePath, UInt128 Hash)>> seen)
    {
        var place = file.RelativePath;
        while (place.EndsWith(".wav", StringComparison.OrdinalIgnoreCase) && SourceNames.IsRecording(place[..^4]))
            place = place[..^4];
        var hash = XxHash128.HashToUInt128(MemoryMarshal.AsBytes<float>(recording.Samples));
        if (!seen.TryGetValue(place, out var others))
            seen[place] = others = [];
        if (others.Exists(other => other.Hash == hash))
        {
            file.LeaveOut("recordings that are there already");
            return false;
        }

        if (others.Find(other => other.RelativePath != file.RelativePath) is { Name: { } different })
            throw new DataException($"{file.Name} and {different} have the names of one recording and different sounds; leave one of them out, "
                + "or give it another name.");
        others.Add((file.Name, file.RelativePath, hash));
        return true;
    }
}
