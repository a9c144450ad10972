using VBiLstm.Cli.Execution;

namespace VBiLstm.Cli.Images;

/// <summary>Pictures beside a run: one that cannot be written is told of, and takes nothing from the run.</summary>
static class Pictures
{
    /// <summary>Writes a picture.</summary>
    /// <returns>Whether it is there.</returns>
    public static bool Write(string path, Action<string> write)
    {
        try
        {
            write(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Warning.Print($"{e.Message}; nothing but this picture is missing.");
            return false;
        }
    }
}
