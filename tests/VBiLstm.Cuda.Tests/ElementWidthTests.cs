using VBiLstm.Devices;

namespace VBiLstm.Cuda.Tests;

/// <summary>Element-wise kernels give a thread one element of a tensor that leaves a GPU idle, and four of a larger one.</summary>
public class ElementWidthTests
{
    const int Few = 3, N = 37;

    [Fact]
    public void A_row_has_the_same_bits_in_a_small_tensor_and_in_a_large_one()
    {
        using var device = Gpu.Create(CudaRecurrence.Kernels);
        var many = device.Gpu.Multiprocessors * 1024 / N / Few * Few + Few;
        var (small, large) = (Run(device, Few), Run(device, many));
        foreach (var (name, columns, values) in small)
        {
            Assert.All(values, value => Assert.True(float.IsFinite(value), name));
            var actual = large.Single(result => result.Name == name).Values;
            for (var row = 0; row < many; row += Few)
                Assert.True(values.AsSpan().SequenceEqual(actual.AsSpan(row * columns, Few * columns)), $"{name}, from row {row}");
        }
    }

    // A cell forward and backward, a sample and its gradient, a hidden layer's activation; the inputs' rows repeat every few.
    static List<(string Name, int Columns, float[] Values)> Run(Device device, int rows)
    {
        var tensors = new List<(string Name, Tensor Tensor)>();
        using var arena = Arena.Create(device, "a test", arena =>
        {
            tensors.Clear();
            foreach (var (name, columns) in (ReadOnlySpan<(string, int)>)[("gates", 4 * N), ("addend", 4 * N), ("c_previous", N), ("c", N), ("tanh_c", N),
                ("h", N), ("dh", N), ("dc", N), ("output", 2 * N), ("noise", N), ("sample", N), ("d_moments", 2 * N), ("d_output", 2 * N), ("hidden", N)])
                tensors.Add((name, arena.Take(rows, columns)));
            return tensors;
        }, out _);
        var random = new Random(1);
        foreach (var (_, tensor) in tensors)
        {
            var pattern = new float[Few * tensor.Columns];
            foreach (ref var value in pattern.AsSpan())
                value = 4 * random.NextSingle() - 2;
            device.Upload([.. Enumerable.Repeat(pattern, rows / Few).SelectMany(values => values)], tensor);
        }

        var head = new GaussianHead(-6, 4, true);
        var phi = new LeakyRelu(0.1f, 1.5f);
        device.LstmCellForward(Get("gates"), Get("addend"), Get("c_previous"), default, Get("c"), Get("tanh_c"), Get("h"));
        device.LeakyReluForward(Get("h"), Get("c"), Get("hidden"), phi);
        device.LeakyReluBackward(Get("dh"), Get("hidden"), Get("dh"), default, default, phi);
        device.SampleGaussianForward(Get("output"), Get("noise"), Get("sample"), head);
        device.SampleGaussianBackward(Get("sample"), Get("dh"), Get("noise"), Get("d_moments"), Get("output"), head);
        device.LstmCellBackward(Get("gates"), Get("c_previous"), Get("tanh_c"), Get("dh"), Get("sample"), default, Get("dc"));
        return
        [
            .. tensors.Select(tensor =>
            {
                var values = new float[tensor.Tensor.Count];
                device.Download(tensor.Tensor, values);
                return (tensor.Name, tensor.Tensor.Columns, values);
            }),
        ];

        Tensor Get(string name) => tensors.Single(tensor => tensor.Name == name).Tensor;
    }
}
