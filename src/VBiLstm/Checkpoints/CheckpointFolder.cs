using System.IO.Hashing;
using System.Reflection;
using System.Text.Json;
using VBiLstm.Data;
using VBiLstm.Model;

namespace VBiLstm.Checkpoints;

/// <summary>A checkpoint as read and checked.</summary>
/// <param name="Folder">Where it was read, for messages.</param>
/// <param name="State">Where the run stood.</param>
/// <param name="Data">What its data were; null in checkpoints of format 1, which does not know them.</param>
/// <param name="Weights">The parameters by name.</param>
/// <param name="FirstMoments">Adam's means of gradients, as the weights; empty where only those were asked for.</param>
/// <param name="SecondMoments">Adam's means of squared gradients, likewise.</param>
/// <param name="CarriedState">The state of the LSTM that data of carried state go on with; else empty.</param>
public sealed record Checkpoint(string Folder, TrainingState State, DataIdentity? Data, IReadOnlyList<NamedTensor> Weights,
    IReadOnlyList<NamedTensor> FirstMoments, IReadOnlyList<NamedTensor> SecondMoments, IReadOnlyList<NamedTensor> CarriedState);

/// <summary>
/// A checkpoint is a folder: <c>weights.safetensors</c>, <c>optimizer.safetensors</c> (Adam's moments, and where the data carry it the LSTM's state),
/// <c>data.json</c> (what the data were) and <c>state.json</c>, which holds the others' checksums and its own. It is written aside and renamed, the one before
/// kept as <c>NAME.old</c> until the disk has the new one: at any moment one of the two is complete.
/// </summary>
static class CheckpointFolder
{
    const string WeightsFile = "weights.safetensors";
    const string OptimizerFile = "optimizer.safetensors";
    const string DataFile = "data.json";
    const string StateFile = "state.json";

    // A trainer that saves renames its folders while we read; each save takes longer than a pause.
    const int Attempts = 20;
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    const string FirstMomentPrefix = "first_moment.";
    const string SecondMomentPrefix = "second_moment.";
    const string CarriedStatePrefix = "carried_state.";

    static string Aside(string folder) => folder + ".new";

    static string Old(string folder) => folder + ".old";

    /// <summary>Whether a checkpoint was written there, even if a kill left only the one before.</summary>
    public static bool Exists(string folder) => Directory.Exists(folder) || Directory.Exists(Old(folder));

    /// <summary>Whether a folder is a checkpoint itself, not a run.</summary>
    public static bool IsOne(string folder) => IsComplete(folder) || IsComplete(Old(folder));

