using System.Runtime.InteropServices;
using System.Text.Json;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>What a user sees when a GPU is missing, too old, too small, or dies: one clear line, exit code 3, and nothing lost of the run.</summary>
public class DeviceFailureTests
{
    static readonly string[] SmallModel = ["--set", "lstm_units=8", "mlp_units=8", "latent_units=4", "batch_size=4"];

    // Whose products of few rows take the software GPU less time than those of the kernels.
    static readonly string[] SoftOnDigits = ["--device", "soft", "--products", "library"], Soft = [.. SoftOnDigits, "--data", "images"];

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
        SoftwareGpuBuild.Require();
        using var program = new Executable { Variables = { [variable] = value } }.WithSmallImages();
        var (code, _, error) = program.Run(Train([.. Soft, "--recurrence", "cudnn"]));
        Assert.Equal(3, code);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_does_not_fit_is_refused_before_anything_is_allocated()
    {
        SoftwareGpuBuild.Require();
        // Room for the device's own buffers and little more.
        using var program = new Executable { Variables = { ["SOFTGPU_MEMORY"] = "90000000" } };
        var (code, output, error) = program.Run("train", "--device", "soft", "--run", "a", "--steps", "2", "--set", "lstm_units=256", "mlp_units=256",
            "batch_size=32");
        Assert.Equal(3, code);
        const string Parts = @"[\d.]+ MB parameters, gradients and moments, [\d.]+ MB activations, [\d.]+ MB for recurrences";
        Assert.Matches($@"^vbilstm: Training needs \d+ MB: {Parts}, but soft .* has \d+ MB free", error);
        Assert.Empty(output);
        Assert.False(Directory.Exists(program.At("runs")), "Nothing may be written.");
    }

