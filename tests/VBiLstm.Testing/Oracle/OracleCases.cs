namespace VBiLstm.Tests.Oracle;

/// <summary>The committed golden vectors and those of the folder that <c>VBILSTM_ORACLE</c> names.</summary>
public static class OracleCases
{
    public const string FolderVariable = "VBILSTM_ORACLE";

    /// <summary>Paths for theories; an unreadable extra folder is a failing test, never a silent skip.</summary>
    public static TheoryData<string> Files
    {
        get
        {
            var files = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "oracle"), "*.safetensors").ToList();
            if (Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } folder)
            {
                files.AddRange(Directory.Exists(folder)
                    ? Directory.GetFiles(folder, "*.safetensors")
                    : [Path.Combine(folder, "folder named by VBILSTM_ORACLE is missing")]);
            }

            files.Sort(StringComparer.Ordinal);
            return new TheoryData<string>(files);
        }
    }
}