    /// <summary>The step of a checkpoint, without checking the rest of it; null where there is none that can be read.</summary>
    public static long? StepOf(string folder)
    {
        try
        {
            return Find(folder) is { } found ? ReadState(Path.Combine(found, StateFile)).Step : null;
        }
        catch (Exception e) when (e is CheckpointException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>
    /// Writes a checkpoint in place of the one that may stand there. Throws <see cref="IOException"/> naming the folder; the old one is whole then.
    /// </summary>
    public static void Write(string folder, TrainingState state, DataIdentity data, IReadOnlyList<NamedTensor> weights, IReadOnlyList<NamedTensor> firstMoments,
        IReadOnlyList<NamedTensor> secondMoments, IReadOnlyList<NamedTensor>? carriedState = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(firstMoments);
        ArgumentNullException.ThrowIfNull(secondMoments);
        try
        {
            WriteAside(folder, state, data, weights, firstMoments, secondMoments, carriedState);
            Retire(folder);
            Promote(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The checkpoint {folder} of step {state.Step} could not be written ({e.Message}); "
                + $"{(Exists(folder) ? "the one before it is kept" : "there is none before it")}.", e);
        }
    }

    /// <summary>Reads and checks a checkpoint. Throws <see cref="CheckpointException"/> naming the file and what is wrong.</summary>
    /// <param name="folder">The checkpoint's folder, or a run's folder, whose last checkpoint is meant then.</param>
    /// <param name="withMoments">Whether the optimiser's file is read too.</param>
    public static Checkpoint Read(string folder, bool withMoments)
    {
        for (var attempt = 1; ; attempt++)
        {
            var found = Locate(folder);
            var before = StateBytes(found);
            try
            {
                return ReadOnce(found, withMoments);
            }
            catch (CheckpointException) when (attempt < Attempts && (Find(folder) != found || !StateBytes(found).AsSpan().SequenceEqual(before)))
            {
                // Another one was put in its place meanwhile.
                Thread.Sleep(Pause);
            }
        }
    }

    /// <summary>The newest whole checkpoint among several places.</summary>
    /// <param name="folders">Checkpoints; of equally old ones the first counts.</param>
    /// <param name="warn">Told of damaged ones.</param>
    /// <returns>With moments; null where there is none in any of the places.</returns>
    /// <exception cref="CheckpointException">There is one, but none is whole.</exception>
    public static Checkpoint? ReadNewest(IEnumerable<string> folders, Action<string> warn)
    {
        ArgumentNullException.ThrowIfNull(folders);
        ArgumentNullException.ThrowIfNull(warn);
        Checkpoint? newest = null;
        CheckpointException? damaged = null;
        foreach (var place in folders.SelectMany(folder => new[] { folder, Old(folder) }).Where(IsComplete))
        {
            try
            {
                var checkpoint = Read(place, withMoments: true);
                if (newest is null || checkpoint.State.Step > newest.State.Step)
                    newest = checkpoint;
            }
            catch (CheckpointException e)
            {
                damaged = e;
                warn(e.Message);
            }
        }

        return newest is null && damaged is not null ? throw damaged : newest;
    }

    static Checkpoint ReadOnce(string found, bool withMoments)
    {
        try
        {
            var state = ReadState(Path.Combine(found, StateFile));
            var data = state.Format > 1 ? ReadData(found, state) : null;
            var weights = ReadTensors(found, WeightsFile, state);
            var moments = withMoments ? ReadTensors(found, OptimizerFile, state) : [];
            var checkpoint = new Checkpoint(found, state, data, weights, Part(moments, FirstMomentPrefix), Part(moments, SecondMomentPrefix),
                Part(moments, CarriedStatePrefix));
            Check(found, state, weights, checkpoint, withMoments);
            return checkpoint;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{found} cannot be read: {e.Message}", e);
        }
    }

    internal static void WriteAside(string folder, TrainingState state, DataIdentity data, IReadOnlyList<NamedTensor> weights,
        IReadOnlyList<NamedTensor> firstMoments, IReadOnlyList<NamedTensor> secondMoments, IReadOnlyList<NamedTensor>? carriedState = null)
    {
        var aside = Aside(folder);
        if (Directory.Exists(aside))
            SharedFile.DeleteFolder(aside);
        Directory.CreateDirectory(aside);
        var files = new Dictionary<string, FileCheck>(StringComparer.Ordinal);
        WriteTensors(Path.Combine(aside, WeightsFile), weights);
        WriteTensors(Path.Combine(aside, OptimizerFile),
            [.. Prefixed(firstMoments, FirstMomentPrefix), .. Prefixed(secondMoments, SecondMomentPrefix),
                .. Prefixed(carriedState ?? [], CarriedStatePrefix)]);
        AtomicFile.Write(Path.Combine(aside, DataFile), stream => JsonSerializer.Serialize(stream, data, DataIdentityJson.Default.DataIdentity));
        foreach (var name in new[] { WeightsFile, OptimizerFile, DataFile })
            using (var file = SharedFile.OpenRead(Path.Combine(aside, name)))
                files[name] = Measure(file);
        var complete = state with { Format = TrainingState.CurrentFormat, Program = Version, Files = files, Checksum = "" };
        var checksum = Checksum(JsonSerializer.SerializeToUtf8Bytes(complete, TrainingStateJson.Default.TrainingState));
        AtomicFile.Write(Path.Combine(aside, StateFile),
            stream => JsonSerializer.Serialize(stream, complete with { Checksum = checksum }, TrainingStateJson.Default.TrainingState));
    }

    internal static void Retire(string folder)
    {
        if (!IsComplete(folder))
            return;
        if (Directory.Exists(Old(folder)))
        {
            DurableStorage.FlushFolder(Parent(folder));
            SharedFile.DeleteFolder(Old(folder));
        }

        SharedFile.MoveFolder(folder, Old(folder));
    }

    internal static void Promote(string folder)
    {
        if (Directory.Exists(folder))
            SharedFile.DeleteFolder(folder);
        SharedFile.MoveFolder(Aside(folder), folder);
        DurableStorage.FlushFolder(Parent(folder));
        try
        {
            if (Directory.Exists(Old(folder)))
                SharedFile.DeleteFolder(Old(folder));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The new one is whole and on disk; what is left of the older one goes with the next save.
        }
    }

    static string Parent(string folder) => Path.GetDirectoryName(Path.GetFullPath(folder))!;

    static string Version => typeof(CheckpointFolder).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    static bool IsComplete(string folder) => File.Exists(Path.Combine(folder, StateFile));

    static string Locate(string folder)
        => Find(folder) ?? throw new CheckpointException($"There is no checkpoint in {folder}: "
            + $"neither {StateFile} nor checkpoints/last/{StateFile} stands there. Name a run's folder (runs/NAME) or one of its checkpoints.");

    static string? Find(string folder)
        => new[] { folder, Old(folder), Path.Combine(folder, "checkpoints", "last"),
            Old(Path.Combine(folder, "checkpoints", "last")) }.FirstOrDefault(IsComplete);

    static byte[] StateBytes(string folder)
    {
        try
        {
            return SharedFile.ReadAllBytes(Path.Combine(folder, StateFile));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // renamed just now
        }
    }

    static TrainingState ReadState(string path)
    {
        try
        {
            var bytes = SharedFile.ReadAllBytes(path);
            var state = TrainingState.Parse(bytes);
            if (state.Checksum != (state.Format == 1 ? "" : Checksum(Without(bytes, state.Checksum))))
                throw new CheckpointException($"{path} is not as it was written: its checksum does not fit. Use another checkpoint.");
            if (state.Step < 0 || state.BestStep < 0 || state.SkippedSteps < 0 || state.EvaluationsWithoutImprovement < 0)
                throw new CheckpointException($"{path}: a number of steps is negative; the file is damaged.");
            state.Configuration.Validate();
            return state;
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{path}, line {e.LineNumber + 1}: {e.Message}", e);
        }
        catch (Configuration.ConfigurationException e) when (e is not CheckpointException)
        {
            throw new CheckpointException($"{path}: {e.Message}", e);
        }
    }

    static string Checksum(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(XxHash128.Hash(bytes));

    // The text as it was before its checksum was filled in; that stands last.
    static byte[] Without(byte[] bytes, string checksum)
    {
        var digits = System.Text.Encoding.UTF8.GetBytes(checksum);
        var place = digits.Length == 0 ? -1 : bytes.AsSpan().LastIndexOf(digits);
        return place < 0 ? bytes : [.. bytes.AsSpan(0, place), .. bytes.AsSpan(place + digits.Length)];
    }

    static DataIdentity ReadData(string folder, TrainingState state)
    {
        using var file = OpenChecked(folder, DataFile, state);
        try
        {
            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return JsonFile.Parse(bytes, DataIdentityJson.Default.DataIdentity);
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{file.Name}, line {e.LineNumber + 1}: {e.Message}", e);
        }
    }

    static IReadOnlyList<NamedTensor> ReadTensors(string folder, string name, TrainingState state)
    {
        using var file = OpenChecked(folder, name, state);
        return SafetensorsFile.Read(file, file.Name);
    }

    // What is read is what was checked: by its name, another checkpoint's file may stand there a moment later.
    static FileStream OpenChecked(string folder, string name, TrainingState state)
    {
        var path = Path.Combine(folder, name);
        if (!state.Files.TryGetValue(name, out var expected) || expected is null)
            throw new CheckpointException($"{Path.Combine(folder, StateFile)}: no checksum for {name}; the file is damaged.");
        if (!File.Exists(path))
            throw new CheckpointException($"{path} is missing.");
        var file = SharedFile.OpenRead(path);
        try
        {
            var actual = Measure(file);
            if (actual != expected)
                throw new CheckpointException($"{path}: {actual.Bytes} bytes with checksum {actual.XxHash128}; "
                    + $"{expected.Bytes} with {expected.XxHash128} were written. The file is damaged; use another checkpoint.");
            file.Position = 0;
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // The tensors must be those of the configuration that stands beside them.
    static void Check(string folder, TrainingState state, IReadOnlyList<NamedTensor> weights, Checkpoint checkpoint, bool withMoments)
    {
        var layout = new ParameterLayout(state.Configuration.Model);
        ParameterFiles.Check(weights, layout, Path.Combine(folder, WeightsFile));
        if (!withMoments)
            return;
        ParameterFiles.Check(checkpoint.FirstMoments, layout, Path.Combine(folder, OptimizerFile));
        ParameterFiles.Check(checkpoint.SecondMoments, layout, Path.Combine(folder, OptimizerFile));
    }

    static void WriteTensors(string path, IReadOnlyList<NamedTensor> tensors) => AtomicFile.Write(path, stream => SafetensorsFile.Write(stream, tensors));

    static IEnumerable<NamedTensor> Prefixed(IReadOnlyList<NamedTensor> tensors, string prefix)
        => tensors.Select(tensor => new NamedTensor(prefix + tensor.Name, tensor.Shape, () => tensor.Values));

    static List<NamedTensor> Part(IReadOnlyList<NamedTensor> tensors, string prefix)
        => [.. tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(tensor => new NamedTensor(tensor.Name[prefix.Length..], tensor.Shape, tensor.Values))];

    static FileCheck Measure(FileStream file)
    {
        var hash = new XxHash128();
        hash.Append(file);
        return new FileCheck(file.Length, Convert.ToHexStringLower(hash.GetCurrentHash()));
    }
}