    [Fact]
    public void A_run_that_does_not_fit_on_another_gpu_stays_as_it_was()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable();
        Assert.Contains("MB free", program.Run(Train([.. SoftOnDigits, "--set", "lstm_units=128", "mlp_units=128", "batch_size=16"])).Output,
            StringComparison.Ordinal);
        var before = File.ReadAllBytes(program.At("runs/a/checkpoints/last/weights.safetensors"));
        program.Variables["SOFTGPU_MEMORY"] = "99000000";
        var (code, _, error) = program.Run("train", "--resume", "runs/a", "--steps", "10", "--device", "soft");
        Assert.Equal(3, code);
        Assert.Contains("Training needs", error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(program.At("runs/a/checkpoints/last/weights.safetensors")));
        var (resumed, _, why) = program.Run("train", "--resume", "runs/a", "--steps", "10");
        Assert.True(resumed == 0, why);
    }

    [Fact]
    public void Without_cudnn_the_kernels_run_the_recurrences_and_say_so_unless_cudnn_was_asked_for()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable().WithSmallImages();
        var folder = Directory.CreateDirectory(program.At("softgpu")).FullName;
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "softgpu")))
            if (!Path.GetFileName(file).StartsWith("libcudnn", StringComparison.Ordinal))
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        program.Variables["VBILSTM_SOFTGPU"] = folder;

        var (asked, _, refusal) = program.Run(Train([.. Soft, "--recurrence", "cudnn"]));
        Assert.Equal(3, asked);
        Assert.Contains("The library cudnn was not found; tried", refusal, StringComparison.Ordinal);
        Assert.Contains("--recurrence kernels", refusal, StringComparison.Ordinal);

        var (code, output, notice) = program.Run(Train(Soft));
        Assert.Equal(0, code);
        Assert.Contains("cuDNN was not found", notice, StringComparison.Ordinal);
        Assert.Contains("kernels' recurrences", output, StringComparison.Ordinal);

        var doctor = program.Run("doctor", "--device", "soft");
        Assert.Equal(0, doctor.Code);
        Assert.Matches($"(?m)^-- cuDNN +missing: .*slower; tried {Path.Combine(folder, "libcudnn.so.9")}", doctor.Output);
    }

    [Theory]
    [InlineData("SOFTGPU_FAIL_CUDNN", "1", "CUDNN_STATUS_NOT_SUPPORTED")]
    [InlineData("SOFTGPU_FAIL_CUDNN", "2", "cudnnCreate failed")]
    [InlineData("SOFTGPU_CUDNN_CUDART_VERSION", "13000", "built for CUDA 13, but cuBLAS is of CUDA 12")]
    [InlineData("SOFTGPU_CUDNN_VERSION", "7605", "cuDNN 7.6.5 is too old")]
    public void A_cudnn_that_does_not_work_is_said_once_and_the_kernels_train(string variable, string value, string why)
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable { Variables = { [variable] = value } }.WithSmallImages();
        var (code, output, notice) = program.Run(Train(Soft));
        Assert.Equal(0, code);
        Assert.Matches($"(?m)^vbilstm: cuDNN was found, but does not work: .*{why}.* --recurrence kernels asks for this.$", notice);
        Assert.Single(notice.Split("does not work").Skip(1));
        Assert.Contains("kernels' recurrences", output, StringComparison.Ordinal);
        var doctor = program.Run("doctor", "--device", "soft");
        Assert.Equal(0, doctor.Code);
        Assert.Matches($"(?m)^-- LSTM by cuDNN +.*{why}", doctor.Output);
    }

    [Fact]
    public void A_bias_that_cublaslt_does_not_add_is_named_by_the_doctor()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable { Variables = { ["SOFTGPU_FAIL_HEURISTIC"] = "1" } }.WithSmallImages();
        Assert.Equal(0, program.Run(Train(Soft)).Code);
        var doctor = program.Run("doctor", "--device", "soft");
        Assert.Equal(0, doctor.Code);
        Assert.Matches("(?m)^-- product with bias +cuBLASLt refuses it", doctor.Output);
    }

    [Fact]
    public void Two_trainings_by_cudnn_have_the_same_bits_unless_the_user_chose_a_workspace_that_forbids_it()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable().WithSmallImages();
        byte[] Weights(string run) => File.ReadAllBytes(program.At($"runs/{run}/checkpoints/last/weights.safetensors"));
        foreach (var run in new[] { "a", "b", "c" })
        {
            if (run == "c")
                program.Variables["CUBLAS_WORKSPACE_CONFIG"] = ":32:1";
            var (code, _, error) = program.Run(["train", "--run", run, "--steps", "8", .. SmallModel, .. Soft, "--recurrence", "cudnn"]);
            Assert.True(code == 0, error);
            Assert.Equal(run == "c", error.Contains("CUBLAS_WORKSPACE_CONFIG is ':32:1': cuDNN's results may differ", StringComparison.Ordinal));
        }

        Assert.Equal(Weights("a"), Weights("b"));
        Assert.NotEqual(Weights("a"), Weights("c"));
    }

    [Fact]
    public void A_damaged_image_of_the_kernels_is_refused_by_the_driver_and_named_by_the_doctor()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable { Variables = { ["VBILSTM_KERNELS"] = "damaged.fatbin" } }.WithSmallImages();
        File.WriteAllBytes(program.At("damaged.fatbin"), new byte[4096]);
        var (code, _, error) = program.Run(Train(Soft));
        Assert.Equal(3, code);
        Assert.Contains("cuModuleLoadData failed while loading the kernels on Software GPU: CUDA_ERROR_INVALID_IMAGE", error, StringComparison.Ordinal);
        var doctor = program.Run("doctor", "--device", "soft");
        Assert.Equal(3, doctor.Code);
        Assert.Matches("(?m)^!! device .*CUDA_ERROR_INVALID_IMAGE", doctor.Output);
    }

    [Fact]
    public void A_library_that_is_not_what_its_name_says_is_named()
    {
        // Any other library under the driver's name.
        if (!OperatingSystem.IsLinux())
            Assert.Skip("The driver's name is Linux's here.");
        using var program = new Executable();
        program.Variables["VBILSTM_CUDA_LIBRARIES"] = program.Folder;
        File.Copy(Path.Combine(AppContext.BaseDirectory, "runtimes", $"linux-{RuntimeInformation.ProcessArchitecture}".ToLowerInvariant(), "native",
            "libSkiaSharp.so"), program.At("libcuda.so.1"));
        var (code, _, error) = program.Run(Train("--device", "cuda"));
        Assert.Equal(3, code);
        Assert.Contains("'cuInit'", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        var doctor = program.Run("doctor", "--device", "cuda");
        Assert.Equal(3, doctor.Code);
        Assert.Matches("(?m)^!! NVIDIA driver .*libcuda.so.1: .*'cuDriverGetVersion'", doctor.Output);
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
            ?? Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME")
                ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "vbilstm");
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
        SoftwareGpuBuild.Require();
        using var program = new Executable { Variables = { [variable] = "500" } }.WithSmallImages();
        var (code, _, error) = program.Run(Train([.. Soft, "--set", "training.checkpoint_every=1", "training.evaluate_every=0"]));
        Assert.Equal(3, code);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.Matches(@"runs/a/checkpoints/last \(step \d+\) is whole; go on with: vbilstm train --resume runs/a --device cpu", error.Replace('\\', '/'));
        program.Variables.Clear();
        var (resumed, _, why) = program.Run("train", "--resume", "runs/a");
        Assert.True(resumed == 0, why);
    }

    [Fact]
    public void Doctor_says_what_is_there_what_was_tried_and_what_is_missing()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable();
        var (code, output, _) = program.Run("doctor", "--device", "soft");
        Assert.Equal(0, code);
        var parts = new[] { "libcuda.so.1", "CUDA 12.4", "Software GPU", "cublas", "cudnn", "9.1.0", "libnccl.so.2", "2.27.4", "vbilstm_kernels.fatbin" };
        foreach (var part in parts)
            Assert.Contains(part, output, StringComparison.Ordinal);
        using (var report = JsonDocument.Parse(program.Run("doctor", "--device", "soft", "--json").Output))
        {
            Assert.True(report.RootElement.GetProperty("can_train").GetBoolean());
            var cudnn = report.RootElement.GetProperty("findings").EnumerateArray().Single(finding => finding.GetProperty("name").GetString() == "cuDNN");
            Assert.Equal("9.1.0 for CUDA 12.4", cudnn.GetProperty("version").GetString());
            Assert.EndsWith("libcudnn.so.9", cudnn.GetProperty("path").GetString(), StringComparison.Ordinal);
        }

        program.Variables["VBILSTM_CUDA_LIBRARIES"] = "/nowhere";
        var machine = program.Run("doctor");
        Assert.Equal(0, machine.Code);
        Assert.Contains("/nowhere/libnccl.so.2", machine.Output, StringComparison.Ordinal);
        Assert.Matches("(?m)^ok software GPU", machine.Output);
        program.Variables["SOFTGPU_DEVICES"] = "0";
        Assert.Equal(3, program.Run("doctor", "--device", "soft").Code);
    }
}
