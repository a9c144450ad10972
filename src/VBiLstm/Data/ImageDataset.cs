using VBiLstm.Configuration;
using VBiLstm.Noise;

namespace VBiLstm.Data;

/// <summary>
/// Binary images as sequences: s_0 is an all-zero start frame, s_1..s_T are the rows of pixels (T = height, D = width) or the pixels (D = 1).
/// </summary>
sealed class ImageDataset : SequenceDataset
{
    readonly byte[] _pixels;
    readonly int _imageSize;
    readonly int _steps;
    readonly Binarisation _binarisation;
    readonly long _seed;

    /// <param name="images">Images [count, height, width].</param>
    /// <param name="name">Named in errors.</param>
    /// <param name="view">Rows or pixels a step.</param>
    /// <param name="binarisation">What the bytes mean.</param>
    /// <param name="seed">Key of the draws of static and stochastic binarisation.</param>
    /// <exception cref="DataException">Not three dimensions, grey pixels where binary ones were announced, or pixels of 0 and 1 where grey ones
    /// were.</exception>
    public ImageDataset(IdxFile images, string name, ImageView view, Binarisation binarisation, long seed)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Sizes.Count != 3)
            throw new DataException($"{name} holds {images.Sizes.Count}-dimensional data; images have three dimensions (count, height, width).");
        (Count, Height, Width) = (images.Sizes[0], images.Sizes[1], images.Sizes[2]);
        _pixels = images.Values;
        _imageSize = Height * Width;
        _binarisation = binarisation;
        _seed = seed;
        (_steps, FrameSize) = view == ImageView.Rows ? (Height, Width) : (_imageSize, 1);
        if (binarisation == Binarisation.Binary)
            CheckBinary(name);
        else if (_pixels.Max() == 1)
            throw new DataException($"{name}: every pixel is 0 or 1, which as grey values of 0 to 255 would all be black. These images are binary: "
                + "set data.binarisation=binary.");
    }

    public int Height { get; }

    public int Width { get; }

    public override int Count { get; }

    public override int FrameSize { get; }

    public override int VocabularySize => 0;

    public override int MaximumLength => _steps;

    public override TaskUnit Unit => TaskUnit.NatsPerImage;

    public override int Length(int index) => _steps;

    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var image = _pixels.AsSpan(index * _imageSize, _imageSize);
        var stochastic = _binarisation == Binarisation.Stochastic;
        var random = new CounterRandom(_seed, NoiseStream.Binarisation, (uint)index, stochastic ? (uint)epoch : 0);
        var stride = batch.BatchSize * FrameSize;
        var frames = batch.Frames.AsSpan(row * FrameSize);
        frames[..FrameSize].Clear();
        for (var t = 0; t < _steps; t++)
        {
            var target = frames.Slice((t + 1) * stride, FrameSize);
            for (var d = 0; d < FrameSize; d++)
            {
                var pixel = image[t * FrameSize + d];
                target[d] = _binarisation == Binarisation.Binary ? (pixel != 0 ? 1 : 0) : random.NextSingle() * 255 < pixel ? 1 : 0;
            }
        }

        for (var t = _steps + 1; t <= batch.Steps; t++)
            frames.Slice(t * stride, FrameSize).Clear();
    }

    void CheckBinary(string name)
    {
        for (var i = 0; i < _pixels.Length; i++)
            if (_pixels[i] is not (0 or 1 or 255))
                throw new DataException($"{name}, image {i / _imageSize}: pixel value {_pixels[i]} is neither 0 nor 255 (or 1). These images are grey: "
                    + "set data.binarisation=static or stochastic.");
    }
}
