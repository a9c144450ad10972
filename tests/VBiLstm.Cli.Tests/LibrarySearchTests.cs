using System.Diagnostics;
using System.Text.Json;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>CUDA's libraries in the folders where people have them: the software GPU's stand in for NVIDIA's.</summary>
public sealed class LibrarySearchTests : IDisposable
{
    readonly Executable _program = new();

    public LibrarySearchTests() => SoftwareGpuBuild.Require();

    public void Dispose() => _program.Dispose();

    // Copies of the software GPU's libraries; its cuDNN needs its cuBLASLt beside it.
    string Put(string folder, params string[] libraries)
    {
        var path = Directory.CreateDirectory(_program.At(folder)).FullName;
        foreach (var library in libraries)
            File.Copy(Path.Combine(AppContext.BaseDirectory, "softgpu", library), Path.Combine(path, library));
        return path;
    }

    // A library of one function.
    string Compile(string folder, string library, string source)
    {
        var path = Directory.CreateDirectory(_program.At(folder)).FullName;
        using var compiler = Process.Start(new ProcessStartInfo("c++", ["-shared", "-fPIC", "-x", "c++", "-", "-o", Path.Combine(path, library)])
        {
            RedirectStandardInput = true,
        })!;
        compiler.StandardInput.WriteLine($"extern \"C\" {source}");
        compiler.StandardInput.Close();
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        return path;
    }

    static string Folders(params string[] folders) => string.Join(Path.PathSeparator, folders);

    JsonElement Finding(string name)
    {
        using var report = JsonDocument.Parse(_program.Run("doctor", "--json").Output);
        return report.RootElement.GetProperty("findings").EnumerateArray().Single(finding => finding.GetProperty("name").GetString() == name).Clone();
    }

    [Fact]
    public void A_training_runs_with_the_libraries_of_conda_and_of_pip()
    {
        _program.WithSmallImages().Variables["VBILSTM_CUDA_LIBRARIES"] = Put("driver", "libcuda.so.1");
        _program.Variables["VBILSTM_KERNELS"] = Path.Combine(AppContext.BaseDirectory, "softgpu", "vbilstm_kernels.fatbin");
        _program.Variables["CONDA_PREFIX"] = _program.At("conda");
        var cudnn = Put("conda/lib", "libcudnn.so.9", "libcublasLt.so.12");
        _program.Variables["VIRTUAL_ENV"] = _program.At("venv");
        var cublas = Put("venv/lib/python3.12/site-packages/nvidia/cublas/lib", "libcublas.so.12", "libcublasLt.so.12");
        foreach (var (name, path) in new[] { ("cuDNN", $"{cudnn}/libcudnn.so.9"), ("cuBLAS", $"{cublas}/libcublas.so.12") })
        {
            var found = Finding(name).GetProperty("path").GetString();
            Assert.SkipWhen(found is not null && !found.StartsWith(_program.Folder, StringComparison.Ordinal), $"This machine has {found}.");
            Assert.Equal(path, found);
        }

        var (code, output, error) = _program.Run("train", "--device", "cuda", "--data", "images", "--steps", "2", "--run", "a", "--set", "lstm_units=8",
            "mlp_units=8", "latent_units=4", "batch_size=4");
        Assert.True(code == 0, error);
        Assert.Contains("cuda:0 (Software GPU, TF32, cuDNN 9.1.0", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_stub_of_a_toolkit_is_passed_over_for_the_driver_behind_it()
    {
        var stub = Compile("stubs", "libcuda.so.1", "int cuInit(unsigned) { return 34; }");
        var driver = Put("driver", "libcuda.so.1");
        _program.Variables["VBILSTM_CUDA_LIBRARIES"] = Folders(stub, driver);
        var found = Finding("NVIDIA driver");
        Assert.Equal($"{driver}/libcuda.so.1", found.GetProperty("path").GetString());
        Assert.StartsWith($"{stub}/libcuda.so.1 (the toolkit's stub", found.GetProperty("tried")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_stub_alone_is_named_with_what_to_do()
    {
        var stub = Compile("stubs", "libcuda.so.1", "int cuInit(unsigned) { return 34; }");
        _program.Variables["VBILSTM_CUDA_LIBRARIES"] = stub;
        var (code, _, error) = _program.Run("train", "--device", "cuda", "--steps", "2");
        Assert.SkipWhen(Finding("NVIDIA driver").GetProperty("found").GetBoolean(), "This machine has a driver.");
        Assert.Equal(3, code);
        Assert.Contains($"{stub}/libcuda.so.1 (the toolkit's stub", error, StringComparison.Ordinal);
        Assert.Contains("take its folder out of LD_LIBRARY_PATH", error, StringComparison.Ordinal);
        Assert.Matches("(?m)^!! NVIDIA driver .*the toolkit's stub", _program.Run("doctor", "--device", "cuda").Output);
    }

    [Fact]
    public void A_cudnn_that_is_too_new_for_the_driver_is_passed_over()
    {
        var later = Compile("later", "libcudnn.so.9", "unsigned long cudnnGetCudartVersion() { return 13000; }");
        var right = Put("right", "libcuda.so.1", "libcudnn.so.9", "libcublasLt.so.12");
        _program.Variables["VBILSTM_CUDA_LIBRARIES"] = Folders(later, right);
        var cudnn = Finding("cuDNN");
        Assert.Equal($"{right}/libcudnn.so.9", cudnn.GetProperty("path").GetString());
        Assert.StartsWith($"{later}/libcudnn.so.9 (it is for CUDA 13", cudnn.GetProperty("tried")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_cublas_that_cudnn_was_built_for_is_better_than_another_found_earlier()
    {
        // A driver for CUDA 13 may use both.
        _program.Variables["SOFTGPU_DRIVER_VERSION"] = "13000";
        _program.Variables["VBILSTM_CUDA_LIBRARIES"] = Folders(Put("driver", "libcuda.so.1"),
            Compile("cudnn", "libcudnn.so.9", "unsigned long cudnnGetCudartVersion() { return 12090; }"));
        _program.Variables["CUDA_HOME"] = _program.At("cuda");
        _program.Variables["CONDA_PREFIX"] = _program.At("conda");
        Compile("cuda/lib64", "libcublas.so.13", "int cublasGetProperty() { return 1; }");
        var cublas = Put("conda/lib", "libcublas.so.12", "libcublasLt.so.12");
        var found = Finding("cuBLAS").GetProperty("path").GetString();
        Assert.SkipWhen(found is not null && !found.StartsWith(_program.Folder, StringComparison.Ordinal), $"This machine has {found}.");
        Assert.Equal($"{cublas}/libcublas.so.12", found);
    }
}
