using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>
/// Images as they are: how they become binary sequences, a run's configuration says. Without validation files the last tenth of training is it.
/// </summary>
sealed class ImagePreparation(SourceFiles sources, PreparationOptions options) : Preparation(sources, options)
{
    readonly Dictionary<SourceEntry, int> _counts = [];
    IReadOnlyDictionary<SourceEntry, string> _splits = new Dictionary<SourceEntry, string>();
    int _height, _width;

    public override PreparedManifest Scan(Action<double> progress, CancellationToken cancellation)
    {
        var (first, largest, grey) = ("", 0, 0L);
        foreach (var (file, images) in ImageSources.Read(Sources, progress, cancellation))
        {
            if (Options.Transpose is null && SplitNames.WordsOf(file.Name).Contains("emnist", StringComparer.OrdinalIgnoreCase))
                throw new DataException($"{file.Name}: EMNIST's own files hold every image turned over (rows and columns exchanged), other copies do not; "
                    + "say --transpose true to exchange them, or --transpose false to take them as they are.");
            var (height, width) = Size(images);
            if (_counts.Count > 0 && (height, width) != (_height, _width))
                throw new DataException($"{file.Name} has images of {height}×{width}, {first} has {_height}×{_width}.");
            (_height, _width, first) = (height, width, _counts.Count == 0 ? file.Name : first);
            _counts[file.Entry] = images.Sizes[0];
            largest = Math.Max(largest, images.Values.Max());
            grey += images.Values.Count(pixel => pixel is not (0 or 1 or 255));
        }

        _splits = ImageSources.Resolve([.. _counts.Keys], Sources.OwnNames);
        if (!HasValidation(_splits) && Count("train") < 10)
            throw new DataException($"--from: {Count("train")} training images are too few to hold a tenth out; give validation images.");
        return new PreparedManifest
        {
            Task = "images",
            Preparation = "Pixels as they stand (amat's 1, and true and 1.0 of numpy's arrays, are 255)"
                + (Options.Transpose == true ? ", rows and columns exchanged" : "")
                + $"; {SplitsWording}" + (HasValidation(_splits) ? "." : ", validation is the last tenth of training."),
            Licence = SourceLicence.Unknown,
            Kind = PreparedKind.Images,
            Unit = TaskUnit.NatsPerImage,
            Height = _height,
            Width = _width,
            Statistics = new Dictionary<string, long> { ["largest_pixel"] = largest, ["grey_pixels"] = grey },
            Sources = [],
        };
    }

    public override void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation)
    {
        var (own, first, end) = RangeOf(split, _splits, Count);
        var size = _height * _width;
        var position = 0L;
        foreach (var (file, images) in ImageSources.Read(Sources, progress, cancellation))
        {
            if (!_counts.TryGetValue(file.Entry, out var count) || images.Sizes[0] != count || Size(images) != (_height, _width))
                throw new DataException($"{file.Name} changed while it was prepared; start again.");
            if (_splits[file.Entry] != own)
                continue;
            var pixels = Options.Transpose == true ? Transposed(images) : images.Values;
            var (from, to) = ((int)Math.Clamp(first - position, 0, count), (int)Math.Clamp(end - position, 0, count));
            writer.Append<byte>(pixels.AsSpan(from * size, (to - from) * size));
            position += count;
        }
    }

    long Count(string split) => _splits.Where(file => file.Value == split).Sum(file => (long)_counts[file.Key]);

    (int Height, int Width) Size(IdxFile images) => Options.Transpose == true ? (images.Sizes[2], images.Sizes[1]) : (images.Sizes[1], images.Sizes[2]);

    byte[] Transposed(IdxFile images)
    {
        var pixels = new byte[images.Values.Length];
        for (var start = 0; start < pixels.Length; start += _height * _width)
            for (var y = 0; y < _height; y++)
                for (var x = 0; x < _width; x++)
                    pixels[start + y * _width + x] = images.Values[start + x * _height + y];
        return pixels;
    }
}
