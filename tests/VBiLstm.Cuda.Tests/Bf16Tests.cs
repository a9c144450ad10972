using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Tests.Devices;
using VBiLstm.Tests.Model;
using VBiLstm.Tests.Oracle;
using VBiLstm.Verification;
using VBiLstm.Verification.Operations;

namespace VBiLstm.Cuda.Tests;

/// <summary>Products of bf16: what is rounded, where, and that nothing else is.</summary>
public class Bf16Tests
{
    static CudaDevice Create(CudaProducts products = CudaProducts.Automatic)
        => new(Gpu.Options(precision: CudaPrecision.Bf16) with { Products = products });

    static void AssertAgrees(IEnumerable<OperationDifference> differences)
        => Assert.All(differences, difference => Assert.True(difference.Agrees, difference.ToString()));

    // Powers of two are themselves in every precision; between 1 and 2, bf16 has steps of 2^-7, and a tie goes to the even neighbour.
    [Theory]
    [InlineData(1.00390625f, 1)]
    [InlineData(1.01171875f, 1.015625f)]
    [InlineData(1.00390637f, 1.0078125f)]
    [InlineData(-1.01171875f, -1.015625f)]
    [InlineData(3.3961776e38f, float.PositiveInfinity)]
    [InlineData(1e-40f, 9.1835496e-41f)]
    [InlineData(float.NegativeInfinity, float.NegativeInfinity)]
    [InlineData(float.NaN, float.NaN)]
    public void An_operand_is_the_nearest_number_of_bf16(float value, float expected)
    {
        using var device = Create();
        using var arena = Arena.Create(device, "operands", a => (a.Take(3, 5, Readers.All), a.Take(3, 5, Readers.Products)), out var tensors);
        float[] values = [.. Enumerable.Repeat(value, 15)], read = new float[15];
        device.Upload(values, tensors.Item1);
        device.Upload(values, tensors.Item2);
        foreach (var operand in new[] { tensors.Item1 with { Address = 0 }, tensors.Item2 })
        {
            device.Download(operand, read);
            Assert.All(read, actual => Assert.Equal(expected, actual));
        }
    }

    [Fact]
    public void A_product_reads_rounded_operands_and_gives_float32()
    {
        const int rows = 33, inner = 65, columns = 17;
        using var device = Create();
        using var arena = Arena.Create(device, "a product", a => (X: a.Take(rows, inner, Readers.All), W: a.Take(inner, columns, Readers.All),
            Bias: a.Take(1, columns), Y: a.Take(rows, columns)), out var at);
        var random = new Random(3);
        float[] Random(Tensor tensor) => [.. Enumerable.Range(0, (int)tensor.Count).Select(_ => 2 * random.NextSingle() - 1)];
        var (x, w, bias) = (Random(at.X), Random(at.W), Random(at.Bias));
        device.Upload(x, at.X);
        device.Upload(w, at.W);
        device.Upload(bias, at.Bias);
        using var weight = device.CreateWeight(at.W, WeightUse.Forward);
        device.Multiply(at.X, weight, at.Bias, at.Y, accumulate: false);
        var actual = new float[rows * columns];
        device.Download(at.Y, actual);

        // Rounded with arithmetic only.
        static double Rounded(double value)
        {
            var exponent = Math.ILogB(value);
            return Math.ScaleB(Math.Round(Math.ScaleB(value, 7 - exponent), MidpointRounding.ToEven), exponent - 7);
        }

        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                var sum = (double)bias[j];
                for (var k = 0; k < inner; k++)
                    sum += Rounded(x[i * inner + k]) * Rounded(w[k * columns + j]);
                Assert.Equal(sum, actual[i * columns + j], 1e-5);
            }
        }
    }

    [Fact]
    public void A_product_of_a_tensor_without_an_operand_is_refused()
    {
        using var device = Create();
        using var arena = Arena.Create(device, "a product", a => (X: a.Take(4, 4), W: a.Take(4, 4, Readers.All), Y: a.Take(4, 4)), out var at);
        using var weight = device.CreateWeight(at.W, WeightUse.Forward);
        var e = Assert.Throws<InvalidOperationException>(() => device.Multiply(at.X, weight, default, at.Y, accumulate: false));
        Assert.Contains("[4, 4]", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(OracleCases.Files), MemberType = typeof(OracleCases))]
    public void Every_operation_of_a_golden_case_agrees_with_a_twin_that_rounds_the_same_operands(string file)
    {
        var oracle = new OracleCase(file);
        foreach (var inputGradient in new[] { true, false })
        {
            using var device = Create(inputGradient ? CudaProducts.Kernels : CudaProducts.Library);
            using var reference = new CpuDevice(1);
            using var both = new LockstepDevice(device, reference);
            using var run = new OracleRun(both, oracle, inputGradient);
            var values = run.Run();
            AssertAgrees(both.Differences);

            // And what is rounded is all that separates the loss from the golden one.
            var expected = oracle.Tensor("loss.total")[0];
            Assert.Equal(expected, values["loss.total"][0], 0.02 * Math.Abs(expected) + 0.02);
        }
    }

    [Theory]
    [MemberData(nameof(DeviceRandomConfigurationTests.ComparedSeeds), MemberType = typeof(DeviceRandomConfigurationTests))]
    public void Every_operation_of_any_model_agrees(int seed)
    {
        var random = new Random(3000 + seed);
        var configuration = new RunConfiguration
        {
            Seed = seed,
            Model = DeviceRandomConfigurationTests.DrawCompared(random),
            Training = new TrainingConfiguration { BatchSize = random.Next(1, 6), LearningRate = 0.01 },
        };
        using var device = Create(seed % 4 == 3 ? CudaProducts.Library : CudaProducts.Kernels);
        using var reference = new CpuDevice(1);
        AssertAgrees(OperationComparison.Run(reference, device, configuration, random.Next(1, 7), steps: 3,
            cancellation: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Evaluation_and_prior_mode_stay_near_float32()
    {
        var configuration = SmallTraining.Configuration();
        using var fp32 = Gpu.Create(CudaRecurrence.Kernels);
        using var bf16 = Create();
        var exact = SmallTraining.Train(fp32, ModelKind.VariationalBiLstm, [4, 4, 9], [1, 2, 9]);
        var rounded = SmallTraining.Train(bf16, ModelKind.VariationalBiLstm, [4, 4, 9], [1, 2, 9]);
        var (distance, size) = (0.0, 0.0);
        for (var i = 0; i < exact.Length; i++)
            (distance, size) = (distance + Math.Pow(exact[i] - rounded[i], 2), size + Math.Pow(exact[i], 2));
        Assert.InRange(Math.Sqrt(distance / size), 1e-8, 0.05);
    }
}
