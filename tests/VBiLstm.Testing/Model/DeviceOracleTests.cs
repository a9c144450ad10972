using VBiLstm.Devices;
using VBiLstm.Tests.Oracle;

namespace VBiLstm.Tests.Model;

/// <summary>The training step of a device against golden vectors that autograd made in float64.</summary>
public abstract class DeviceOracleTests
{
    /// <summary>Makes every kind of the device under test, one after the other.</summary>
    protected abstract IEnumerable<Func<Device>> Devices { get; }

    /// <summary>Largest error relative to the largest value of a tensor.</summary>
    protected abstract double Tolerance { get; }

    [Theory]
    [MemberData(nameof(OracleCases.Files), MemberType = typeof(OracleCases))]
    public void Every_value_loss_and_gradient_agrees(string file)
    {
        var oracle = new OracleCase(file);
        foreach (var create in Devices)
        {
            using var device = create();
            using (var run = new OracleRun(device, oracle))
                AssertAgrees(device, oracle, run, []);
        }
    }

    [Theory]
    [MemberData(nameof(OracleCases.Files), MemberType = typeof(OracleCases))]
    public void It_agrees_when_memory_is_saved(string file)
    {
        var oracle = new OracleCase(file);
        foreach (var create in Devices)
        {
            using var device = create();
            using (var projectsVocabulary = new OracleRun(device, oracle, inputGradient: false))
                AssertAgrees(device, oracle, projectsVocabulary, ["value.embedded", "grad.embedded"]);
            foreach (var steps in new[] { 1, 2 })
                using (var outputsInParts = new OracleRun(device, oracle, maximumOutputs: steps * oracle.B * oracle.Model.OutputSize))
                    AssertAgrees(device, oracle, outputsInParts, ["value.output", "grad.output"]);
        }
    }

    void AssertAgrees(Device device, OracleCase oracle, OracleRun run, string[] absent)
    {
        var actual = run.Run();
        var failures = new List<string>();
        foreach (var name in oracle.Expectations)
        {
            var expected = oracle.Tensor(name);
            if (!actual.TryGetValue(name, out var values))
            {
                Assert.True(
                    absent.Contains(name) || MayBeAbsent(name, oracle) || (device.OpaqueRecurrences && IsInsideRecurrence(name, oracle)),
                    $"{name} of the oracle is not computed.");
                continue;
            }

            var (error, index) = Comparison.Error(values, expected, oracle.RowValidity(name));
            if (!(error <= Tolerance))
                failures.Add($"{device.Name}: {name}: {error:E2} at {index}: {values[index]:R} instead of {expected[index]:R}");
        }

        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    // An opaque recurrence keeps its cells to itself.
    static bool IsInsideRecurrence(string name, OracleCase oracle)
        => name == "value.backward_c" || (name == "value.c" && !oracle.Model.HasChannel);

    // With weight 0 the xi net is left out of the step, and the activity is not summed.
    static bool MayBeAbsent(string name, OracleCase oracle)
        => (oracle.Model.Beta == 0 && (name.StartsWith("value.xi.", StringComparison.Ordinal) || name == "loss.log_p_xi"))
            || (oracle.Model.Gamma == 0 && name == "loss.activity");
}
