using VBiLstm.Tests;

namespace VBiLstm.Cuda.Tests;

/// <summary>The device under test: the software GPU, or a real one where <c>VBILSTM_TEST_DEVICE</c> is <c>cuda</c>.</summary>
static class Gpu
{
    public const string Variable = "VBILSTM_TEST_DEVICE";

    public static bool IsSoftware => Environment.GetEnvironmentVariable(Variable) switch
    {
        null or "" or "soft" => true,
        "cuda" => false,
        var other => throw new InvalidOperationException($"{Variable} is '{other}'; use soft or cuda."),
    };

    /// <summary>As <see cref="OptionsOfKernels"/> says.</summary>
    public static CudaDevice Create(CudaRecurrence recurrence = CudaRecurrence.Automatic, CudaPrecision precision = CudaPrecision.Fp32, bool graph = true)
        => new(OptionsOfKernels(recurrence, precision, graph));

    /// <summary>
    /// Products of few rows go through the project's kernels, where the precision has any: they are tested as much as what users get unasked.
    /// </summary>
    public static CudaOptions OptionsOfKernels(CudaRecurrence recurrence, CudaPrecision precision, bool graph)
        => Options(recurrence, precision, graph) with { Products = precision == CudaPrecision.Fp32 ? CudaProducts.Automatic : CudaProducts.Kernels };

    /// <summary>Of the device under test; skips the test where the build has none.</summary>
    public static CudaOptions Options(CudaRecurrence recurrence = CudaRecurrence.Automatic, CudaPrecision precision = CudaPrecision.Fp32, bool graph = true)
    {
        if (IsSoftware)
            SoftwareGpuBuild.Require();
        return new CudaOptions { Software = IsSoftware, Precision = precision, Recurrence = recurrence, UseGraph = graph };
    }
}
