using System.Text.Json;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>What a user of bf16 and of TF32 sees.</summary>
public class PrecisionTests
{
    static readonly string[] Small = ["--set", "lstm_units=8", "mlp_units=8", "latent_units=4", "batch_size=4"];

    static string[] Train(string run, params string[] more)
        => ["train", "--device", "soft", "--precision", "bf16", "--data", "images", "--run", run, "--steps", "4", .. Small, .. more];

    [Theory]
    [InlineData("--recurrence cudnn does not go with --precision bf16", "--precision", "bf16", "--recurrence", "cudnn")]
    [InlineData("--products means nothing with --precision fp32", "--precision", "fp32", "--products", "kernels")]
    [InlineData("--loop resident needs --precision bf16", "--precision", "tf32", "--loop", "resident")]
    [InlineData("--loop is 'once'; use steps or resident", "--precision", "bf16", "--loop", "once")]
    [InlineData("--products is 'both'; use library or kernels", "--precision", "bf16", "--products", "both")]
    [InlineData("--precision is 'fp16'; use tf32, bf16 or fp32", "--precision", "fp16")]
    public void Options_that_do_not_go_together_are_refused(string reason, params string[] options)
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable();
        var (code, _, error) = program.Run(["train", "--device", "soft", "--run", "a", "--steps", "1", .. Small, .. options]);
        Assert.Equal(2, code);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gpu_without_bf16_is_named_with_what_to_use_instead()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable { Variables = { ["SOFTGPU_COMPUTE_CAPABILITY"] = "75" } }.WithSmallImages();
        var (code, _, error) = program.Run(Train("a"));
        Assert.Equal(3, code);
        Assert.Contains("compute capability 7.5, which has no products of bf16", error, StringComparison.Ordinal);
        Assert.Contains("--precision fp32", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_judges_every_operation_and_tells_the_distance_to_float32()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable();
        string[] verify = ["verify", "--device", "soft", "--precision", "bf16", "--steps", "2", "--time-steps", "3"];
        var (code, output, _) = program.Run(verify);
        Assert.Equal(0, code);
        Assert.Contains("MultiplyLstmCellForward", output, StringComparison.Ordinal);
        Assert.Contains("Distance of whole steps from float32", output, StringComparison.Ordinal);
        Assert.Contains("agree: ", output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(program.Run([.. verify, "--json"]).Output);
        Assert.True(json.RootElement.GetProperty("agrees").GetBoolean());
        Assert.All(json.RootElement.GetProperty("operations").EnumerateArray(), operation => Assert.True(operation.GetProperty("agrees").GetBoolean()));
        var distances = json.RootElement.GetProperty("distance_to_float32").EnumerateArray();
        Assert.InRange(distances.Max(stage => stage.GetProperty("relative_l2").GetDouble()), 1e-4, 1);
    }

    [Fact]
    public void What_tune_measures_is_kept_and_chosen_by()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable().WithSmallImages();
        var table = program.At("cache/products.json");
        program.Variables["VBILSTM_PRODUCTS"] = table;
        var (code, output, _) = program.Run(["bench", "--device", "soft", "--precision", "bf16", "--tune", "--time-steps", "2", .. Small]);
        Assert.Equal(0, code);
        Assert.Contains("LstmCellForward", output, StringComparison.Ordinal);
        Assert.Contains($"kept in {table}", output, StringComparison.Ordinal);

        // The same choices, the same bits; they are read at every start.
        Assert.Equal(0, program.Run(Train("a")).Code);
        Assert.Equal(0, program.Run(Train("b")).Code);
        Assert.Equal(Weights("a"), Weights("b"));
        File.WriteAllText(table, "{}");
        var (damaged, _, error) = program.Run(Train("c"));
        Assert.Equal(3, damaged);
        Assert.Contains(table, error, StringComparison.Ordinal);
        Assert.Equal(0, program.Run(Train("d", "--products", "kernels")).Code);

        byte[] Weights(string run) => File.ReadAllBytes(program.At($"runs/{run}/checkpoints/last/weights.safetensors"));
    }

    [Fact]
    public void Tune_is_for_products_of_tf32_and_bf16()
    {
        using var program = new Executable();
        var (code, _, error) = program.Run("bench", "--tune");
        Assert.Equal(2, code);
        Assert.Contains("--device cuda with --precision tf32 or bf16", error, StringComparison.Ordinal);
    }
}
