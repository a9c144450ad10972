using System.Text.RegularExpressions;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>Steps under NVIDIA's profilers, on the software GPU: which ones, and command lines that the profilers know.</summary>
public class ProfilerTests
{
    static readonly string[] SmallModel = ["--set", "lstm_units=8", "mlp_units=8", "latent_units=4", "batch_size=4"];

    // The options of Nsight Systems' and Nsight Compute's command lines that may be printed, and what they take, from their user guides.
    static readonly Dictionary<string, string> Known = new()
    {
        ["nsys profile --trace"] = "^(cuda|nvtx|cublas|cudnn|osrt|mpi)(,(cuda|nvtx|cublas|cudnn|osrt|mpi))*$",
        ["nsys profile --cuda-graph-trace"] = "^(graph|node)$",
        ["nsys profile --capture-range"] = "^(none|cudaProfilerApi|nvtx|hotkey)$",
        ["nsys profile --output"] = "^[\\w-]+$",
        ["nsys stats --report"] = "^(nvtx_kern_sum|cuda_gpu_kern_sum)(,(nvtx_kern_sum|cuda_gpu_kern_sum))*$",
        ["ncu --profile-from-start"] = "^(on|off)$",
        ["ncu --nvtx"] = "^$",
        ["ncu --nvtx-include"] = "^\"VBiLstm@F3 forward loop/\"$",
        ["ncu --launch-count"] = "^\\d+$",
        ["ncu --set"] = "^(basic|detailed|full|roofline)$",
        ["ncu --export"] = "^[\\w-]+$",
    };

    [Fact]
    public void Profile_runs_kernels_and_the_graph_and_prints_command_lines_that_the_profilers_know()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable();
        var (code, output, error) = program.Run(["profile", "--device", "soft", "--steps", "2", "--time-steps", "3", .. SmallModel]);
        Assert.True(code == 0, error);
        Assert.Contains("2 kernel by kernel", output, StringComparison.Ordinal);
        Assert.Contains("2 as the captured graph that trains", output, StringComparison.Ordinal);
        var lines = Regex.Matches(output, "(?m)^  ((nsys (profile|stats))|ncu) (.*)$");
        Assert.Equal(["nsys profile", "nsys stats", "ncu"], lines.Select(line => line.Groups[1].Value));
        foreach (Match line in lines)
        {
            var profiler = line.Groups[1].Value;

            // Up to the program that is profiled, or the file.
            var own = Regex.Replace(line.Groups[4].Value, @" vbilstm( profile|\.nsys-rep).*$", "");
            foreach (Match option in Regex.Matches(own, "(--[a-z-]+)(?:[= ](\"[^\"]*\"|[^- ][^ ]*))?"))
                Assert.Matches(Known[$"{profiler} {option.Groups[1].Value}"], option.Groups[2].Value);
        }

        Assert.DoesNotContain("captured graph", program.Run(["profile", "--device", "soft", "--no-graph", "--steps", "1", "--time-steps", "2", .. SmallModel])
            .Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_of_a_training_that_are_profiled_change_nothing_and_are_missed_where_they_do_not_come()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable().WithSmallImages();
        (int Code, string Output, string Error) Train(string run, params string[] more)
            => program.Run(["train", "--device", "soft", "--products", "library", "--data", "images", "--run", run, "--steps", "6", .. SmallModel, .. more]);
        byte[] Weights(string run) => File.ReadAllBytes(program.At($"runs/{run}/checkpoints/last/weights.safetensors"));
        Assert.Equal(0, Train("plain").Code);
        var (code, _, error) = Train("profiled", "--profile-steps", "3:4");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(Weights("plain"), Weights("profiled"));
        Assert.Contains("--profile-steps 7:9: none of these steps was run", Train("late", "--profile-steps", "7:9").Error, StringComparison.Ordinal);
        foreach (var wrong in new[] { "3", "0:4", "5:4", "a:b" })
        {
            var refused = Train("wrong", "--profile-steps", wrong);
            Assert.Equal(2, refused.Code);
            Assert.Contains($"--profile-steps is '{wrong}'; use FIRST:LAST", refused.Error, StringComparison.Ordinal);
        }

        var onCpu = program.Run(["train", "--run", "cpu", "--steps", "2", .. SmallModel, "--profile-steps", "1:2"]);
        Assert.Equal(2, onCpu.Code);
        Assert.Contains("needs --device cuda", onCpu.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(program.At("runs/cpu")));
    }
}
