using System.CommandLine;
using System.Globalization;
using VBiLstm.Benchmarks.Peer;

namespace VBiLstm.Benchmarks;

/// <summary>The options that name the sizes of a training step; each overrides the preset's.</summary>
sealed class SizeOptions
{
    readonly Option<string> _preset = new("--preset")
    {
        Description = $"Sizes to start from: {string.Join(", ", StepSizes.Presets.Keys)}.",
        DefaultValueFactory = _ => "small-rows",
    };
    readonly Option<int?> _hidden = new("--hidden") { Description = "H, LSTM units." };
    readonly Option<int?> _mlp = new("--mlp") { Description = "M, hidden units of every net." };
    readonly Option<int?> _latent = new("--latent") { Description = "Z, latent units." };
    readonly Option<int?> _batch = new("--batch") { Description = "B, rows of a batch." };
    readonly Option<int?> _steps = new("--steps") { Description = "T, predicted time steps." };
    readonly Option<Head?> _head = new("--head") { Description = "Output distribution." };
    readonly Option<int?> _width = new("--width") { Description = "Size of a frame, or of the vocabulary of a categorical head." };
    readonly Option<int> _threads = new("--threads") { Description = "Threads of every side.", DefaultValueFactory = _ => Environment.ProcessorCount };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _preset, _hidden, _mlp, _latent, _batch, _steps, _head, _width, _threads })
            command.Options.Add(option);
        _preset.AcceptOnlyFromAmong([.. StepSizes.Presets.Keys]);
        foreach (var option in new Option<int?>[] { _hidden, _mlp, _latent, _batch, _steps, _width })
            option.Validators.Add(result =>
            {
                if (result.GetValue(option) is < 1)
                    result.AddError($"{option.Name} must be at least 1.");
            });
    }

    public string Preset(ParseResult parsed) => parsed.GetValue(_preset)!;

    public int Threads(ParseResult parsed) => parsed.GetValue(_threads);

    public StepSizes Sizes(ParseResult parsed)
    {
        var preset = StepSizes.Presets[Preset(parsed)];
        return new StepSizes(
            parsed.GetValue(_hidden) ?? preset.Hidden, parsed.GetValue(_mlp) ?? preset.Mlp, parsed.GetValue(_latent) ?? preset.Latent,
            parsed.GetValue(_batch) ?? preset.Batch, parsed.GetValue(_steps) ?? preset.Steps, parsed.GetValue(_head) ?? preset.Head,
            parsed.GetValue(_width) ?? preset.Width);
    }

    /// <summary>Arguments that give another process the same sizes.</summary>
    public static IEnumerable<string> Arguments(StepSizes sizes, int threads)
        => new (string Name, object Value)[]
        {
            ("--hidden", sizes.Hidden), ("--mlp", sizes.Mlp), ("--latent", sizes.Latent), ("--batch", sizes.Batch), ("--steps", sizes.Steps),
            ("--head", sizes.Head), ("--width", sizes.Width), ("--threads", threads),
        }.SelectMany(pair => new[] { pair.Name, Convert.ToString(pair.Value, CultureInfo.InvariantCulture)! });
}
