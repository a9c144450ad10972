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
            LstmDirection[] directions = (i % 3) switch
            {
                0 => [LstmDirection.Forward],
                1 => [LstmDirection.Backward],
                _ => [LstmDirection.Forward, LstmDirection.Backward],
            };
            var ragged = i % 6 == 1;
            var shape = $"{string.Join(" and ", directions)}, T {steps}, B {batch}, E {inputs}, H {units}{(ragged ? ", ragged" : "")}";
            var ours = Compute(kernels, directions, ragged, steps, batch, inputs, units, seed + i);
            var theirs = Compute(cudnn, directions, ragged, steps, batch, inputs, units, seed + i);
            yield return new RecurrenceDifference(shape, [.. ours.Zip(theirs, (a, b) => (a.Name, Error(a.Values, b.Values)))]);
        }
    }

    /// <summary>Runs a small recurrence of one or both directions forward and backward on a device.</summary>
    /// <exception cref="CudaException">It fails, or its results are not finite.</exception>
    internal static void Try(CudaDevice device, params LstmDirection[] directions)
    {
        const int steps = 2, batch = 8, inputs = 16, units = 16;
        var results = Compute(device, directions, ragged: false, steps, batch, inputs, units, seed: 1);
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
        public Tensor InputWeight, Recurrent, Bias, Gates, H, C, TanhC, DH, DInputWeight, DRecurrent, DBias, DHRecurrent, DC;
    }

    static List<(string Name, float[] Values)> Compute(CudaDevice device, LstmDirection[] directions, bool ragged, int n, int b, int e, int h, int seed)
    {
        using var arena = Arena.Create(device, "a recurrence", a => (Input: a.Take(n * b, e), DInput: a.Take(n * b, e),
            Validity: ragged ? a.Take(n * b, 1) : default, Each: directions.Select(_ => new Buffers
            {
                InputWeight = a.Take(e, 4 * h),
                Recurrent = a.Take(h, 4 * h),
                Bias = a.Take(1, 4 * h),
                Gates = a.Take(n * b, 4 * h),
                H = a.Take((n + 1) * b, h),
                C = a.Take((n + 1) * b, h),
                TanhC = a.Take(n * b, h),
                DH = a.Take(n * b, h),
                DInputWeight = a.Take(e, 4 * h),
                DRecurrent = a.Take(h, 4 * h),
                DBias = a.Take(1, 4 * h),
                DHRecurrent = a.Take(b, h),
                DC = a.Take(b, h),
            }).ToArray()), out var x);
        var random = new Random(seed);
        float Next() => Scale * (2 * random.NextSingle() - 1);
        void Draw(Tensor tensor) => device.Upload([.. Enumerable.Range(0, (int)tensor.Count).Select(_ => Next())], tensor);

        Draw(x.Input);
        if (ragged)
        {
            int[] lengths = [.. Enumerable.Range(0, b).Select(_ => random.Next(n + 1))];
            device.Upload([.. Enumerable.Range(0, n * b).Select(i => i / b < lengths[i % b] ? 1f : 0f)], x.Validity);
        }

        using var releases = new Releases();
        var sequences = directions.Zip(x.Each, (direction, own) =>
        {
            foreach (var tensor in new[] { own.InputWeight, own.Recurrent, own.Bias, own.DH })
                Draw(tensor);

            // Of two directions the forward one reads a step less, as the model's does.
            var steps = directions.Length == 2 && direction == LstmDirection.Forward ? Math.Max(1, n - 1) : n;

            // Ragged rows start from zero, as the model's do: a given state would pass through the padding here and not there.
            var initial = direction == LstmDirection.Forward ? 0 : steps;
            foreach (var state in new[] { own.H, own.C })
                device.Upload([.. Enumerable.Range(0, b * h).Select(_ => ragged ? 0 : Next())], state.RowRange(initial * b, b));
            return releases.Add(new LstmSequence
            {
                Direction = direction,
                Steps = steps,
                BatchSize = b,
                Input = x.Input,
                InputWeight = releases.Add(device.CreateWeight(own.InputWeight, WeightUse.Forward | WeightUse.Transposed)),
                Bias = own.Bias,
                Recurrent = releases.Add(device.CreateWeight(own.Recurrent, WeightUse.Forward | WeightUse.Transposed)),
                Gates = own.Gates,
                H = own.H,
                C = own.C,
                TanhC = own.TanhC,
                Validity = x.Validity,
                DH = own.DH,
                DInputWeight = own.DInputWeight,
                DRecurrent = own.DRecurrent,
                DBias = own.DBias,
                DInput = x.DInput,
                AddsToDInput = directions.Length == 2 && direction == LstmDirection.Backward,
                DHRecurrent = own.DHRecurrent,
                DC = own.DC,
            });
        }).ToArray();
        if (sequences is [var forward, var backward])
        {
            var both = releases.Add(new BidirectionalLstm { Forward = forward, Backward = backward });
            device.PrepareBidirectional(both);
            device.BidirectionalForward(both);
            device.BidirectionalBackward(both);
        }
        else
        {
            device.Prepare(sequences[0]);
            device.LstmSequenceForward(sequences[0]);
            device.LstmSequenceBackward(sequences[0]);
        }

        List<(string Name, float[] Values)> results = [("dx", Values(x.DInput))];
        foreach (var (direction, own) in directions.Zip(x.Each))
        {
            foreach (var (name, tensor) in new[]
            {
                ("h", own.H), ("dW_x", own.DInputWeight), ("dU", own.DRecurrent), ("db", own.DBias),
                ("dh_0", ragged ? default : own.DHRecurrent), ("dc_0", ragged ? default : own.DC),
            })
            {
                if (!tensor.IsEmpty)
                    results.Add((directions.Length == 1 ? name : $"{name} {direction}", Values(tensor)));
            }
        }

        return results;

        float[] Values(Tensor tensor)
        {
            var values = new float[tensor.Count];
            device.Download(tensor, values);
            return values;
        }
    }
}
