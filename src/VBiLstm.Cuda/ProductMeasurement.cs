using System.Diagnostics;
using VBiLstm.Devices;
using VBiLstm.Training;

namespace VBiLstm.Cuda;

/// <summary>How long products of few rows, with what follows them, take through the library and through the project's kernels.</summary>
static class ProductMeasurement
{
    const int CallsOfARecording = 16, Rounds = 9;

    struct Operands
    {
        public Tensor X, W, Bias, Wide, Narrow, Moments, Noise, C, TanhC, Dc;
    }

    /// <summary>Both ways, in turn, from a recording as in training.</summary>
    /// <param name="device">Has the kernels.</param>
    /// <param name="shape">What to measure, in the device's precision.</param>
    /// <exception cref="InsufficientMemoryException">The operands do not fit.</exception>
    public static ProductTimes Measure(CudaDevice device, ThinProductShape shape)
    {
        ArgumentNullException.ThrowIfNull(device);
        var (rows, inner, columns) = (shape.Rows, shape.Inner, shape.Columns);
        var isTransposed = shape.Product >= ThinProduct.Transposed;
        var units = shape.Product switch
        {
            ThinProduct.SampleGaussian => columns / 2,
            ThinProduct.LstmCellForward => columns / 4,
            _ => columns,
        };
        using var arena = Arena.Create(device, "a product to measure", a => new Operands
        {
            X = a.Take(rows, inner, Readers.All),
            W = isTransposed ? a.Take(columns, inner, Readers.All) : a.Take(inner, columns, Readers.All),
            Bias = a.Take(1, columns),
            Wide = a.Take(rows, 4 * units, Readers.All),
            Narrow = a.Take(rows, columns, Readers.All),
            Moments = a.Take(rows, 2 * units, Readers.All),
            Noise = a.Take(rows, units),
            C = a.Take(rows, units),
            TanhC = a.Take(rows, units),
            Dc = a.Take(rows, units, Readers.All),
        }, out var at);
        using var weight = device.CreateWeight(at.W, WeightUse.Forward | WeightUse.Transposed);
        using var library = Record(device, shape.Product, at, weight, useKernel: false);
        using var kernel = Record(device, shape.Product, at, weight, useKernel: true);
        var (libraryTimes, kernelTimes) = (new double[Rounds], new double[Rounds]);
        for (var round = 0; round < Rounds; round++)
        {
            libraryTimes[round] = Time(device, library);
            kernelTimes[round] = Time(device, kernel);
        }

        return new ProductTimes(StepBenchmark.Median(libraryTimes), StepBenchmark.Median(kernelTimes));
    }

    static Recording Record(CudaDevice device, ThinProduct product, Operands at, Weight weight, bool useKernel)
    {
        var recording = device.Record(() => device.Choosing(useKernel, () =>
        {
            for (var call = 0; call < CallsOfARecording; call++)
                Call(device, product, at, weight);
        }));

        // Operation by operation, then captured.
        recording.Replay();
        recording.Replay();
        return recording;
    }

    static void Call(CudaDevice device, ThinProduct product, in Operands at, Weight w)
    {
        var (phi, head) = (new LeakyRelu(0.1f, float.PositiveInfinity), new GaussianHead(-8, 8, TanhMean: false));
        switch (product)
        {
            case ThinProduct.LeakyRelu:
                device.MultiplyLeakyRelu(at.X, w, at.Bias, at.Narrow, phi);
                break;
            case ThinProduct.SampleGaussian:
                device.MultiplySampleGaussian(at.X, w, at.Bias, at.Moments, at.Noise, at.Dc, head);
                break;
            case ThinProduct.LstmCellForward:
                device.MultiplyLstmCellForward(at.X, w, at.Wide, default, at.C, default, at.Noise, at.TanhC, at.Dc);
                break;
            case ThinProduct.Transposed:
                device.MultiplyTransposed(at.X, w, at.Narrow, accumulate: true);
                break;
            case ThinProduct.TransposedSampleGaussian:
                device.MultiplyTransposedSampleGaussian(at.X, w, at.Narrow, accumulate: false, default, at.Noise, at.Moments, at.Moments, head);
                break;
            case ThinProduct.TransposedLeakyRelu:
                device.MultiplyTransposedLeakyRelu(at.X, w, at.Narrow, at.Dc, default, default, phi);
                break;
            case ThinProduct.TransposedLstmCellBackward:
                device.MultiplyTransposedLstmCellBackward(at.X, w, at.Narrow, accumulate: false, at.Wide, at.C, at.TanhC, default, default, at.Dc);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(product), product, null);
        }
    }

    static double Time(CudaDevice device, Recording recording)
    {
        device.Synchronise();
        var start = Stopwatch.GetTimestamp();
        recording.Replay();
        device.Synchronise();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / CallsOfARecording;
    }
}
