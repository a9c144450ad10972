namespace VBiLstm.Tests;

/// <summary>Whether the software GPU is part of this build, which needs CMake and a C++ compiler.</summary>
public static class SoftwareGpuBuild
{
    // As the device looks for it.
    static bool IsThere => Environment.GetEnvironmentVariable("VBILSTM_SOFTGPU") is { Length: > 0 }
        || Directory.Exists(Path.Combine(AppContext.BaseDirectory, "softgpu"));

    /// <summary>Skips a test that runs on the software GPU where the build has none; .ci/run checks that none is skipped where it has.</summary>
    public static void Require() => Assert.SkipUnless(IsThere, "The software GPU is not part of this build: it needs CMake and a C++ compiler.");
}
