using System.Text.Json;
using System.Text.Json.Serialization;
using VBiLstm.Configuration;
using VBiLstm.Model.Models;

namespace VBiLstm.Comparisons;

/// <summary>A data set of a comparison.</summary>
sealed record ComparisonDataset
{
    static readonly Dictionary<string, PaperFigures> _noFigures = [];

    /// <summary>Names the folder of its runs and its tables.</summary>
    public required string Name { get; init; }

    /// <summary>One line above its table.</summary>
    public string Title { get; init => field = value ?? ""; } = "";

    /// <summary>Starting configuration.</summary>
    public required string Preset { get; init; }

    /// <summary><c>key=value</c> over the preset.</summary>
    public IReadOnlyList<string> Set { get; init => field = value ?? []; } = [];

    /// <summary>The paper's numbers by the model's name.</summary>
    public IReadOnlyDictionary<string, PaperFigures> Paper { get; init => field = value ?? _noFigures; } = _noFigures;

    /// <summary>The paper's numbers of models that are not run here, by the names of its rows; shown below the models as quoted.</summary>
    public IReadOnlyDictionary<string, PaperFigures> Quoted { get; init => field = value ?? _noFigures; } = _noFigures;

    /// <summary>What the paper's numbers were measured on, and in which of its tables they stand.</summary>
    public string PaperNote { get; init => field = value ?? ""; } = "";
}

/// <summary>What the paper's tables say of one model on one data set; null where they say nothing.</summary>
/// <param name="Test">In the task's unit.</param>
/// <param name="Validation">In the task's unit.</param>
/// <param name="Kl">As its Table 6 prints it.</param>
sealed record PaperFigures(double? Test = null, double? Validation = null, double? Kl = null);

/// <summary>A model of a comparison.</summary>
sealed record ComparisonModel
{
    /// <summary>Names the folder of its runs and its rows.</summary>
    public required string Name { get; init; }

    /// <summary><c>key=value</c> over the data set's configuration.</summary>
    public IReadOnlyList<string> Set { get; init => field = value ?? []; } = [];
}

/// <summary>Which parameters models get as many of as each other.</summary>
enum CountedParameters
{
    /// <summary>All that training changes.</summary>
    [JsonStringEnumMemberName("all")] All,

    /// <summary>Those that predictions use: no backward LSTM, no posterior, no ξ.</summary>
    [JsonStringEnumMemberName("generative")] Generative,
}

/// <summary>A declared set of runs: each model on each data set with each seed.</summary>
sealed record ComparisonFile
{
    const double BudgetTolerance = 0.01;
    const int LargestUnits = 1 << 14;

    public required string Name { get; init; }

    /// <summary>What is compared and why, above the report.</summary>
    public string Description { get; init => field = value ?? ""; } = "";

    public required IReadOnlyList<ComparisonDataset> Data { get; init; }

    public required IReadOnlyList<ComparisonModel> Models { get; init; }

    public required IReadOnlyList<long> Seeds { get; init; }

    /// <summary>Name of the model whose number of parameters the others get, by their widths; null leaves each as it is.</summary>
    public string? EqualParametersTo { get; init; }

    /// <summary>What <see cref="EqualParametersTo"/> counts; null for <see cref="CountedParameters.All"/>.</summary>
    public CountedParameters? CountedParameters { get; init; }

    /// <summary>Whether that is what predictions use.</summary>
    [JsonIgnore]
    public bool CountsGenerative => CountedParameters == Comparisons.CountedParameters.Generative;

    /// <summary>K of the scores from several samples of each test sequence; 0 leaves them out.</summary>
    public int Samples { get; init; } = 10;

