using VBiLstm.Data.Prepared;

namespace VBiLstm.Data.Preparation;

/// <summary>Images of idx or amat files, as they are: how they become binary sequences, a run's configuration says. Without a validation file the last tenth of training is it.</summary>
sealed class ImagePreparation(SourceFiles sources, PreparationOptions options) : Preparation(sources, options)
{
    readonly Dictionary<string, (string Name, int Count)> _files = [];
    int _height, _width;

    public override PreparedManifest Scan(Action<double> progress, CancellationToken cancellation)
    {
        foreach (var (file, images) in Files(progress, cancellation))
        {
            var split = SplitOf(file) ?? throw new DataException($"{file.Name}: images, but the name has none of train, val and test.");
            if (_files.TryGetValue(split, out var other))
                throw new DataException($"{file.Name} and {other.Name} could both be the {split} split; give one file a split.");
            if (_files.Count > 0 && (images.Sizes[1], images.Sizes[2]) != (_height, _width))
                throw new DataException($"{file.Name} has images of {images.Sizes[1]}×{images.Sizes[2]}, other files have {_height}×{_width}.");
            (_height, _width) = (images.Sizes[1], images.Sizes[2]);
            _files[split] = (file.Name, images.Sizes[0]);
        }

        foreach (var split in new[] { "train", "test" })
            if (!_files.ContainsKey(split))
                throw new DataException($"--from: there are no images for the {split} split; its file is idx or amat, with {split} in its name.");
        if (!HasValidation && _files["train"].Count < 10)
            throw new DataException($"{_files["train"].Name} holds {_files["train"].Count} images, too few to hold a tenth out; give a validation file.");
        return new PreparedManifest
        {
            Task = "images",
            Preparation = "Pixels as they stand (amat's 1 is 255); splits as the files are named" + (HasValidation ? "." : ", validation is the last tenth of training."),
            Licence = "As the source says.",
            Kind = PreparedKind.Images,
            Unit = TaskUnit.NatsPerImage,
            Height = _height,
            Width = _width,
            Sources = [],
        };
    }

    bool HasValidation => _files.ContainsKey("validation");

    public override void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation)
    {
        var own = split == "validation" && !HasValidation ? "train" : split;
        foreach (var (file, images) in Files(progress, cancellation))
        {
            if (file.Name != _files[own].Name)
                continue;
            var count = images.Sizes[0];
            if (count != _files[own].Count || (images.Sizes[1], images.Sizes[2]) != (_height, _width))
                throw new DataException($"{file.Name} changed while it was prepared; start again.");
            var held = HasValidation || own != "train" ? 0 : count / 10;
            var (first, end) = split == "validation" && held > 0 ? (count - held, count) : (0, count - held);
            var size = _height * _width;
            writer.Append<byte>(images.Values.AsSpan(first * size, (end - first) * size));
        }
    }

    // Labels are idx files too, of one dimension; other files of a folder are none of ours.
    IEnumerable<(SourceFile File, IdxFile Images)> Files(Action<double> progress, CancellationToken cancellation)
    {
        foreach (var file in Sources.Read(progress, cancellation))
        {
            if (IsDocumentation(file) || SplitOf(file) is null && _files.Count > 0)
                continue;
            var magic = new byte[4];
            var length = file.Content.ReadAtLeast(magic, 4, throwOnEndOfStream: false);
            var content = new PrefixedStream(magic.AsMemory(0, length), file.Content);
            if (length == 4 && magic[0] == 0 && magic[1] == 0)
            {
                if (magic[3] != 1)
                {
                    var images = IdxFile.ReadPlain(content, file.Name);
                    if (images.Sizes.Count != 3)
                        throw new DataException($"{file.Name} holds {images.Sizes.Count}-dimensional data; images have three dimensions (count, height, width).");
                    yield return (file, images);
                }
            }
            else if (length == 0 || magic[0] is (byte)'0' or (byte)'1')
            {
                yield return (file, AmatFile.Read(content, file.Name));
            }
            else if (SplitOf(file) is not null)
            {
                throw new DataException($"{file.Name}, offset 0: {Convert.ToHexStringLower(magic)}, where an idx file has 0000 and an amat file the text 0 or 1.");
            }
        }
    }
}
