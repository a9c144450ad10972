using VBiLstm.Cuda.Interop;
using VBiLstm.Tests;

namespace VBiLstm.Cuda.Tests;

/// <summary>Where CUDA's libraries are searched, over made-up installations.</summary>
public sealed class LibraryFoldersTests : IDisposable
{
    readonly TemporaryFolder _machine = new();
    readonly Dictionary<string, string> _variables = [];

    public void Dispose() => _machine.Dispose();

    // What is searched below the made-up machine.
    IEnumerable<string> Searched(string library, bool windows = false)
        => new LibraryFolders(_variables.GetValueOrDefault, windows).Of(library).Where(folder => folder.StartsWith(_machine.Path, StringComparison.Ordinal))
            .Select(folder => Path.GetRelativePath(_machine.Path, folder).Replace('\\', '/'));

    string Make(string folder) => Directory.CreateDirectory(_machine.At(folder)).FullName;

    void MakePython(string folder, string? target = null)
    {
        Make(folder);
        var python = _machine.At($"{folder}/python3");
        if (target is null)
            File.WriteAllText(python, "");
        else
            File.CreateSymbolicLink(python, target);
    }

    [Theory]
    [InlineData("CUDA_PATH")]
    [InlineData("CUDA_HOME")]
    [InlineData("EBROOTCUDA")]
    public void A_toolkit_that_a_variable_names(string variable)
    {
        _variables[variable] = _machine.At("cuda");
        foreach (var library in new[] { NativeLibraries.Cublas, NativeLibraries.CublasLt, NativeLibraries.Cudnn, NativeLibraries.Nccl })
            Assert.Equal(["cuda/lib64", "cuda/lib"], Searched(library));
        Assert.Equal(["cuda/bin", "cuda/bin/x64"], Searched(NativeLibraries.Cublas, windows: true));
    }

    [Theory]
    [InlineData("CUDNN_PATH")]
    [InlineData("EBROOTCUDNN")]
    public void A_cudnn_that_a_variable_names_before_the_toolkit_s(string variable)
    {
        _variables["CUDA_HOME"] = _machine.At("cuda");
        _variables[variable] = _machine.At("cudnn");
        Assert.Equal(["cudnn/lib64", "cudnn/lib", "cuda/lib64", "cuda/lib"], Searched(NativeLibraries.Cudnn));
        Assert.Equal(["cuda/lib64", "cuda/lib"], Searched(NativeLibraries.Cublas));
    }

    [Fact]
    public void The_active_conda_environment()
    {
        _variables["CONDA_PREFIX"] = _machine.At("conda");
        Assert.Equal(["conda/lib"], Searched(NativeLibraries.Cudnn));
        Assert.Equal(["conda/Library/bin"], Searched(NativeLibraries.Cudnn, windows: true));
    }

    [Fact]
    public void The_wheels_of_the_active_virtual_environment()
    {
        Make("venv/lib/python3.12/site-packages");
        _variables["VIRTUAL_ENV"] = _machine.At("venv");
        const string Packages = "venv/lib/python3.12/site-packages/nvidia";
        Assert.Equal([$"{Packages}/cu13/lib", $"{Packages}/cublas/lib"], Searched(NativeLibraries.Cublas));
        Assert.Equal([$"{Packages}/cudnn/lib"], Searched(NativeLibraries.Cudnn));
        Assert.Equal([$"{Packages}/nccl/lib"], Searched(NativeLibraries.Nccl));
    }

    [Fact]
    public void The_wheels_of_the_python3_on_path_first_beside_the_link_then_beside_what_it_leads_to()
    {
        MakePython("system/bin");
        Make("system/lib/python3.9/site-packages");
        Make("system/lib/python3.12/site-packages");
        Make("system/local/lib/python3.12/dist-packages");
        MakePython("venv/bin", _machine.At("system/bin/python3"));
        Make("venv/lib/python3.12/site-packages");
        Make("home/.local/lib/python3.12/site-packages");
        _variables["PATH"] = string.Join(Path.PathSeparator, Make("empty"), _machine.At("venv/bin"), _machine.At("system/bin"));
        _variables["HOME"] = _machine.At("home");
        Assert.Equal(
            [
                "venv/lib/python3.12/site-packages/nvidia/cudnn/lib",
                "system/lib/python3.12/site-packages/nvidia/cudnn/lib",
                "system/lib/python3.9/site-packages/nvidia/cudnn/lib",
                "system/local/lib/python3.12/dist-packages/nvidia/cudnn/lib",
                "home/.local/lib/python3.12/site-packages/nvidia/cudnn/lib",
            ],
            Searched(NativeLibraries.Cudnn));
    }

    [Fact]
    public void What_variables_name_comes_before_conda_and_conda_before_wheels()
    {
        Make("venv/lib/python3.12/site-packages");
        _variables["VIRTUAL_ENV"] = _machine.At("venv");
        _variables["CONDA_PREFIX"] = _machine.At("conda");
        _variables["CUDA_HOME"] = _machine.At("cuda");
        Assert.Equal(["cuda/lib64", "cuda/lib", "conda/lib", "venv/lib/python3.12/site-packages/nvidia/nccl/lib"], Searched(NativeLibraries.Nccl));
    }

    [Fact]
    public void The_wheels_and_the_installed_cudnn_of_windows()
    {
        Make("python/Lib/site-packages");
        File.WriteAllText(_machine.At("python/python.exe"), "");
        Make("programs/NVIDIA/CUDNN/v9.2/bin");
        Make("programs/NVIDIA/CUDNN/v9.14/bin/12.9");
        Make("programs/NVIDIA/CUDNN/v9.14/bin/13.0");
        _variables["PATH"] = _machine.At("python");
        _variables["ProgramFiles"] = _machine.At("programs");
        Assert.Equal(
            [
                "python/Lib/site-packages/nvidia/cudnn/bin",
                "python/Lib/site-packages/nvidia/cudnn/bin/x86_64",
                "programs/NVIDIA/CUDNN/v9.14/bin",
                "programs/NVIDIA/CUDNN/v9.14/bin/13.0/x64",
                "programs/NVIDIA/CUDNN/v9.14/bin/13.0",
                "programs/NVIDIA/CUDNN/v9.14/bin/12.9/x64",
                "programs/NVIDIA/CUDNN/v9.14/bin/12.9",
                "programs/NVIDIA/CUDNN/v9.2/bin",
            ],
            Searched(NativeLibraries.Cudnn, windows: true));
    }

    [Fact]
    public void Variables_that_are_empty_and_folders_that_are_missing_name_nothing()
    {
        foreach (var variable in new[] { "CUDA_PATH", "CONDA_PREFIX", "VIRTUAL_ENV", "PATH", "HOME" })
            _variables[variable] = "";
        _variables["VIRTUAL_ENV"] = _machine.At("gone");
        Assert.Empty(Searched(NativeLibraries.Cudnn));
        Assert.Empty(Searched(NativeLibraries.Cudnn, windows: true));
    }
}
