using System.Text;

namespace VBiLstm.Configuration;

/// <summary>The one rule for names that become folders or files, wherever they come from: runs, comparisons, their models and data.</summary>
static class FolderName
{
    const int Longest = 100;

    // File systems take names of 255 bytes, and temporary ones add an ending.
    const int MostBytes = 200;
    const string Signs = "-_.+=@ ";
    static readonly string[] DevicesOfWindows = ["CON", "PRN", "AUX", "NUL", .. Enumerable.Range(0, 10).SelectMany(i => new[] { $"COM{i}", $"LPT{i}" })];

    /// <summary>Refuses a name that could leave its folder, or that some system does not take.</summary>
    /// <param name="field">The option or field, named in the error.</param>
    /// <param name="name">The name.</param>
    /// <exception cref="ConfigurationException">It breaks the rule.</exception>
    public static void Check(string field, string? name)
    {
        if (string.IsNullOrEmpty(name) || name.Length > Longest || Encoding.UTF8.GetByteCount(name) > MostBytes
            || !name.All(c => char.IsLetterOrDigit(c) || Signs.Contains(c, StringComparison.Ordinal))
            || name[0] is '.' or ' ' or '-' || name[^1] is '.' or ' '
            || DevicesOfWindows.Contains(name.Split('.')[0].TrimEnd(), StringComparer.OrdinalIgnoreCase))
        {
            throw new ConfigurationException($"{field} is '{name}'; use a plain name, which becomes a folder: letters, digits, "
                + $"blanks and {string.Join(' ', Signs.Trim().ToCharArray())}, at most {Longest} ({MostBytes} bytes in UTF-8), "
                + "not beginning with '.', '-' or a blank.");
        }
    }
}
