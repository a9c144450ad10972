using System.Runtime.CompilerServices;

namespace VBiLstm.Tests;

/// <summary>Files of the checkout that the tests were built in.</summary>
static class Checkout
{
    /// <summary>Its folder, whether it is still there or not.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Source())!, "../.."));

    /// <summary>The path of one. Where the tests run without their checkout, as they do when carried to another system, the test is skipped.</summary>
    public static string At(string path)
    {
        Assert.SkipUnless(File.Exists(Path.Combine(Root, "VBiLstm.Native.sln")), $"The tests run without their checkout, {Root}, which has {path}.");
        return Path.Combine(Root, path);
    }

    static string Source([CallerFilePath] string path = "") => path;
}
