using System.Runtime.CompilerServices;

namespace VBiLstm.Tests;

/// <summary>Files of the checkout that the tests were built in.</summary>
static class Checkout
{
    /// <summary>The path of one. Where the tests run without their checkout, as they do when carried to another system, the test is skipped.</summary>
    public static string At(string path)
    {
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Source())!, "../.."));
        Assert.SkipUnless(File.Exists(Path.Combine(root, "VBiLstm.Native.sln")), $"The tests run without their checkout, {root}, which has {path}.");
        return Path.Combine(root, path);
    }

    static string Source([CallerFilePath] string path = "") => path;
}
