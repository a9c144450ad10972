using System.ComponentModel;
using System.Text.Json.Serialization;

namespace VBiLstm.Configuration;

/// <summary>How an image becomes a sequence.</summary>
public enum ImageView
{
    /// <summary>One row of pixels a step: T = height, D = width.</summary>
    [JsonStringEnumMemberName("rows")] Rows,

    /// <summary>One pixel a step: T = height × width, D = 1.</summary>
    [JsonStringEnumMemberName("pixels")] Pixels,
}

/// <summary>How grey images become binary.</summary>
public enum Binarisation
{
    /// <summary>Pixels are 0 or 255 already.</summary>
    [JsonStringEnumMemberName("binary")] Binary,

    /// <summary>Each pixel is on with probability grey/255, drawn once.</summary>
    [JsonStringEnumMemberName("static")] Static,

    /// <summary>As static, drawn anew each epoch for training; validation and test are drawn once.</summary>
    [JsonStringEnumMemberName("stochastic")] Stochastic,
}

/// <summary>The data set of a run and how it is read.</summary>
public sealed record DataConfiguration
{
    /// <summary>The value of <see cref="Source"/> that names the digits embedded in the library.</summary>
    public const string EmbeddedDigits = "embedded-digits";

    /// <summary>The value of <see cref="Source"/> of a run whose data a program gave it.</summary>
    public const string InMemory = "in-memory";

    /// <summary>
    /// embedded-digits (1,000/200/200 binarised digits, part of the program), a folder that vbilstm data prepare wrote, or a folder of idx or idx.gz image
    /// files with train, valid and test in their names.
    /// </summary>
    [Description("embedded-digits (1,000/200/200 binarised digits, part of the program), a folder that vbilstm data prepare wrote, "
        + "or a folder of idx or idx.gz image files with train, valid and test in their names.")]
    public string Source { get; init; } = EmbeddedDigits;

    /// <summary>An image as a sequence: rows (one row of pixels a step) or pixels (one pixel a step).</summary>
    [JsonIgnore]
    public ImageView View { get; init; } = ImageView.Rows;

    [JsonInclude, JsonPropertyName("view"), ValuesOf<ImageView>]
    [Description("An image as a sequence: rows (one row of pixels a step) or pixels (one pixel a step).")]
    internal string ViewText { get => ValueNames.Of(View); init => View = ValueNames.Parse(value, View); }

    /// <summary>binary (pixels are 0 or 255 already), static (on with probability grey/255, drawn once) or stochastic (drawn anew each epoch).</summary>
    [JsonIgnore]
    public Binarisation Binarisation { get; init; } = Binarisation.Binary;

    [JsonInclude, JsonPropertyName("binarisation"), ValuesOf<Binarisation>]
    [Description("binary (pixels are 0 or 255 already), static (on with probability grey/255, drawn once) or stochastic (drawn anew each epoch).")]
    internal string BinarisationText { get => ValueNames.Of(Binarisation); init => Binarisation = ValueNames.Parse(value, Binarisation); }

    /// <summary>
    /// W, predicted steps of a window of one long text, or of speech that was prepared by SRNN's protocol; sentences, images and other speech come in
    /// their own lengths.
    /// </summary>
    [Description("W, predicted steps of a window of one long text, or of speech that was prepared by SRNN's protocol; sentences, images and other speech come "
        + "in their own lengths.")]
    [Expected("a whole number from 1 to 1000000")]
    public int Window { get; init; } = 100;

    /// <summary>
    /// A window of one long text, or in training of speech by SRNN's protocol, begins with the state that the one before it ended with; false begins each with
    /// zeros. The paper is silent; report both.
    /// </summary>
    [Description("A window of one long text, or in training of speech by SRNN's protocol, begins with the state that the one before it ended with; false "
        + "begins each with zeros. The paper is silent; report both.")]
    public bool CarryState { get; init; } = true;

    /// <summary>Checks every field. Throws <see cref="ConfigurationException"/> naming the field, its value and the fix.</summary>
    public void Validate()
    {
        if (string.IsNullOrWhiteSpace(Source))
            throw new ConfigurationException($"data.source is '{Source}'; use {EmbeddedDigits} or a folder.");
        if (Window is < 1 or > 1_000_000)
            throw new ConfigurationException($"data.window is {Window}; use {ConfigurationKey.Find("data.window").Expected}.");
    }
}