    /// <summary>Reads and checks a file.</summary>
    /// <exception cref="ConfigurationException">Not readable, not such a file, or names that are missing or come twice; the message names the file and the
    /// field.</exception>
    public static ComparisonFile Read(string path)
    {
        ComparisonFile file;
        try
        {
            file = JsonFile.Parse(JsonFile.Read(path), ComparisonJson.Default.ComparisonFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{path} cannot be read: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new ConfigurationException($"{path}, line {e.LineNumber + 1}: not a comparison (docs/comparing.md): {e.Message}", e);
        }

        file.Check(path);
        return file;
    }

    void Check(string path)
    {
        void Names(string field, IEnumerable<string?> names)
        {
            var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
            foreach (var name in names)
            {
                FolderName.Check($"{path}: {field}: a name", name);
                if (!seen.Add(name!))
                    throw new ConfigurationException($"{path}: {field}: the name {name} comes twice.");
            }

            if (seen.Count == 0)
                throw new ConfigurationException($"{path}: {field} is empty; name one at least.");
        }

        FolderName.Check($"{path}: name", Name);
        if (Data.Contains(null) || Models.Contains(null) || Data.SelectMany(data => data.Set).Concat(Models.SelectMany(model => model.Set)).Contains(null))
            throw new ConfigurationException($"{path}: data, models and their set must be arrays without null.");
        Names("data", Data.Select(data => data.Name));
        Names("models", Models.Select(model => model.Name));
        if (Seeds.Count == 0 || Seeds.Distinct().Count() != Seeds.Count)
            throw new ConfigurationException($"{path}: seeds: name one at least, each once.");
        if (EqualParametersTo is { } reference && Models.All(model => model.Name != reference))
            throw new ConfigurationException($"{path}: equal_parameters_to names {reference}, "
                + $"which is none of the models ({string.Join(", ", Models.Select(model => model.Name))}).");
        if (Samples is < 0 or 1)
            throw new ConfigurationException($"{path}: samples is {Samples}; use 2 or more, or 0 for no scores from several samples.");
        if (CountedParameters is not null && EqualParametersTo is null)
            throw new ConfigurationException($"{path}: counted_parameters says what equal_parameters_to counts; name that model, or leave both out.");
        foreach (var data in Data)
        {
            if (data.Paper.Keys.FirstOrDefault(name => Models.All(model => model.Name != name)) is { } unknown)
                throw new ConfigurationException($"{path}: data {data.Name}: paper names {unknown}, which is none of the models.");
            foreach (var (field, rows) in new[] { ("paper", data.Paper), ("quoted", data.Quoted) })
                if (rows.FirstOrDefault(row => row.Value is null || row.Value == new PaperFigures()).Key is { } silent)
                    throw new ConfigurationException($"{path}: data {data.Name}: {field}.{silent} gives no number; give test, validation or "
                        + "kl, or leave it out.");
            if (data.Quoted.Keys.FirstOrDefault(name => Models.Any(model => model.Name == name)) is { } run)
                throw new ConfigurationException($"{path}: data {data.Name}: quoted names {run}, which is run; give its numbers under paper.");
        }
    }

    /// <summary>Every run, one seed of all models and data sets after the other, each with its whole configuration.</summary>
    /// <exception cref="ConfigurationException">A preset or key is unknown, or no width gives a model the reference's number of parameters within 1
    /// %.</exception>
    public IReadOnlyList<ComparisonRun> Runs()
    {
        var runs = new List<ComparisonRun>();
        foreach (var seed in Seeds)
        {
            foreach (var data in Data)
            {
                long? budget = EqualParametersTo is null
                    ? null
                    : Counted(Configuration(data, Models.Single(model => model.Name == EqualParametersTo), seed).Model);
                foreach (var model in Models)
                {
                    var configuration = Configuration(data, model, seed);
                    if (budget is { } wanted && model.Name != EqualParametersTo)
                        configuration = configuration with { Model = Matched(configuration.Model, wanted, $"{data.Name}, {model.Name}") };
                    configuration.Validate();
                    var sequenceModel = SequenceModel.Of(configuration.Model);
                    runs.Add(new ComparisonRun(data, model, seed, configuration, sequenceModel.TrainedParameters, sequenceModel.GenerativeParameters));
                }
            }
        }

        return runs;
    }

    static RunConfiguration Configuration(ComparisonDataset data, ComparisonModel model, long seed)
        => ConfigurationFile.Override(Preset.Get(data.Preset).Configuration, [.. data.Set, .. model.Set]) with { Seed = seed };

    long Counted(ModelConfiguration model)
    {
        model.Validate();
        var sequenceModel = SequenceModel.Of(model);
        return CountsGenerative ? sequenceModel.GenerativeParameters : sequenceModel.TrainedParameters;
    }

    // More units have more parameters, so halving finds the nearest number; M keeps its share of H, but where steps of H are too coarse.
    ModelConfiguration Matched(ModelConfiguration model, long budget, string name)
    {
        ModelConfiguration With(int units) => model with
        {
            LstmUnits = units,
            MlpUnits = Math.Max(1, (int)Math.Round((double)model.MlpUnits * units / model.LstmUnits)),
        };
        var (low, high) = (1, LargestUnits);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            (low, high) = Fits(With(middle), budget) ? (middle, high) : (low, middle);
        }

        var best = new[] { With(low), With(high) }.Where(candidate => candidate.LstmUnits < LargestUnits)
            .MinBy(candidate => Math.Abs(Counted(candidate) - budget))!;
        var count = Counted(best);
        if (Math.Abs(count - budget) > BudgetTolerance * budget)
        {
            best = Enumerable.Range(1, 2 * With(low).MlpUnits + 1).Select(units => With(low) with { MlpUnits = units })
                .MinBy(candidate => Math.Abs(Counted(candidate) - budget))!;
            count = Counted(best);
        }

        return Math.Abs(count - budget) <= BudgetTolerance * budget
            ? best
            : throw new ConfigurationException($"{name}: no width gives {budget:N0} {(CountsGenerative ? "generative " : "")}parameters within 1 %; "
                + $"model.lstm_units={best.LstmUnits} has {count:N0}. "
                + "Leave equal_parameters_to out, or set the sizes yourself.");
    }

    bool Fits(ModelConfiguration model, long budget)
    {
        try
        {
            return Counted(model) <= budget;
        }
        catch (ConfigurationException)
        {
            return false; // more than an arena can hold
        }
    }
}

/// <summary>One run of a comparison.</summary>
/// <param name="Data">What it is trained on.</param>
/// <param name="Model">What is trained.</param>
/// <param name="Seed">Of the run.</param>
/// <param name="Configuration">Everything.</param>
/// <param name="Parameters">Values that training changes.</param>
/// <param name="GenerativeParameters">Values that predictions use.</param>
sealed record ComparisonRun(
    ComparisonDataset Data, ComparisonModel Model, long Seed, RunConfiguration Configuration, long Parameters, long GenerativeParameters)
{
    /// <summary>Path of its folder below the comparison's.</summary>
    public string Folder => Path.Combine("runs", Data.Name, Model.Name, $"seed-{Seed}");
}

/// <summary>JSON of comparisons and their results: snake_case keys.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    UseStringEnumConverter = true,
    WriteIndented = true,
    AllowTrailingCommas = true,
    ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(ComparisonFile))]
[JsonSerializable(typeof(ComparisonResult))]
sealed partial class ComparisonJson : JsonSerializerContext;
