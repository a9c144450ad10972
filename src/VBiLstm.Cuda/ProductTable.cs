using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBiLstm.Cuda;

/// <summary>Times of the library and of the project's kernels for products of few rows, measured on one GPU by <c>vbilstm bench --tune</c>.</summary>
sealed partial class ProductTable
{
    // The first format had products of bf16 alone, and did not say so.
    const int Format = 2, FirstFormat = 1;

    /// <summary>Names another file than that of <see cref="PathOf"/>.</summary>
    public const string Variable = "VBILSTM_PRODUCTS";

    readonly SortedDictionary<ThinProductShape, ProductTimes> _times
        = new(Comparer<ThinProductShape>.Create((a, b)
            => (a.Precision, a.Product, a.Rows, a.Inner, a.Columns).CompareTo((b.Precision, b.Product, b.Rows, b.Inner, b.Columns))));

    sealed record Entry(string Product, int Rows, int Inner, int Columns, double LibraryMicroseconds, double KernelMicroseconds,
        string Precision = nameof(CudaPrecision.Bf16));

    sealed record Content(int Format, string Gpu, string Libraries, IReadOnlyList<Entry> Products);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true)]
    [JsonSerializable(typeof(Content))]
    sealed partial class Json : JsonSerializerContext;

    /// <summary>Where the table of a GPU is kept: a file for each in the user's cache.</summary>
    public static string PathOf(string gpu)
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
            return named;
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home
            ? home
            : OperatingSystem.IsWindows()
                ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        var name = new string([.. gpu.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-')]);
        return Path.Combine(cache, "vbilstm", $"products-{name}.json");
    }

    /// <summary>Measured shapes with their times.</summary>
    public IReadOnlyDictionary<ThinProductShape, ProductTimes> Times => _times;

    /// <summary>Which is faster for that shape; null where it was not measured.</summary>
    public bool? PrefersKernel(ThinProductShape shape)
        => _times.TryGetValue(shape, out var times) ? times.KernelMicroseconds <= times.LibraryMicroseconds : null;

    public void Add(ThinProductShape shape, ProductTimes times) => _times[shape] = times;

    /// <summary>What its choices come to, the same for tables that choose the same.</summary>
    public string Fingerprint => Sha256Sum.Of(
        Encoding.UTF8.GetBytes(string.Join(';', _times.Select(pair => $"{pair.Key} {PrefersKernel(pair.Key)}"))))[..12];

    /// <summary>The table of that file; null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="gpu">The GPU that it must be of.</param>
    /// <exception cref="CudaException">The file is no such table, or of another GPU.</exception>
    public static ProductTable? Read(string path, string gpu)
    {
        if (!File.Exists(path))
            return null;
        Content content;
        try
        {
            content = JsonFile.Parse(JsonFile.Read(path), Json.Default.Content);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CudaException($"{path} cannot be read as a table of products: {e.Message} Delete it, or measure anew with vbilstm bench --tune.");
        }

        if (content.Format is not (Format or FirstFormat) || content.Products.Any(entry => !Enum.IsDefined(typeof(ThinProduct), entry.Product)
            || !Enum.IsDefined(typeof(CudaPrecision), entry.Precision)))
            throw new CudaException($"{path} is a table of products of another version. Delete it, or measure anew with vbilstm bench --tune.");
        if (content.Gpu != gpu)
            throw new CudaException($"{path} was measured on {content.Gpu}, this is {gpu}. Measure with vbilstm bench --tune, or unset {Variable}.");
        var table = new ProductTable();
        foreach (var entry in content.Products)
        {
            table.Add(new ThinProductShape(Enum.Parse<CudaPrecision>(entry.Precision), Enum.Parse<ThinProduct>(entry.Product), entry.Rows, entry.Inner,
                entry.Columns), new ProductTimes(entry.LibraryMicroseconds, entry.KernelMicroseconds));
        }

        return table;
    }

    /// <summary>Writes it aside and renames it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="gpu">The GPU that it was measured on.</param>
    /// <param name="libraries">What computed the products beside the kernels.</param>
    public void Write(string path, string gpu, string libraries)
    {
        var content = new Content(Format, gpu, libraries, [.. _times.Select(pair => new Entry($"{pair.Key.Product}", pair.Key.Rows, pair.Key.Inner,
            pair.Key.Columns, pair.Value.LibraryMicroseconds, pair.Value.KernelMicroseconds, $"{pair.Key.Precision}"))]);
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, content, Json.Default.Content));
    }
}

/// <summary>Medians, in microseconds a product with what follows it.</summary>
readonly record struct ProductTimes(double LibraryMicroseconds, double KernelMicroseconds);
