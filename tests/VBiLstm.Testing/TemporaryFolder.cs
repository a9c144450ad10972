namespace VBiLstm.Tests;

/// <summary>A fresh folder that vanishes with the test.</summary>
sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("vbilstm-").FullName;

    public string Path { get; }

    public string At(string name) => System.IO.Path.Combine(Path, name.Replace('/', System.IO.Path.DirectorySeparatorChar));

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
