using System.Buffers;
using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>The images among the files of a source: idx, amat and numpy's arrays, told by content.</summary>
static class ImageSources
{
    const int HeadBytes = 16, QmnistColumns = 8;
    const string Convert = "python3 -c \"import glob, numpy, PIL.Image; numpy.save('train.npy', numpy.stack([numpy.asarray(PIL.Image.open(p).convert('L')) "
        + "for p in sorted(glob.glob('train/*'))]))\"";

    static readonly SearchValues<byte> AmatBytes = SearchValues.Create("01 \t\r\n"u8);

    /// <summary>Every file of images; all others are left out with a reason.</summary>
    /// <exception cref="DataException">A file that is to be images by its name or content cannot be read.</exception>
    public static IEnumerable<(SourceFile File, IdxFile Images)> Read(SourceFiles sources, Action<double>? progress, CancellationToken cancellation)
    {
        foreach (var file in sources.Read(progress, cancellation))
        {
            var (images, reason) = ((IdxFile?)null, (string?)null);
            if (!file.TryRead(() => (images, reason) = Read(file)))
                continue;
            if (images is null)
                file.LeaveOut(reason!);
            else
                yield return (file, images);
        }
    }

    /// <summary>The splits of images: every one has a file of its own, where the user did not give several.</summary>
    public static IReadOnlyDictionary<SourceEntry, string> Resolve(IReadOnlyList<SourceEntry> files, IReadOnlyList<string> sources)
    {
        if (SplitNames.Resolve(files, sources, areJoined: false) is { } splits)
            return splits;
        if (files.Count == 0)
            throw new DataException("--from: there are no images for the train split, or for any; files of images are idx, amat or numpy's .npy and .npz.");
        throw new DataException($"{files[0].Name}: images, but there are none for the train split or none for the test split: the words train, "
            + $"valid and test in the names tell (found: {string.Join(", ", files.Take(6).Select(file => file.Name))}). "
            + "Or say which files are of which split with --train, --valid and --test instead of --from.");
    }

    static (IdxFile? Images, string? Reason) Read(SourceFile file)
    {
        var head = new byte[HeadBytes];
        var length = file.Content.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        using var content = new PrefixedStream(head.AsMemory(0, length), file.Content);
        var start = head.AsSpan(0, length);
        if (NpyFile.IsOne(start))
        {
            var array = NpyFile.Read(content, file.Name);
            return array.Sizes.Count < 2
                ? (null, "numbers of one dimension: labels")
                : (Images(array.Sizes, array.ToPixels(file.Name, scalesReals: true), file.Name), null);
        }

        if (IdxFile.IsOne(start))
        {
            var isLabels = start[3] == 1
                || (start[3] == 2 && length >= 12 && start[2] == 0x0c && start[8..12].SequenceEqual((ReadOnlySpan<byte>)[0, 0, 0, QmnistColumns]));
            if (isLabels)
                return (null, "labels");
            var idx = IdxFile.Read(content, file.Name);
            return (Images(idx.Sizes, idx.Values, file.Name), null);
        }

        if (length > 0 && start[0] is (byte)'0' or (byte)'1' && !start.ContainsAnyExcept(AmatBytes) || HasName(file, "amat"))
            return (AmatFile.Read(content, file.Name), null);
        if (SourceNames.IsPicture(file.FileName))
            throw new DataException($"{file.Name} is a picture; put the pictures of each split into one array and give these, for instance: {Convert}");
        if (SourceNames.IsArray(file.FileName))
            throw new DataException($"{file.Name} holds arrays of another program; save each split's images as one array [count, height, "
                + "width] with numpy.save.");
        if (file.Entry.IsNamed || file.Entry.Split is not null || HasName(file, "images", "image", "idx", "ubyte", "imgs")
            || (SplitNames.IsInFileName(file.RelativePath) && !SourceNames.IsText(file.FileName) && !SourceNames.IsBinary(file.FileName)))
            throw new DataException(length == 0
                ? $"{file.Name} is empty."
                : $"{file.Name}, offset 0: {System.Convert.ToHexStringLower(start[..Math.Min(4, length)])}, where an idx file has 0000, "
                + "an amat file the text 0 or 1, and numpy's .npy file 934e554d.");
        return (null, "no images: neither idx, amat nor npy");
    }

    static bool HasName(SourceFile file, params string[] words)
        => SplitNames.WordsOf(file.FileName).Any(word => words.Contains(word, StringComparer.OrdinalIgnoreCase));

    // One channel may be said or not.
    static IdxFile Images(IReadOnlyList<int> sizes, byte[] pixels, string name)
    {
        if (sizes.Count == 4 && (sizes[1] == 1 || sizes[3] == 1))
            sizes = sizes[1] == 1 ? [sizes[0], sizes[2], sizes[3]] : [sizes[0], sizes[1], sizes[2]];
        return sizes.Count == 3
            ? new IdxFile(sizes, pixels)
            : throw new DataException($"{name} holds {sizes.Count}-dimensional data ({string.Join('×', sizes)}); images have three dimensions (count, height, "
                + "width), of one grey channel.");
    }
}
