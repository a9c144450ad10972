namespace VBiLstm.Cli.Tests;

/// <summary>What a user sees when a GPU is missing, too old, too small, or dies: one clear line, exit code 3, and nothing lost of the run.</summary>
public class DeviceFailureTests
{
    static readonly string[] SmallModel = ["--set", "lstm_units=8", "mlp_units=8", "latent_units=4", "batch_size=4"];

    static string[] Train(params string[] more) => ["train", "--run", "a", "--steps", "8", .. SmallModel, .. more];

    public static TheoryData<string, string, string> Machines => new()
    {
        { "SOFTGPU_DEVICES", "0", "found no GPU" },
        { "SOFTGPU_DRIVER_VERSION", "11080", "The driver supports CUDA 11.8" },
        { "SOFTGPU_COMPUTE_CAPABILITY", "61", "compute capability 6.1" },
        { "SOFTGPU_CUDNN_VERSION", "7605", "cuDNN 7.6.5 is too old" },
        { "SOFTGPU_MEMORY", "30000000", "needs 34 MB, but Software GPU has" },
        { "SOFTGPU_FAIL_ALLOCATION", "4", "MB free of" },
        { "SOFTGPU_FAIL_GRAPH", "1", "cuGraphInstantiateWithFlags failed while preparing a step's graph" },
        { "VBILSTM_KERNELS", "nowhere.fatbin", "The kernels cannot be read from nowhere.fatbin" },
    };

    [Theory]
    [MemberData(nameof(Machines))]
    public void A_gpu_that_cannot_train_is_named_with_its_reason(string variable, string value, string reason)
    {
        using var program = new Executable { Variables = { [variable] = value } };
        var (code, _, error) = program.Run(Train("--device", "soft"));
        Assert.Equal(3, code);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_without_nvidia_s_driver_hears_what_was_tried_and_what_else_there_is()
    {
        using var program = new Executable { Variables = { ["VBILSTM_CUDA_LIBRARIES"] = "/nowhere" } };
        var (code, _, error) = program.Run(Train("--device", "cuda"));
        if (code == 0)
            Assert.Skip("This machine has a GPU.");
        Assert.Equal(3, code);
        Assert.True(error.Contains("/nowhere/libcuda.so.1", StringComparison.Ordinal) || error.Contains("no GPU", StringComparison.Ordinal), error);
    }

    [Fact]
    public void The_real_driver_on_a_machine_without_a_gpu_says_so()
    {
        var cache = Environment.GetEnvironmentVariable("VBILSTM_NVCC_CACHE")
            ?? Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "vbilstm");
        var folder = Path.Combine(cache, "entry-points");
        if (!File.Exists(Path.Combine(folder, "libcuda.so.1")))
            Assert.Skip("NVIDIA's driver library is not here; scripts/check-entry-points.sh unpacks it.");
        using var program = new Executable { Variables = { ["VBILSTM_CUDA_LIBRARIES"] = folder } };
        var (code, _, error) = program.Run(Train("--device", "cuda"));
        if (code == 0)
            Assert.Skip("This machine has a GPU.");
        Assert.Equal(3, code);
        Assert.Contains("CUDA_ERROR_NO_DEVICE", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SOFTGPU_FAIL_LAUNCH", "CUDA_ERROR_LAUNCH_FAILED")]
    [InlineData("SOFTGPU_LOSE_DEVICE", "CUDA_ERROR_DEVICE_UNAVAILABLE")]
    public void A_gpu_that_dies_on_the_way_leaves_the_run_where_its_last_checkpoint_is(string variable, string reason)
    {
        using var program = new Executable { Variables = { [variable] = "1500" } };
        var (code, _, error) = program.Run(Train("--device", "soft", "--set", "training.checkpoint_every=1", "training.evaluate_every=0"));
        Assert.Equal(3, code);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.Contains("--resume runs/a", error.Replace('\\', '/'), StringComparison.Ordinal);
        program.Variables.Clear();
        var (resumed, _, why) = program.Run("train", "--resume", "runs/a");
        Assert.True(resumed == 0, why);
    }

    [Fact]
    public void Doctor_says_what_is_there_what_was_tried_and_what_is_missing()
    {
        using var program = new Executable();
        var (code, output, _) = program.Run("doctor", "--device", "soft");
        Assert.Equal(0, code);
        foreach (var part in new[] { "libcuda.so.1", "CUDA 12.4", "Software GPU", "cublas", "cudnn", "9.1.0", "vbilstm_kernels.fatbin" })
            Assert.Contains(part, output, StringComparison.Ordinal);
        program.Variables["VBILSTM_CUDA_LIBRARIES"] = "/nowhere";
        var machine = program.Run("doctor");
        Assert.Equal(0, machine.Code);
        Assert.Contains("/nowhere/libnccl.so.2", machine.Output, StringComparison.Ordinal);
        program.Variables["SOFTGPU_DEVICES"] = "0";
        Assert.Equal(3, program.Run("doctor", "--device", "soft").Code);
    }
}
