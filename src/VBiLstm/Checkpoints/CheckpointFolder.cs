using System.IO.Hashing;
using System.Reflection;
using System.Text.Json;
using VBiLstm.Model;

namespace VBiLstm.Checkpoints;

/// <summary>A checkpoint as read and checked. Moments are empty where only the weights were asked for.</summary>
public sealed record Checkpoint(string Folder, TrainingState State, IReadOnlyList<NamedTensor> Weights, IReadOnlyList<NamedTensor> FirstMoments, IReadOnlyList<NamedTensor> SecondMoments,
    IReadOnlyList<NamedTensor> CarriedState);

/// <summary>
/// A checkpoint is a folder: <c>weights.safetensors</c>, <c>optimizer.safetensors</c> (Adam's moments, and where the data carry it the LSTM's state) and <c>state.json</c>, which holds the others' checksums.
/// It is written aside and renamed, the one before kept as <c>NAME.old</c> until then: at any moment one of the two is complete.
/// </summary>
public static class CheckpointFolder
{
    const string WeightsFile = "weights.safetensors";
    const string OptimizerFile = "optimizer.safetensors";
    const string StateFile = "state.json";
    const string FirstMomentPrefix = "first_moment.";
    const string SecondMomentPrefix = "second_moment.";
    const string CarriedStatePrefix = "carried_state.";

    static string Aside(string folder) => folder + ".new";

    static string Old(string folder) => folder + ".old";

    /// <summary>Whether a checkpoint was written there, even if a kill left only the one before.</summary>
    public static bool Exists(string folder) => Directory.Exists(folder) || Directory.Exists(Old(folder));

