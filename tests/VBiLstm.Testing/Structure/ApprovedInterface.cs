using System.Reflection;
using PublicApiGenerator;

namespace VBiLstm.Tests.Structure;

/// <summary>What a packed assembly shows to its users, beside the file in docs/api in which that was approved.</summary>
public static class ApprovedInterface
{
    /// <summary>Environment variable: set to 1, the files are written anew instead of compared.</summary>
    const string Approve = "VBILSTM_APPROVE";

    static readonly ApiGeneratorOptions Options = new()
    {
        IncludeAssemblyAttributes = false,

        // What the keys of a configuration say and how files spell names is documented, and tested, elsewhere.
        ExcludeAttributes =
        [
            "System.ComponentModel.DescriptionAttribute",
            "System.Text.Json.Serialization.JsonIgnoreAttribute",
            "System.Text.Json.Serialization.JsonStringEnumMemberNameAttribute",
        ],
    };

    /// <summary>Asserts that the interface is the approved one, and says otherwise what is new and what is gone.</summary>
    public static void Check(Assembly assembly, string package)
        => Check(assembly.GeneratePublicApi(Options).ReplaceLineEndings("\n").TrimEnd() + "\n",
            Path.Combine(Checkout.Root, "docs/api", package + ".txt"));

    internal static void Check(string shown, string file)
    {
        if (Environment.GetEnvironmentVariable(Approve) == "1")
        {
            File.WriteAllText(file, shown);
            return;
        }

        var approved = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        var (before, now) = (Members(approved), Members(shown));
        var differences = before.Except(now).Select(member => $"- {member}").Concat(now.Except(before).Select(member => $"+ {member}")).ToList();
        Assert.True(approved == shown, $"""
            The public interface is not the one approved in {file}:
            {string.Join('\n', differences)}
            What users of the package need not see is internal. Where the change is meant, run this test with {Approve}=1, which writes the file, and commit it.
            """);
    }

    // Lines of members behind their type's, which makes them unlike each other.
    static List<string> Members(string text)
    {
        var members = new List<string>();
        string space = "", type = "";
        foreach (var line in text.Split('\n').Where(line => line.Trim() is not ("" or "{" or "}")))
        {
            if (line[0] != ' ')
                space = line.Split(' ')[^1];
            else if (!line.StartsWith("        ", StringComparison.Ordinal))
                members.Add(type = $"{space}: {line.Trim()}");
            else
                members.Add($"{type}: {line.Trim()}");
        }

        return members;
    }
}
