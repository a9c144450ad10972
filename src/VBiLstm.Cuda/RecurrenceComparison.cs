using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>What one shape of a recurrence came to: the largest error of each tensor relative to its largest value.</summary>
/// <param name="Shape">Direction, steps, batch, inputs, units, and whether the sequences are ragged.</param>
/// <param name="Errors">By tensor.</param>
sealed record RecurrenceDifference(string Shape, IReadOnlyList<(string Tensor, double Error)> Errors)
{
    public (string Tensor, double Error) Worst => Errors.MaxBy(error => double.IsNaN(error.Error) ? double.PositiveInfinity : error.Error);
}

/// <summary>The project's own recurrences against cuDNN's, on random shapes: states, and every gradient.</summary>
static class RecurrenceComparison
{
    const float Scale = 0.4f;

    /// <summary>Compares on <paramref name="count"/> shapes drawn from <paramref name="seed"/>.</summary>
    /// <param name="options">Which GPU and precision; recurrence is ignored.</param>
    /// <param name="count">Number of shapes.</param>
    /// <param name="seed">Seed of shapes and values.</param>
    /// <exception cref="CudaException">There is no GPU or no cuDNN.</exception>
    public static IEnumerable<RecurrenceDifference> Run(CudaOptions options, int count, int seed)
    {
        using var kernels = new CudaDevice(options with { Recurrence = CudaRecurrence.Kernels });
        using var cudnn = new CudaDevice(options with { Recurrence = CudaRecurrence.Cudnn });
        for (var i = 0; i < count; i++)
        {
            var random = new Random(seed + i);
            var (steps, batch, inputs, units) = (random.Next(1, 20), random.Next(1, 18), random.Next(1, 40), random.Next(1, 40));
            var (direction, ragged) = ((LstmDirection)(i % 2), i % 2 == (int)LstmDirection.Backward && i % 4 < 2);
            var shape = $"{direction}, T {steps}, B {batch}, E {inputs}, H {units}{(ragged ? ", ragged" : "")}";
            var ours = Compute(kernels, direction, ragged, steps, batch, inputs, units, seed + i);
            var theirs = Compute(cudnn, direction, ragged, steps, batch, inputs, units, seed + i);
            yield return new RecurrenceDifference(shape, [.. ours.Zip(theirs, (a, b) => (a.Name, Error(a.Values, b.Values)))]);
        }
    }

    /// <summary>Runs a small recurrence forward and backward on a device.</summary>
    /// <exception cref="CudaException">It fails, or its results are not finite.</exception>
    internal static void Try(CudaDevice device)
    {
        const int steps = 2, batch = 8, inputs = 16, units = 16;
        var results = Compute(device, LstmDirection.Forward, ragged: false, steps, batch, inputs, units, seed: 1);
        if (results.FirstOrDefault(result => !result.Values.All(float.IsFinite)) is { Name: { } name })
            throw new CudaException($"A small LSTM's {name} came out as no number.");
    }

    static double Error(float[] a, float[] b)
    {
        double largest = 0, worst = 0;
        for (var i = 0; i < a.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(b[i]));
            var difference = Math.Abs((double)a[i] - b[i]);
            worst = difference <= worst ? worst : difference;
        }

        return worst == 0 ? 0 : worst / largest;
    }

    struct Buffers
    {
        public Tensor Input, InputWeight, Recurrent, Bias, Gates, H, C, TanhC, Validity, DH, DInputWeight, DRecurrent, DBias, DInput, DHRecurrent, DC;
    }

    static List<(string Name, float[] Values)> Compute(CudaDevice device, LstmDirection direction, bool ragged, int n, int b, int e, int h, int seed)
    {
        using var arena = Arena.Create(device, "a recurrence", a => new Buffers
        {
            Input = a.Take(n * b, e),
            InputWeight = a.Take(e, 4 * h),
            Recurrent = a.Take(h, 4 * h),
            Bias = a.Take(1, 4 * h),
            Gates = a.Take(n * b, 4 * h),
            H = a.Take((n + 1) * b, h),
            C = a.Take((n + 1) * b, h),
            TanhC = a.Take(n * b, h),
            Validity = ragged ? a.Take(n * b, 1) : default,
            DH = a.Take(n * b, h),
            DInputWeight = a.Take(e, 4 * h),
            DRecurrent = a.Take(h, 4 * h),
            DBias = a.Take(1, 4 * h),
            DInput = a.Take(n * b, e),
            DHRecurrent = a.Take(b, h),
            DC = a.Take(b, h),
        }, out var x);
        var random = new Random(seed);
        foreach (var tensor in new[] { x.Input, x.InputWeight, x.Recurrent, x.Bias, x.DH })
            device.Upload([.. Enumerable.Range(0, (int)tensor.Count).Select(_ => Scale * (2 * random.NextSingle() - 1))], tensor);

        // Ragged rows start from zero, as the model's do: a given state would pass through the padding here and not there.
        var initial = direction == LstmDirection.Forward ? 0 : n;
        foreach (var state in new[] { x.H, x.C })
            device.Upload([.. Enumerable.Range(0, b * h).Select(_ => ragged ? 0 : Scale * (2 * random.NextSingle() - 1))], state.RowRange(initial * b, b));
        if (ragged)
        {
            int[] lengths = [.. Enumerable.Range(0, b).Select(_ => random.Next(n + 1))];
            device.Upload([.. Enumerable.Range(0, n * b).Select(i => i / b < lengths[i % b] ? 1f : 0f)], x.Validity);
        }

        using var inputWeight = device.CreateWeight(x.InputWeight, WeightUse.Forward | WeightUse.Transposed);
        using var recurrent = device.CreateWeight(x.Recurrent, WeightUse.Forward | WeightUse.Transposed);
        using var sequence = new LstmSequence
        {
            Direction = direction,
            Steps = n,
            BatchSize = b,
            Input = x.Input,
            InputWeight = inputWeight,
            Bias = x.Bias,
            Recurrent = recurrent,
            Gates = x.Gates,
            H = x.H,
            C = x.C,
            TanhC = x.TanhC,
            Validity = x.Validity,
            DH = x.DH,
            DInputWeight = x.DInputWeight,
            DRecurrent = x.DRecurrent,
            DBias = x.DBias,
            DInput = x.DInput,
            DHRecurrent = x.DHRecurrent,
            DC = x.DC,
        };
        device.Prepare(sequence);
        device.LstmSequenceForward(sequence);
        device.LstmSequenceBackward(sequence);
        var results = new List<(string Name, float[] Values)>();
        foreach (var (name, tensor) in new[]
        {
            ("h", x.H), ("dW_x", x.DInputWeight), ("dU", x.DRecurrent), ("db", x.DBias), ("dx", x.DInput),
            ("dh_0", ragged ? default : x.DHRecurrent), ("dc_0", ragged ? default : x.DC),
        })
        {
            if (tensor.IsEmpty)
                continue;
            var values = new float[tensor.Count];
            device.Download(tensor, values);
            results.Add((name, values));
        }

        return results;
    }
}