    /// <summary>Writes a checkpoint in place of the one that may stand there. Throws <see cref="IOException"/> naming the folder; the old one is whole then.</summary>
    public static void Write(string folder, TrainingState state, IReadOnlyList<NamedTensor> weights, IReadOnlyList<NamedTensor> firstMoments, IReadOnlyList<NamedTensor> secondMoments,
        IReadOnlyList<NamedTensor>? carriedState = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        try
        {
            WriteAside(folder, state, weights, firstMoments, secondMoments, carriedState);
            Retire(folder);
            Promote(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The checkpoint {folder} could not be written ({e.Message}); the one before it is kept.", e);
        }
    }

    /// <summary>Reads and checks a checkpoint. Throws <see cref="CheckpointException"/> naming the file and what is wrong.</summary>
    /// <param name="folder">The checkpoint's folder, or a run's folder, whose last checkpoint is meant then.</param>
    /// <param name="withMoments">Whether the optimiser's file is read too.</param>
    public static Checkpoint Read(string folder, bool withMoments)
    {
        var found = Locate(folder);
        try
        {
            var state = ReadState(Path.Combine(found, StateFile));
            var weights = ReadTensors(found, WeightsFile, state);
            var moments = withMoments ? ReadTensors(found, OptimizerFile, state) : [];
            var checkpoint = new Checkpoint(found, state, weights, Part(moments, FirstMomentPrefix), Part(moments, SecondMomentPrefix), Part(moments, CarriedStatePrefix));
            Check(found, state, weights, checkpoint, withMoments);
            return checkpoint;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{found} cannot be read: {e.Message}", e);
        }
    }

    internal static void WriteAside(string folder, TrainingState state, IReadOnlyList<NamedTensor> weights, IReadOnlyList<NamedTensor> firstMoments, IReadOnlyList<NamedTensor> secondMoments,
        IReadOnlyList<NamedTensor>? carriedState = null)
    {
        var aside = Aside(folder);
        if (Directory.Exists(aside))
            Directory.Delete(aside, recursive: true);
        Directory.CreateDirectory(aside);
        var files = new Dictionary<string, FileCheck>(StringComparer.Ordinal);
        WriteTensors(Path.Combine(aside, WeightsFile), weights);
        WriteTensors(Path.Combine(aside, OptimizerFile), [.. Prefixed(firstMoments, FirstMomentPrefix), .. Prefixed(secondMoments, SecondMomentPrefix), .. Prefixed(carriedState ?? [], CarriedStatePrefix)]);
        foreach (var name in new[] { WeightsFile, OptimizerFile })
            files[name] = Measure(Path.Combine(aside, name));
        var complete = state with { Program = Version, Files = files };
        AtomicFile.Write(Path.Combine(aside, StateFile), stream => JsonSerializer.Serialize(stream, complete, TrainingStateJson.Default.TrainingState));
    }

    internal static void Retire(string folder)
    {
        if (!IsComplete(folder))
            return;
        if (Directory.Exists(Old(folder)))
            Directory.Delete(Old(folder), recursive: true);
        Directory.Move(folder, Old(folder));
    }

    internal static void Promote(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.Move(Aside(folder), folder);
        if (Directory.Exists(Old(folder)))
            Directory.Delete(Old(folder), recursive: true);
    }

    static string Version => typeof(CheckpointFolder).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    static bool IsComplete(string folder) => File.Exists(Path.Combine(folder, StateFile));

    static string Locate(string folder)
    {
        foreach (var candidate in new[] { folder, Old(folder), Path.Combine(folder, "checkpoints", "last"), Old(Path.Combine(folder, "checkpoints", "last")) })
            if (IsComplete(candidate))
                return candidate;
        throw new CheckpointException($"There is no checkpoint in {folder}: neither {StateFile} nor checkpoints/last/{StateFile} stands there. Name a run's folder (runs/NAME) or one of its checkpoints.");
    }

    static TrainingState ReadState(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var state = JsonSerializer.Deserialize(stream, TrainingStateJson.Default.TrainingState) ?? throw new CheckpointException($"{path} holds null.");
            if (state.Format != TrainingState.CurrentFormat)
                throw new CheckpointException($"{path}: format {state.Format}; this program reads {TrainingState.CurrentFormat}.");
            if (state.Configuration?.Model is null || state.Configuration.Training is null || state.Configuration.Data is null || state.Files is null || state.Step < 0)
                throw new CheckpointException($"{path}: a section is missing or the step is negative; the file is damaged.");
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

    static IReadOnlyList<NamedTensor> ReadTensors(string folder, string name, TrainingState state)
    {
        var path = Path.Combine(folder, name);
        if (!state.Files.TryGetValue(name, out var expected) || expected is null)
            throw new CheckpointException($"{Path.Combine(folder, StateFile)}: no checksum for {name}; the file is damaged.");
        if (!File.Exists(path))
            throw new CheckpointException($"{path} is missing.");
        var actual = Measure(path);
        if (actual != expected)
            throw new CheckpointException($"{path}: {actual.Bytes} bytes with checksum {actual.XxHash128}; {expected.Bytes} with {expected.XxHash128} were written. The file is damaged; use another checkpoint.");
        using var stream = File.OpenRead(path);
        return SafetensorsFile.Read(stream, path);
    }

    // The tensors must be those of the configuration that stands beside them.
    static void Check(string folder, TrainingState state, IReadOnlyList<NamedTensor> weights, Checkpoint checkpoint, bool withMoments)
    {
        var expected = new ParameterLayout(state.Configuration.Model).All;
        CheckNames(WeightsFile, weights);
        if (withMoments)
        {
            CheckNames(OptimizerFile, checkpoint.FirstMoments);
            CheckNames(OptimizerFile, checkpoint.SecondMoments);
        }

        void CheckNames(string file, IReadOnlyList<NamedTensor> tensors)
        {
            var byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
            foreach (var parameter in expected)
            {
                if (!byName.Remove(parameter.Name, out var tensor))
                    throw new CheckpointException($"{Path.Combine(folder, file)}: tensor {parameter.Name} is missing.");
                if (!tensor.Shape.SequenceEqual(parameter.Shape))
                    throw new CheckpointException($"{Path.Combine(folder, file)}: {parameter.Name} has shape [{string.Join(", ", tensor.Shape)}]; the configuration beside it needs [{string.Join(", ", parameter.Shape)}].");
            }

            if (byName.Count > 0)
                throw new CheckpointException($"{Path.Combine(folder, file)}: tensor {byName.Keys.First()} is not of this model.");
        }
    }

    static void WriteTensors(string path, IReadOnlyList<NamedTensor> tensors) => AtomicFile.Write(path, stream => SafetensorsFile.Write(stream, tensors));

    static IEnumerable<NamedTensor> Prefixed(IReadOnlyList<NamedTensor> tensors, string prefix) => tensors.Select(tensor => tensor with { Name = prefix + tensor.Name });

    static List<NamedTensor> Part(IReadOnlyList<NamedTensor> tensors, string prefix)
        => [.. tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(tensor => tensor with { Name = tensor.Name[prefix.Length..] })];

    static FileCheck Measure(string path)
    {
        using var stream = File.OpenRead(path);
        var hash = new XxHash128();
        hash.Append(stream);
        return new FileCheck(stream.Length, Convert.ToHexStringLower(hash.GetCurrentHash()));
    }
}
