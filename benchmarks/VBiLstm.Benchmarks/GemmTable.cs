using System.Diagnostics;
using System.Runtime.InteropServices;
using Spectre.Console;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Training;

namespace VBiLstm.Benchmarks;

/// <summary>Products of the model's shapes against the peak of multiply-adds, which is measured beside each of them: this machine's speed drifts.</summary>
static unsafe class GemmTable
{
    const int Rounds = 7;
    const double SecondsPerRound = 0.15;

    /// <summary>A [M, K] × B [K, N] with B packed, or Aᵀ B of A [K, M] and B [K, N].</summary>
    readonly record struct Shape(int M, int K, int N, bool LeftTransposed)
    {
        public double Operations => 2.0 * M * K * N;

        public override string ToString() => $"{M}×{K}×{N}{(LeftTransposed ? " transposed" : "")}";
    }

    static readonly Shape[] s_shapes =
    [
        new(32, 1024, 4096, false), new(50, 2176, 4096, false), new(50, 1024, 1024, false), new(32, 256, 1024, false),
        new(1024, 1600, 4096, true), new(2500, 2176, 4096, false), new(1024, 896, 4096, true), new(256, 896, 1280, true), new(896, 1024, 1024, false),
    ];

    public static void Print(IReadOnlyList<int> threadCounts, IReadOnlyList<int> widths)
    {
        var table = new Table().AddColumns("shape", "threads", "bits", "GFLOP/s", "FMA peak", "share of peak");
        foreach (var threads in threadCounts)
        {
            using var pool = new WorkerPool(threads);
            foreach (var width in widths.Select(bits => (SimdWidth)bits))
                foreach (var shape in s_shapes)
                {
                    var (rate, peak) = Measure(pool, width, shape);
                    table.AddRow(shape.ToString(), $"{threads}", $"{(int)width}", $"{rate:F1}", $"{peak:F1}", $"{100 * rate / peak:F1} %");
                }
        }

        AnsiConsole.Write(table);
    }

    // Medians over the rounds; the peak is measured in each of them.
    static (double Rate, double Peak) Measure(WorkerPool pool, SimdWidth width, Shape shape)
    {
        using var gemm = Gemm.Create(pool, width);
        float* a = Random(shape.M * shape.K), b = Random(shape.K * shape.N), c = Random(shape.M * shape.N);
        using var packed = new PackedMatrix(shape.K, shape.N, gemm.PanelColumns);
        gemm.Pack(b, shape.N, transposed: false, packed);
        Multiply();
        var (rates, peaks) = (new double[Rounds], new double[Rounds]);
        for (var round = 0; round < Rounds; round++)
        {
            peaks[round] = FmaPeak.Measure(pool, width);
            var times = new List<double>();
            for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalSeconds < SecondsPerRound;)
            {
                var call = Stopwatch.GetTimestamp();
                Multiply();
                times.Add(Stopwatch.GetElapsedTime(call).TotalSeconds);
            }

            rates[round] = shape.Operations / StepBenchmark.Median(times) / 1e9;
        }

        AlignedMemory.Free(a);
        AlignedMemory.Free(b);
        AlignedMemory.Free(c);
        return (StepBenchmark.Median(rates), StepBenchmark.Median(peaks));

        void Multiply()
        {
            if (shape.LeftTransposed)
            {
                var pair = new WeightGradient(new Tensor((nint)a, shape.K, shape.M, shape.M), new Tensor((nint)c, shape.M, shape.N, shape.N));
                gemm.WeightGradients(&pair, 1, b, shape.N, null, shape.N, shape.K, accumulate: false);
            }
            else
            {
                gemm.Multiply(a, shape.K, shape.M, packed, null, c, shape.N, accumulate: false);
            }
        }
    }

    static float* Random(int count)
    {
        var values = (float*)AlignedMemory.Allocate((long)count * sizeof(float));
        var random = new Random(1);
        for (var i = 0; i < count; i++)
            values[i] = random.NextSingle() - 0.5f;
        return values;
    }
}
