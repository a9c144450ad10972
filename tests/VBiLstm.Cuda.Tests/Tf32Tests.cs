using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Tests.Model;
using VBiLstm.Tests.Oracle;
using VBiLstm.Verification.Operations;

namespace VBiLstm.Cuda.Tests;

/// <summary>Products of TF32: what is rounded, where, and that nothing else is.</summary>
[Collection(nameof(SeedOfTheGpu))]
public class Tf32Tests
{
    // NVIDIA's libraries do not say how they round.
    static void RequireKnownRounding() => Assert.SkipUnless(Gpu.IsSoftware, "Only the software GPU rounds to TF32 in a known way.");

    // To the nearest, ties away from zero.
    static float Round(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsFinite(value) ? BitConverter.UInt32BitsToSingle((bits + 0x1000) & ~0x1fffu) : value;
    }

    static CudaDevice Create() => new(Gpu.Options(CudaRecurrence.Kernels, CudaPrecision.Tf32) with { Products = CudaProducts.Kernels });

    static void AssertAgrees(IEnumerable<OperationDifference> differences)
        => Assert.All(differences, difference => Assert.True(difference.Agrees, difference.ToString()));

    [Theory]
    [MemberData(nameof(OracleCases.Files), MemberType = typeof(OracleCases))]
    public void Every_operation_of_a_golden_case_agrees_with_a_twin_that_rounds_the_same_operands(string file)
    {
        RequireKnownRounding();
        var oracle = new OracleCase(file);
        using var device = Create();
        using var reference = new CpuDevice(1);
        using var both = new LockstepDevice(device, reference, Round);
        using var run = new OracleRun(both, oracle, inputGradient: true);
        var values = run.Run();
        AssertAgrees(both.Differences);

        // And what is rounded is all that separates the loss from the golden one.
        var expected = oracle.Tensor("loss.total")[0];
        Assert.Equal(expected, values["loss.total"][0], 0.0025 * Math.Abs(expected) + 0.0025);
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.Lstm)]
    public void Graph_and_order_of_execution_do_not_change_a_bit(ModelKind kind)
    {
        static float[] Train(ModelKind kind, bool graph = true)
        {
            using var device = Gpu.Create(CudaRecurrence.Kernels, CudaPrecision.Tf32, graph);
            return SmallTraining.Train(device, kind, [4, 4, 9, 4], [2]);
        }

        var expected = Train(kind);
        Assert.Equal(expected, Train(kind, graph: false));
        if (!Gpu.IsSoftware)
            return;
        try
        {
            for (var seed = 1; seed <= 3; seed++)
            {
                SoftwareGpu.Seed(seed);
                Assert.Equal(expected, Train(kind));
            }
        }
        finally
        {
            SoftwareGpu.Seed(0);
        }
    }

    [Theory]
    [MemberData(nameof(DeviceRandomConfigurationTests.ComparedSeeds), MemberType = typeof(DeviceRandomConfigurationTests))]
    public void Every_operation_of_any_model_agrees(int seed)
    {
        RequireKnownRounding();
        var random = new Random(4000 + seed);
        var configuration = new RunConfiguration
        {
            Seed = seed,
            Model = DeviceRandomConfigurationTests.DrawCompared(random),
            Training = new TrainingConfiguration { BatchSize = random.Next(1, 6), LearningRate = 0.01 },
        };
        using var device = Create();
        using var reference = new CpuDevice(1);
        AssertAgrees(OperationComparison.Run(reference, device, configuration, random.Next(1, 7), steps: 2, Round, TestContext.Current.CancellationToken));
    }
}
